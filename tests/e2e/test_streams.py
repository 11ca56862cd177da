"""Streams (SPEC C): bytes pass as they come, ends are told, leaving is noticed, slowness is passed back."""

from __future__ import annotations

import json
import selectors
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from support import wire
from support.gateway import Gateway, document, eventually, pss_bytes, start
from support.upstream import End, Gate, Received, Step, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.client import Streaming

    RecordProperty = Callable[[str, object], None]

_MB = 1 << 20


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    config = document({"main": upstream})
    # Metrics are by route: a route of its own keeps a test's numbers apart.
    config["routes"].append({"model_alias": "gpt-4o-left", "targets": [{"provider": "main"}]})
    with start(tmp_path_factory.mktemp("streams"), config) as running:
        yield running


def _payloads(steps: list[bytes]) -> list[bytes]:
    return [step.removeprefix(b"data: ").strip() for step in steps]


# --- passing on


def test_an_event_passes_before_the_next_is_made(gateway: Gateway, upstream: Upstream) -> None:
    events = wire.chat_events()
    gates = [Gate() for _ in events]
    steps: list[Step] = [wire.stream_head()]
    for event, gate in zip(events, gates, strict=True):
        steps += [wire.chunk(event), gate]
    upstream.script("gated", [*steps, wire.chunk(b"")])
    with gateway.client.open("gated", stream_options={"include_usage": True}) as reading:
        for event, gate in zip(events, gates, strict=True):
            gate.reached()
            reading.until(event)
            gate.open()
        assert reading.to_end().endswith(b"0\r\n\r\n")
        head, _, _ = reading.seen.partition(b"\r\n\r\n")
        assert b"content-type: text/event-stream" in head
        assert b"x-headgate-cost" not in head


@pytest.mark.parametrize("half", [True, False])
def test_part_of_an_event_waits_for_the_rest(gateway: Gateway, upstream: Upstream, *, half: bool) -> None:
    events = wire.chat_events()
    gate = Gate()
    cut = len(events[2]) // 2 if half else len(events[2]) - 1
    first, last = events[2][:cut], events[2][cut:]
    upstream.script(
        "halves",
        [
            wire.stream_head(),
            *map(wire.chunk, events[:2]),
            wire.chunk(first),
            gate,
            wire.chunk(last),
            *map(wire.chunk, [*events[3:], b""]),
        ],
    )
    with gateway.client.open("halves") as reading:
        gate.reached()
        assert events[2][:20] not in reading.until(events[1]).partition(events[1])[2]
        gate.open()
        assert events[2] in reading.to_end()


def test_payloads_are_the_same_bytes_however_they_arrive(gateway: Gateway, upstream: Upstream) -> None:
    odd = '{"id": "x",  "choices":[{"index":0,"delta":{"content":"é 語 \\ud83d\\ude00 😀"}}],"extra" :1.50}'
    events = [b"data: " + odd.encode() + b"\n\n", *wire.chat_events("é 語 😀", usage=False)]
    plain = wire.stream(events)
    upstream.script("bytes", plain, list(wire.bytewise(plain)))
    first, second = (gateway.client.chat("bytes", stream=True) for _ in range(2))
    assert first.payloads == second.payloads == _payloads(events)


