"""Log lines: JSON, with the request they belong to, and with every kind of key masked."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

import orjson
import pytest
from headgate.observe import logs
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXT_OF_A_KEY = "Zk3vQ9wX7rT5yU1iO0pA"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    text = io.StringIO()
    logs.configure("worker-1", text)
    yield text
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    "text",
    [
        f"sk-{_TEXT_OF_A_KEY}",
        f"key sk-proj-{_TEXT_OF_A_KEY} refused",
        f"gnd_{_TEXT_OF_A_KEY}",
        f"Authorization: Bearer {_TEXT_OF_A_KEY}",
        f"authorization: {_TEXT_OF_A_KEY}",
        f"Bearer {_TEXT_OF_A_KEY}",
        f"x-api-key: {_TEXT_OF_A_KEY}",
        f'{{"api_key": "{_TEXT_OF_A_KEY}"}}',
        f"GET /v1beta/models?key={_TEXT_OF_A_KEY}&alt=sse",
        f"AIza{_TEXT_OF_A_KEY}",
        f"gsk_{_TEXT_OF_A_KEY},",
        f"HEADGATE_ADMIN_KEY=x admin_key={_TEXT_OF_A_KEY}",
        f"password={_TEXT_OF_A_KEY}",
    ],
)
def test_keys_are_masked(text: str) -> None:
    masked = logs.mask(text)
    assert _TEXT_OF_A_KEY not in masked
    assert "***" in masked


@pytest.mark.parametrize(
    "text",
    [
        "task-force 12 of sk-1",
        "the bearer of news",
        "model gpt-4o-mini answered 200",
        "disk-full",
        "risk-adjusted",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert logs.mask(text) == text


@given(before=st.text(max_size=40), after=st.text(max_size=40))
def test_a_key_is_masked_wherever_it_stands(before: str, after: str) -> None:
    assert _TEXT_OF_A_KEY not in logs.mask(f"{before} sk-{_TEXT_OF_A_KEY} {after}")


def test_a_line_is_json_with_its_request(stream: io.StringIO) -> None:
    logging.getLogger("headgate.test").warning(
        "upstream %s said no", "a", extra={"request_id": "r-1", "trace_id": "t-1"}
    )
    line = orjson.loads(stream.getvalue())
    line.pop("time")
    assert line == {
        "level": "warning",
        "process": "worker-1",
        "logger": "headgate.test",
        "message": "upstream a said no",
        "request_id": "r-1",
        "trace_id": "t-1",
    }


def test_arguments_and_tracebacks_are_masked(stream: io.StringIO) -> None:
    try:
        raise ValueError(f"bad key sk-{_TEXT_OF_A_KEY}")
    except ValueError:
        logging.getLogger("headgate.test").exception("with %s", f"gnd_{_TEXT_OF_A_KEY}")
    assert _TEXT_OF_A_KEY not in stream.getvalue()
    assert "ValueError" in orjson.loads(stream.getvalue())["exception"]


def test_the_level_can_be_changed(stream: io.StringIO) -> None:
    logs.set_level("error")
    logging.getLogger("headgate.test").warning("quiet")
    logs.set_level("debug")
    logging.getLogger("headgate.test").debug("loud")
    assert [orjson.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["loud"]
