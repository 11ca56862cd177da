"""Durations, sizes, addresses and instants: how they are written and what they mean.

Invariant: `parse_x(format_x(v)) == v` for every value that a document can hold; a message never repeats a
value that came from the environment.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

_DURATION_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SIZE_UNITS = {
    "B": 1,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
}
DURATION_PATTERN = r"(?:[0-9]{1,12}(?:\.[0-9]{1,3})?(?:ms|s|m|h|d))+"
SIZE_PATTERN = r"[0-9]{1,18}(?:B|[KMGT]i?B)"
ADDRESS_PATTERN = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}"
_DURATION = re.compile(DURATION_PATTERN)
_DURATION_PART = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))?(ms|s|m|h|d)")
_SIZE = re.compile(r"([0-9]{1,18})(B|[KMGT]i?B)")
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})")
_MAX_PORT = 65_535
_MAX_DURATION_S = 10 * 365 * 86_400.0
_MAX_SHOWN = 40


class Expanded(str):
    """Text into which the environment was expanded: a number may come from it, a message may not show it."""

    __slots__ = ()


class Address(NamedTuple):
    """Where to listen; port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def shown(value: object) -> str:
    """How a refused value is named in a message: literal short text as it is, anything else by its kind."""
    if isinstance(value, str) and not isinstance(value, Expanded) and len(value) <= _MAX_SHOWN:
        return f'"{value}"'
    return kind(value)


def kind(value: object) -> str:
    """The kind of a value in the words of the document, never the value."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true/false"
    for types, name in (((int, float), "a number"), (str, "text"), (list, "a list"), (dict, "a mapping")):
        if isinstance(value, types):
            return name
    return "something else"


def parse_duration(value: object) -> float:
    """Seconds of `10s`, `100ms`, `5m`, `1h30m`, `1d`; exact to a microsecond."""
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        hint = (
            " (a unit is missing)" if isinstance(value, (int, float)) and not isinstance(value, bool) else ""
        )
        message = f"expected a duration such as 100ms, 10s or 5m, got {shown(value)}{hint}"
        raise ValueError(message)
    total_us = 0
    for whole, fraction, unit in _DURATION_PART.findall(value):
        total_us += int(whole + fraction.ljust(3, "0")) * _DURATION_UNITS_MS[unit]
    seconds = total_us / 1_000_000
    if seconds > _MAX_DURATION_S:
        message = "is longer than ten years"
        raise ValueError(message)
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest spelling with one unit: 300.0 is `5m`, 0.25 is `250ms`, 1.5 is `1500ms`."""
    total_us = round(seconds * 1_000_000)
    for unit in ("d", "h", "m", "s", "ms"):
        size_us = _DURATION_UNITS_MS[unit] * 1_000
        if total_us and total_us % size_us == 0:
            return f"{total_us // size_us}{unit}"
    return f"{total_us / 1_000:.3f}ms" if total_us else "0s"


def parse_size(value: object) -> int:
    """Bytes of `512B`, `64KiB`, `32MiB`, `1GB` (KB, MB, GB are powers of 1,000)."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        message = f"expected a size such as 64KiB, 32MiB or 1GiB, got {shown(value)}"
        raise ValueError(message)
    return int(match[1]) * _SIZE_UNITS[match[2]]


def format_size(size_bytes: int) -> str:
    """The largest binary unit that divides the size: 33554432 is `32MiB`."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size_bytes and size_bytes % _SIZE_UNITS[unit] == 0:
            return f"{size_bytes // _SIZE_UNITS[unit]}{unit}"
    return f"{size_bytes}B"


def parse_address(value: object) -> Address:
    """Host and port of `127.0.0.1:8080`, `localhost:8080`, `[::1]:8080`."""
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        message = f"expected host:port such as 127.0.0.1:8080 or [::1]:8080, got {shown(value)}"
        raise ValueError(message)
    port = int(match[3])
    if port > _MAX_PORT:
        message = f"port {port} is above 65535"
        raise ValueError(message)
    return Address(match[1] or match[2], port)


def parse_instant(value: object) -> float:
    """Unix seconds of an ISO 8601 date or date and time; without an offset it is UTC (RFC 3339 otherwise)."""
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        message = f"expected a date such as 2027-01-31 or 2027-01-31T12:00:00Z, got {shown(value)}"
        raise ValueError(message) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def format_instant(unix_s: float) -> str:
    """The instant in UTC, as RFC 3339 writes it."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat().replace("+00:00", "Z")


def parse_whole(value: object) -> object:
    """A whole number that came through the environment as text becomes one; the rest is left as it is."""
    if isinstance(value, Expanded) and re.fullmatch(r"-?[0-9]{1,15}", value):
        return int(value)
    return value


def parse_flag(value: object) -> object:
    """`true` and `false` that came through the environment become booleans."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, Expanded) else value
