"""Durations, sizes, addresses, instants."""

from __future__ import annotations

import pytest
from headgate.config import values
from headgate.config.values import Address, Expanded
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 10 * 365 * 86_400_000_000))
def test_duration_round_trips_to_the_microsecond(total_us: int):
    seconds = total_us / 1_000_000
    assert values.parse_duration(values.format_duration(seconds)) == seconds


@given(st.integers(0, 2**50 - 1))
def test_size_round_trips(size: int):
    assert values.parse_size(values.format_size(size)) == size


@given(st.sampled_from(["localhost", "10.0.0.1", "::1", "fe80::1", "gateway.example"]), st.integers(0, 65535))
def test_address_round_trips(host: str, port: int):
    assert values.parse_address(str(Address(host, port))) == Address(host, port)


@given(st.integers(0, 4_000_000_000))
def test_instant_round_trips(unix_s: int):
    assert values.parse_instant(values.format_instant(float(unix_s))) == float(unix_s)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10.0),
        ("100ms", 0.1),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1d", 86400.0),
        ("0s", 0.0),
        ("1.5s", 1.5),
    ],
)
def test_duration(text: str, seconds: float):
    assert values.parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "10", "s", "-1s", "10 s", "1w", "1e3s", "\u0661s", "99999d", True, None, [], 5]
)
def test_no_duration(text: object):
    with pytest.raises(ValueError, match=r"expected a duration|longer"):
        values.parse_duration(text)


@pytest.mark.parametrize(("text", "size"), [("1B", 1), ("64KiB", 65536), ("1GB", 10**9), ("32MiB", 32 << 20)])
def test_size(text: str, size: int):
    assert values.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "10", "MiB", "1.5MiB", "-1B", "10 MiB", 10, None])
def test_no_size(text: object):
    with pytest.raises(ValueError, match="expected a size"):
        values.parse_size(text)


@pytest.mark.parametrize(
    "text", ["8080", ":8080", "a:b", "::1:8080", "[::1]", "a:65536", "http://a:1", 8080, None]
)
def test_no_address(text: object):
    with pytest.raises(ValueError, match=r"host:port|65535"):
        values.parse_address(text)


def test_an_instant_without_offset_is_utc():
    assert values.parse_instant("2027-01-01") == values.parse_instant("2027-01-01T01:00:00+01:00")


@pytest.mark.parametrize(
    "parse", [values.parse_duration, values.parse_size, values.parse_address, values.parse_instant]
)
def test_a_value_from_the_environment_is_never_shown(parse):
    with pytest.raises(ValueError, match="expected") as caught:
        parse(Expanded("sk-secret-text"))
    assert "sk-secret" not in str(caught.value)
