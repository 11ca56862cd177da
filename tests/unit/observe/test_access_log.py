"""The access log: whole lines, bounded memory, no surprises from names that callers choose."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import orjson
import uvloop
from headgate.observe.access_log import CHUNK_BYTES, AccessEntry, LineWriter, as_json, as_text, renderer
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

ENTRY = AccessEntry(
    time_unix_ms=1_700_000_000_123,
    request_id="abc",
    method="POST",
    path="/v1/chat/completions",
    status=200,
    duration_ms=12.34567,
    key="team a",
    model="gpt-4o",
    provider="openai",
    attempts=1,
    prompt_tokens=7,
    completion_tokens=9,
)


def test_json_has_what_is_known_and_nothing_else() -> None:
    assert orjson.loads(as_json(ENTRY)) == {
        "time": "2023-11-14T22:13:20.123Z",
        "log": "access",
        "request_id": "abc",
        "method": "POST",
        "path": "/v1/chat/completions",
        "status": 200,
        "duration_ms": 12.346,
        "key": "team a",
        "model": "gpt-4o",
        "provider": "openai",
        "attempts": 1,
        "prompt_tokens": 7,
        "completion_tokens": 9,
    }


def test_text_has_fixed_columns() -> None:
    assert as_text(ENTRY) == (
        b"2023-11-14T22:13:20.123Z abc POST /v1/chat/completions 200 12.3ms team_a gpt-4o openai 7+9 -\n"
    )


@given(name=st.text())
def test_no_name_ends_a_line_or_adds_a_column(name: str) -> None:
    entry = AccessEntry(0, "id", "POST", "/", 200, 1.0, model=name, key=name)
    for line in (as_text(entry),):
        assert line.count(b"\n") == 1
        assert line.count(b" ") == 10


def test_none_renders_nothing() -> None:
    assert (renderer("none"), renderer("json"), renderer("text")) == (None, as_json, as_text)


def _written(play: Callable[[LineWriter], None], **options: int) -> tuple[list[bytes], LineWriter]:
    chunks: list[bytes] = []

    def write(_fd: int, data: bytes) -> int:
        chunks.append(data)
        return len(data)

    async def run() -> LineWriter:
        writer = LineWriter(1, asyncio.get_running_loop(), write=write, **options)
        play(writer)
        writer.close()
        return writer

    return chunks, uvloop.run(run())


@given(sizes=st.lists(st.integers(1, 6000), max_size=30))
def test_lines_leave_whole_in_order_and_in_writes_that_do_not_mix(sizes: list[int]) -> None:
    lines = [b"%d" % (number % 10) * size + b"\n" for number, size in enumerate(sizes)]
    chunks, _writer = _written(lambda writer: [writer.add(line) for line in lines] and None)
    assert b"".join(chunks) == b"".join(lines)
    assert all(chunk.endswith(b"\n") for chunk in chunks)
    assert all(len(chunk) <= CHUNK_BYTES or chunk.count(b"\n") == 1 for chunk in chunks)


def test_a_reader_that_does_not_keep_up_costs_lines_not_memory() -> None:
    chunks, writer = _written(
        lambda writer: [writer.add(b"x" * 99 + b"\n") for _ in range(10)] and None, buffer_bytes=500
    )
    assert (b"".join(chunks).count(b"\n"), writer.dropped) == (5, 5)


def test_lines_are_written_without_being_asked() -> None:
    reading, writing = os.pipe()

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        writer = LineWriter(writing, loop)
        for number in range(3):
            writer.add(b"line %d\n" % number)
        return await loop.run_in_executor(None, os.read, reading, 999)

    assert uvloop.run(asyncio.wait_for(run(), 5)) == b"line 0\nline 1\nline 2\n"
    os.close(reading)
    os.close(writing)


def test_a_closed_descriptor_ends_no_request() -> None:
    def write(_fd: int, _data: bytes) -> int:
        raise BrokenPipeError

    async def run() -> int:
        writer = LineWriter(1, asyncio.get_running_loop(), write=write)
        writer.add(b"line\n")
        writer.close()
        return writer.dropped

    assert uvloop.run(run()) == 1