@pytest.mark.parametrize("ending", [b"\n\n", b"\r\n\r\n", b"\r\r"])
def test_every_line_ending_and_form_of_an_event(gateway: Gateway, upstream: Upstream, ending: bytes) -> None:
    line = ending[: len(ending) // 2]
    events = [event.replace(b"\n\n", ending) for event in wire.chat_events(usage=False)]
    noise = b"\xef\xbb\xbf: a comment" + ending + b"event: message" + line + b"id: 7" + line
    upstream.script("endings", wire.stream([noise + events[0], *events[1:]]))
    answer = gateway.client.chat("endings", stream=True)
    assert answer.body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip().endswith(b"data: [DONE]")
    words = [word for word in wire.TEXT.split(" ") if word.encode() not in answer.body]
    assert words == []


def test_a_data_line_without_a_blank_passes(gateway: Gateway, upstream: Upstream) -> None:
    events = [event.replace(b"data: ", b"data:", 1) for event in wire.chat_events(usage=False)]
    upstream.script("tight", wire.stream(events))
    assert b"four" in gateway.client.chat("tight", stream=True).body


@pytest.mark.parametrize("size", [200_000, _MB])
def test_a_large_event_passes_whole(gateway: Gateway, upstream: Upstream, size: int) -> None:
    text = "x" * size
    events = [wire.delta({"content": text}), wire.delta({}, "stop"), wire.usage_event(), wire.DONE]
    upstream.script("large", wire.stream(events))
    answer = gateway.client.chat("large", stream=True)
    assert answer.text == text
    (record,) = gateway.settled(answer.request_id)
    assert (record["completion_tokens"], record["usage_source"]) == (5, "provider")


def test_many_events_in_one_write(gateway: Gateway, upstream: Upstream) -> None:
    events = wire.chat_events("word " * 2000, usage=False)
    upstream.script("burst", [wire.stream_head() + wire.chunk(b"".join(events)) + wire.chunk(b"")])
    assert gateway.client.chat("burst", stream=True).payloads == _payloads(events)


# --- usage


@pytest.mark.parametrize("asked", [None, False, True])
def test_the_usage_chunk_is_for_who_asked(
    gateway: Gateway, upstream: Upstream, *, asked: bool | None
) -> None:
    model = f"usage-{asked}"
    upstream.script(model, wire.stream(wire.chat_events()))
    options: dict[str, Any] = {} if asked is None else {"stream_options": {"include_usage": asked}}
    answer = gateway.client.chat(model, stream=True, **options)
    assert (wire.usage_event().strip() in answer.body) is bool(asked)
    assert answer.payloads[-1] == b"[DONE]"
    assert upstream.request(model).json["stream_options"] == {"include_usage": True}
    (record,) = gateway.settled(answer.request_id)
    assert (record["prompt_tokens"], record["completion_tokens"]) == (11, 5)
    assert record["usage_source"] == "provider"


def test_usage_that_is_not_told_is_counted(gateway: Gateway, upstream: Upstream) -> None:
    upstream.script("gpt-4o-untold", wire.stream(wire.chat_events(usage=False)))
    answer = gateway.client.chat("gpt-4o-untold", stream=True)
    (record,) = gateway.settled(answer.request_id)
    assert (record["completion_tokens"], record["usage_source"]) == (5, "counted")
    assert 8 <= record["prompt_tokens"] <= 9


# --- ends


@pytest.mark.parametrize("end", [End.CLOSE, End.RESET])
@pytest.mark.parametrize("told", [3, 7])
def test_a_cut_stream_ends_with_an_error_event(
    gateway: Gateway, upstream: Upstream, end: End, told: int
) -> None:
    """Also when only the terminal event is missing."""
    events = wire.chat_events(usage=False)
    model = f"gpt-4o-cut-{end.name}-{told}"
    upstream.script(model, wire.stream(events[:told], end))
    answer = gateway.client.chat(model, stream=True)
    assert answer.payloads[:-1] == _payloads(events[:told])
    error = json.loads(answer.payloads[-1])["error"]
    assert (error["type"], error["code"]) == ("upstream_error", "upstream_truncated")
    assert b"[DONE]" not in answer.body
    (record,) = gateway.settled(answer.request_id)
    assert (record["outcome"], record["status"]) == ("upstream_truncated", 502)
    assert (record["completion_tokens"], record["usage_source"]) == (min(told - 1, 5), "counted")
    assert gateway.metrics()["headgate_inflight"] == 0


def test_a_chunked_stream_that_ends_without_done_is_an_error(gateway: Gateway, upstream: Upstream) -> None:
    upstream.script("no-done", wire.stream(wire.chat_events()[:4]))
    assert b'"upstream_truncated"' in gateway.client.chat("no-done", stream=True).body


def test_an_error_event_is_the_last(gateway: Gateway, upstream: Upstream) -> None:
    broken = wire.event({"error": {"message": "out of memory", "type": "server_error", "code": "oom"}})
    upstream.script("error-event", wire.stream([*wire.chat_events()[:4], broken, wire.DONE]))
    answer = gateway.client.chat("error-event", stream=True)
    assert "out of memory" in json.loads(answer.payloads[-1])["error"]["message"]
    assert b"[DONE]" not in answer.body


def test_a_cut_inside_a_large_event_breaks_the_connection(gateway: Gateway, upstream: Upstream) -> None:
    """There is no place for an error event inside of another event."""
    half = wire.delta({"content": "x" * 300_000})[:200_000]
    upstream.script("cut-large", wire.stream([*wire.chat_events()[:2], half], End.CLOSE))
    with gateway.client.open("cut-large") as reading:
        reading.until(b"one")
        seen = _to_break(reading)
    assert not seen.endswith(b"0\r\n\r\n")
    assert b"[DONE]" not in seen


def _to_break(reading: Streaming) -> bytes:
    try:
        return reading.to_end()
    except ConnectionResetError:
        return reading.seen


# --- leaving


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_leaves_closes_the_upstream(
    gateway: Gateway, upstream: Upstream, *, reset: bool
) -> None:
    model = "gpt-4o-left"
    upstream.script(model, wire.stream(wire.chat_events(usage=False)[:4], End.HANG))
    before = gateway.tokens(model).get("completion", 0)
    asked = len(upstream.requests(model))
    with gateway.client.open(model) as reading:
        reading.until(b"three")
        request = upstream.request(model, asked + 1)
        request_id = reading.request_id
        assert not request.closed.is_set()
        left_s = time.monotonic()
        reading.leave(reset=reset)
    assert request.closed.wait(1.0)
    assert time.monotonic() - left_s < 1.0
    (record,) = gateway.settled(request_id)
    assert (record["outcome"], record["completion_tokens"]) == ("client_gone", 3)
    assert record["usage_source"] == "counted"
    assert gateway.tokens(model)["completion"] == before + 3
    log = gateway.home / ".headgate" / "usage.jsonl"
    eventually(lambda: log.exists() and request_id in log.read_text())
    assert gateway.metrics()["headgate_inflight"] == 0


def test_the_upstreams_own_count_wins_when_a_client_leaves(gateway: Gateway, upstream: Upstream) -> None:
    told = wire.event({"choices": [], "usage": {**wire.USAGE, "completion_tokens": 777}})
    upstream.script("told", wire.stream([*wire.chat_events()[:3], told], End.HANG))
    with gateway.client.open("told", stream_options={"include_usage": True}) as reading:
        reading.until(b"777")
        request_id = reading.request_id
        reading.leave()
    (record,) = gateway.settled(request_id)
    assert (record["completion_tokens"], record["usage_source"]) == (777, "provider")


def test_a_client_that_leaves_before_the_first_byte_closes_the_upstream(
    gateway: Gateway, upstream: Upstream
) -> None:
    upstream.script("early", [End.HANG])
    with gateway.client.open("early") as reading:
        request = upstream.request("early")
        reading.leave()
        assert request.closed.wait(1.0)
    eventually(lambda: gateway.metrics()["headgate_inflight"] == 0)


def test_a_client_that_leaves_a_whole_answer_closes_the_upstream(
    gateway: Gateway, upstream: Upstream
) -> None:
    upstream.script("early-whole", [End.HANG])
    with gateway.client.open("early-whole", stream=False) as reading:
        request = upstream.request("early-whole")
        reading.leave()
        assert request.closed.wait(1.0)
    eventually(lambda: gateway.metrics()["headgate_inflight"] == 0)


# --- slowness


def test_a_reader_that_stops_holds_the_upstream_back(gateway: Gateway, upstream: Upstream) -> None:
    gate = _flood(upstream, "flood-short", 32 * _MB)
    with gateway.client.open("flood-short") as reading:
        reading.until(b"data: ")
        request = upstream.request("flood-short")
        still = _settled_bytes(request)
        assert still < 16 * _MB
        read = len(reading.seen)
        while read < 20 * _MB:
            read += reading.receive(_MB)
        assert request.sent_bytes > still
        assert not gate.is_set()


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_fast_stream_to_a_slow_reader_costs_no_memory(
    gateway: Gateway, upstream: Upstream, record_testsuite_property: RecordProperty
) -> None:
    done = _flood(upstream, "flood", 50 * _MB)
    (worker,) = gateway.worker_pids()
    assert gateway.client.chat("echo").status == 200
    before, highest, pace = pss_bytes(worker), 0, threading.Event()
    with gateway.client.open("flood") as reading:
        reading.shrink(64 * 1024)
        request = upstream.request("flood")
        watch_until_s = time.monotonic() + 8.0
        while time.monotonic() < watch_until_s:
            reading.receive(4096)  # about 400 KB a second: the stream would take two minutes
            pace.wait(0.01)
            highest = max(highest, pss_bytes(worker))
        ahead = request.sent_bytes
        assert not done.is_set()
    record_testsuite_property("pss_growth_bytes", highest - before)
    record_testsuite_property("upstream_sent_bytes", ahead)
    assert highest - before < 8 * _MB
    assert ahead < 25 * _MB
    assert request.closed.wait(1.0)


def _flood(upstream: Upstream, model: str, total_bytes: int) -> threading.Event:
    """Script an long stream of 8 KB events; the event is set when all was sent."""
    done = threading.Event()
    event = wire.chunk(wire.delta({"content": "x" * 8000}))

    def script(_: Received) -> Iterator[Step]:
        yield wire.stream_head()
        for _number in range(total_bytes // len(event)):
            yield event
        done.set()
        yield wire.chunk(wire.DONE) + wire.chunk(b"")

    upstream.script(model, script)
    return done


def _settled_bytes(request: Received) -> int:
    """What the upstream could send, once it can send no more."""
    pace, last = threading.Event(), -1
    while last != request.sent_bytes:
        last = request.sent_bytes
        pace.wait(0.3)
    return last


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_thousand_idle_streams_are_cheap(
    tmp_path: Path, upstream: Upstream, record_testsuite_property: RecordProperty
) -> None:
    count = 1000
    gate = Gate()
    events = wire.chat_events()
    upstream.script("idle", wire.stream(events[:2], gate, *map(wire.chunk, [*events[2:], b""])))
    with start(tmp_path, document({"main": upstream})) as gateway:
        (worker,) = gateway.worker_pids()
        warm = [gateway.client.open("idle") for _ in range(20)]
        for reading in warm:
            reading.until(b"one")
        before = pss_bytes(worker)
        streams = [gateway.client.open("idle") for _ in range(count)]
        for reading in streams:
            reading.until(b"one")
        each = (pss_bytes(worker) - before) / count
        record_testsuite_property("pss_bytes_per_stream", each)
        gate.open()
        for reading in streams:
            assert reading.to_end().endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        for reading in [*streams, *warm]:
            reading.leave()
        assert each <= 40 * 1024


def test_streams_do_not_wait_for_each_other(gateway: Gateway, upstream: Upstream) -> None:
    gate = Gate()
    events = wire.chat_events()
    upstream.script("many", wire.stream(events[:2], gate, *map(wire.chunk, [*events[2:], b""])))
    streams = [gateway.client.open("many") for _ in range(64)]
    waiting = selectors.DefaultSelector()
    for reading in streams:
        reading.until(b"one")
        waiting.register(reading, selectors.EVENT_READ)
    assert waiting.select(0) == []
    assert gateway.client.chat("echo").status == 200
    gate.open()
    for reading in streams:
        assert b"[DONE]" in reading.to_end()
        reading.leave()
    waiting.close()


# --- old clients


def test_an_http_1_0_client_gets_a_stream_until_close(gateway: Gateway, upstream: Upstream) -> None:
    events = wire.chat_events(usage=False)
    upstream.script("old", wire.stream(events))
    with gateway.client.open("old", "HTTP/1.0") as reading:
        head, _, body = reading.to_end().partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert body == b"".join(events)


def test_an_http_1_0_client_sees_a_cut(gateway: Gateway, upstream: Upstream) -> None:
    upstream.script("old-cut", wire.stream(wire.chat_events()[:3], End.RESET))
    with gateway.client.open("old-cut", "HTTP/1.0") as reading:
        _, _, body = reading.to_end().partition(b"\r\n\r\n")
    assert json.loads(body.strip().rpartition(b"data: ")[2])["error"]["code"] == "upstream_truncated"


def test_the_echo_model_streams(gateway: Gateway) -> None:
    answer = gateway.client.chat("echo", content="say it back", stream=True)
    assert answer.text == "say it back"
    assert answer.payloads[-1] == b"[DONE]"
