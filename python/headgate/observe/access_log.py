"""The access log: one line per request, without headers and without payload.

Invariant: an entry holds only the fields below, none of which can carry a secret; lines reach the descriptor
whole and in order, and the loop never waits for more than one write of `CHUNK_BYTES` (or of one longer line).
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

# PIPE_BUF: workers share one descriptor, and only writes up to this size do not mix on a pipe (POSIX
# write()).
CHUNK_BYTES = 4096
BUFFER_BYTES = 8 << 20
FLUSH_AFTER_S = 0.1

_TEXT_MARKS = str.maketrans({" ": "_", "\n": "_", "\r": "_", "\t": "_"})


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """What the log says of a request; times are Unix and durations milliseconds."""

    time_unix_ms: int
    request_id: str
    method: str
    path: str
    status: int
    duration_ms: float
    overhead_ms: float | None = None
    ttft_ms: float | None = None
    trace_id: str | None = None
    endpoint: str = ""
    key: str | None = None
    model: str | None = None
    provider: str | None = None
    attempts: int = 0
    cache: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: str | None = None


def as_json(entry: AccessEntry) -> bytes:
    """One JSON object and a line feed; absent values are left out."""
    fields: dict[str, object] = {"time": _time(entry.time_unix_ms), "log": "access"}
    for name in AccessEntry.__slots__:
        value = getattr(entry, name)
        if name != "time_unix_ms" and value is not None and value != "":
            fields[name] = round(value, 3) if isinstance(value, float) else value
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def as_text(entry: AccessEntry) -> bytes:
    """One line for people; a value can neither end the line nor add a column."""
    columns = (
        _time(entry.time_unix_ms),
        entry.request_id,
        entry.method,
        entry.path,
        str(entry.status),
        f"{entry.duration_ms:.1f}ms",
        entry.key or "-",
        entry.model or "-",
        entry.provider or "-",
        f"{entry.prompt_tokens}+{entry.completion_tokens}",
        entry.error or "-",
    )
    line = " ".join(column.translate(_TEXT_MARKS) for column in columns)
    return line.encode("utf-8", "backslashreplace") + b"\n"


def renderer(form: str) -> Callable[[AccessEntry], bytes] | None:
    """How lines are written for `telemetry.access_log` json, text or none."""
    return {"json": as_json, "text": as_text}.get(form)


def _time(unix_ms: int) -> str:
    return (
        datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


class LineWriter:
    """Lines to a descriptor, gathered for `FLUSH_AFTER_S` and written one chunk per turn of the loop.

    Attributes:
        dropped: lines that did not fit in the buffer because the reader of the descriptor does not keep up.
    """

    def __init__(
        self,
        fd: int,
        loop: asyncio.AbstractEventLoop,
        *,
        write: Callable[[int, bytes], int] = os.write,
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        """`fd` stays the caller's: it is not closed."""
        self._fd = fd
        self._loop = loop
        self._write = write
        self._buffer_bytes = buffer_bytes
        self._lines: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._timer: asyncio.Handle | None = None
        self.dropped = 0

    def add(self, line: bytes) -> None:
        """Take one line, its line feed included."""
        if self._waiting_bytes + len(line) > self._buffer_bytes:
            self.dropped += 1
            return
        self._lines.append(line)
        self._waiting_bytes += len(line)
        if self._timer is None:
            self._timer = self._loop.call_later(FLUSH_AFTER_S, self._turn)

    def close(self) -> None:
        """Write what waits, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._lines:
            self._write_chunk()

    def _turn(self) -> None:
        self._write_chunk()
        self._timer = self._loop.call_soon(self._turn) if self._lines else None

    def _write_chunk(self) -> None:
        chunk = bytearray()
        while self._lines and (not chunk or len(chunk) + len(self._lines[0]) <= CHUNK_BYTES):
            chunk += self._lines.popleft()
        self._waiting_bytes -= len(chunk)
        rest = bytes(chunk)
        try:
            while rest:
                rest = rest[self._write(self._fd, rest) :]
        except BlockingIOError:
            self._lines.appendleft(rest)
            self._waiting_bytes += len(rest)
            if self._timer is None:
                # close() does not wait for a reader that is stuck.
                self.dropped += len(self._lines)
                self._lines.clear()
                self._waiting_bytes = 0
        except OSError:
            # A log that cannot be written (its reader is gone) must not end requests.
            self.dropped += 1
