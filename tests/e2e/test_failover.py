"""Failover before the commit point (SPEC G): for every reason on the list, and for no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support import wire
from support.gateway import Gateway, document, start
from support.upstream import End, Gate, Received, Step, Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

_GZIP = bytes.fromhex("1f8b0800000000000003abae050043bfa6a302000000")
_LATE_S = {"connect": "1s", "first_byte": "300ms", "first_token": "300ms", "idle": "300ms", "total": "5s"}

BAD_ANSWERS: dict[str, tuple[list[Step], int, str]] = {
    "reset": ([End.RESET], 502, "upstream_reset"),
    "close": ([End.CLOSE], 502, "upstream_reset"),
    "half-a-head": ([b"HTTP/1.1 200 OK\r\ncontent-", End.RESET], 502, "upstream_truncated"),
    "401": (wire.refusal(401), 502, "upstream_auth"),
    "402": (wire.refusal(402), 502, "upstream_auth"),
    "403": (wire.refusal(403), 502, "upstream_auth"),
    "408": (wire.refusal(408), 504, "upstream_timeout"),
    "409": (wire.refusal(409), 502, "upstream_server_error"),
    "425": (wire.refusal(425), 502, "upstream_server_error"),
    "429": (wire.refusal(429), 429, "upstream_rate_limited"),
    "500": (wire.refusal(500), 502, "upstream_server_error"),
    "502": (wire.refusal(502), 502, "upstream_server_error"),
    "503": (wire.answer(b"<html>busy</html>", 503), 502, "upstream_server_error"),
    "504": (wire.refusal(504), 502, "upstream_server_error"),
    "529": (wire.refusal(529), 502, "upstream_server_error"),
    "not-http": ([b"SSH-2.0-OpenSSH_9.2\r\n\r\n", End.CLOSE], 502, "upstream_garbage"),
    "two-lengths": (
        [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"],
        502,
        "upstream_garbage",
    ),
    "redirect": (wire.answer(b"", 307, ["location: http://localhost/"]), 502, "upstream_garbage"),
    "no-answer": ([End.HANG], 504, "upstream_timeout"),
}
BAD_WHOLE: dict[str, tuple[list[Step], int, str]] = {
    "truncated": (
        [b'HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"id": "chat', End.CLOSE],
        502,
        "upstream_truncated",
    ),
    "reset-in-body": (
        [b'HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"id": "chat', End.RESET],
        502,
        "upstream_truncated",
    ),
    "cut-chunks": (
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{", End.CLOSE],
        502,
        "upstream_truncated",
    ),
    "not-json": (wire.answer(b'{"id": "chatcmpl-1", "choices": ['), 502, "upstream_garbage"),
    "html": (wire.answer(b"<html>hello</html>"), 502, "upstream_garbage"),
    "empty": (wire.answer(b""), 502, "upstream_garbage"),
    "gzip": (wire.answer(_GZIP, headers=["content-encoding: gzip"]), 502, "upstream_garbage"),
    "stalled": ([b'HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"id', End.HANG], 504, "upstream_timeout"),
}
BAD_STREAM: dict[str, tuple[list[Step], int, str]] = {
    "empty-stream": (wire.stream([]), 502, "upstream_truncated"),
    "reset-before-content": (wire.stream([], End.RESET), 502, "upstream_truncated"),
    "error-event-first": (
        wire.stream([wire.event({"error": {"message": "overloaded", "type": "t", "code": None}})]),
        502,
        "upstream_server_error",
    ),
    "no-first-token": (wire.stream([], End.HANG), 504, "upstream_timeout"),
    "whole-not-stream": (wire.answer(b"<html>hello</html>"), 502, "upstream_garbage"),
}
CASES = [
    *((name, False, *case) for name, case in {**BAD_ANSWERS, **BAD_WHOLE}.items()),
    *((name, True, *case) for name, case in {**BAD_ANSWERS, **BAD_STREAM}.items()),
]
IDS = [f"{case[0]}-{'stream' if case[1] else 'whole'}" for case in CASES]


@pytest.fixture(scope="module")
def second() -> Iterator[Upstream]:
    with Upstream() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, upstream: Upstream, second: Upstream
) -> Iterator[Gateway]:
    targets = [{"provider": "main"}, {"provider": "second", "model": "spare", "priority": 2}]
    config = document({"main": upstream, "second": second})
    config["routes"] = [
        {"model_alias": "pair-*", "targets": targets, "timeouts": _LATE_S},
        {"model_alias": "*", "targets": targets[:1], "timeouts": _LATE_S},
        {"model_alias": "dead", "targets": [{"provider": "nobody"}, *targets[1:]]},
        {"model_alias": "patient", "targets": targets},
        {"model_alias": "closed", "targets": [{"provider": "nobody"}]},
        {"model_alias": "disabled", "targets": [{"provider": "off"}, *targets[1:]]},
        {"model_alias": "total", "targets": targets[:1], "timeouts": {"total": "400ms"}},
        {"model_alias": "idle", "targets": targets[:1], "timeouts": {"idle": "300ms"}},
        {"model_alias": "token", "targets": targets[:1], "timeouts": {"first_token": "300ms"}},
        {
            "model_alias": "hurried",
            "targets": [{"provider": "main"}, {"provider": "second", "priority": 2}],
            "timeouts": {"first_token": "300ms", "total": "450ms"},
        },
    ]
    config["providers"] += [
        {"name": "nobody", "type": "openai_compatible", "base_url": "http://127.0.0.1:9/v1"},
        {"name": "off", "type": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", "enabled": False},
    ]
    second.script("spare", _healthy)
    with start(tmp_path_factory.mktemp("failover"), config) as running:
        yield running


def _healthy(request: Received) -> list[Step]:
    if request.json.get("stream"):
        return wire.stream(wire.chat_events(wire.HEALTHY))
    return wire.answer(wire.chat(wire.HEALTHY))


@pytest.mark.parametrize(("name", "stream", "script", "status", "code"), CASES, ids=IDS)
def test_the_second_target_answers(  # noqa: PLR0913  a row of the table
    gateway: Gateway,
    upstream: Upstream,
    name: str,
    *,
    stream: bool,
    script: list[Step],
    status: int,
    code: str,
) -> None:
    model = f"pair-{name}-{stream}"
    upstream.script(model, script)
    answer = gateway.client.chat(model, stream=stream)
    assert (answer.status, answer.text) == (200, wire.HEALTHY)
    assert answer.headers["x-headgate-attempts"] == "2"
    assert answer.headers["x-headgate-provider"] == "second"
    assert answer.headers["x-headgate-model"] == "spare"
    failed, served = gateway.settled(answer.request_id, 2)
    assert (failed["provider"], failed["status"], failed["outcome"]) == ("main", status, code)
    assert (served["provider"], served["status"], served["outcome"]) == ("second", 200, "ok")
    assert failed["id"].rpartition("-")[0] == served["id"].rpartition("-")[0]
    assert (failed["completion_tokens"], served["completion_tokens"]) == (0, 5)
    assert len(upstream.requests(model)) == 1


@pytest.mark.parametrize(("name", "stream", "script", "status", "code"), CASES, ids=IDS)
def test_without_a_second_target_the_caller_gets_the_tables_status(  # noqa: PLR0913  a row of the table
    gateway: Gateway,
    upstream: Upstream,
    name: str,
    *,
    stream: bool,
    script: list[Step],
    status: int,
    code: str,
) -> None:
    model = f"alone-{name}-{stream}"
    upstream.script(model, script)
    answer = gateway.client.chat(model, stream=stream)
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json["error"]) == {"message", "type", "param", "code"}
    assert answer.json["error"]["type"] == ("rate_limit_error" if status == 429 else "upstream_error")
    (record,) = gateway.settled(answer.request_id)
    assert (record["status"], record["outcome"]) == (status, code)
    assert b"key-of-the-provider" not in answer.body


@pytest.mark.parametrize(("end", "code"), [(End.CLOSE, "upstream_truncated"), (End.HANG, "upstream_timeout")])
def test_a_chunk_without_content_commits_nothing(
    gateway: Gateway, upstream: Upstream, end: End, code: str
) -> None:
    """RULINGS 16: until the first content failover goes on, though the status may have been sent."""
    model = f"pair-role-{end.name}"
    upstream.script(model, wire.stream(wire.chat_events()[:1], end))
    answer = gateway.client.chat(model, stream=True)
    assert (answer.status, answer.text) == (200, wire.HEALTHY)
    assert answer.payloads[-1] == b"[DONE]"
    failed, served = gateway.settled(answer.request_id, 2)
    assert (failed["outcome"], served["outcome"]) == (code, "ok")


def test_a_client_that_leaves_during_failover_closes_the_second_upstream(
    gateway: Gateway, upstream: Upstream, second: Upstream
) -> None:
    upstream.script("patient", wire.stream(wire.chat_events()[:1], End.CLOSE))
    asked = len(second.requests("spare"))
    second.script("spare", [End.HANG], _healthy)
    with gateway.client.open("patient") as reading:
        request = second.request("spare", asked + 1)
        reading.leave()
        assert request.closed.wait(1.0)


def test_content_commits(gateway: Gateway, upstream: Upstream, second: Upstream) -> None:
    upstream.script("pair-content", wire.stream(wire.chat_events()[:2], End.CLOSE))
    asked = len(second.requests("spare"))
    answer = gateway.client.chat("pair-content", stream=True)
    assert json.loads(answer.payloads[-1])["error"]["code"] == "upstream_truncated"
    assert b"[DONE]" not in answer.body
    assert len(second.requests("spare")) == asked


@pytest.mark.slow
@pytest.mark.timeout(40)
@pytest.mark.parametrize("second_answers", [True, False])
def test_failover_goes_on_under_keep_alive_comments(
    gateway: Gateway, upstream: Upstream, second: Upstream, *, second_answers: bool
) -> None:
    """RULINGS 16: the status is sent with the first comment, but nothing is committed."""
    gate = Gate()
    upstream.script("patient", [gate, *wire.refusal(500)])
    second.script("spare", _healthy) if second_answers else second.script(
        "spare", wire.refusal(503), _healthy
    )
    with gateway.client.open("patient", patience_s=20) as reading:
        head, _, _ = reading.until(b": keep-alive\n\n").partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"x-headgate-provider" not in head
        gate.open()
        body = reading.to_end()
    if second_answers:
        assert b"[DONE]" in body
        assert b'"content": " answers"' in body
    else:
        assert b'"code":"upstream_server_error"' in body
        assert b"[DONE]" not in body
    failed, last = gateway.settled(reading.request_id, 2)
    assert (failed["status"], last["status"]) == (502, 200 if second_answers else 502)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 404, 405, 410, 413, 415, 422, 451])
def test_the_callers_fault_never_fails_over(
    gateway: Gateway, upstream: Upstream, second: Upstream, status: int, *, stream: bool
) -> None:
    model = f"pair-fault-{status}-{stream}"
    upstream.script(model, wire.refusal(status, "max_tokens is too large"))
    asked = len(second.requests("spare"))
    answer = gateway.client.chat(model, stream=stream)
    assert answer.status == status
    assert answer.json["error"]["message"] == "max_tokens is too large"
    assert len(second.requests("spare")) == asked
    assert len(gateway.settled(answer.request_id)) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["dead", "disabled"])
def test_a_target_that_cannot_be_reached_is_passed_over(
    gateway: Gateway, model: str, *, stream: bool
) -> None:
    answer = gateway.client.chat(model, stream=stream)
    assert (answer.status, answer.text) == (200, wire.HEALTHY)
    assert answer.headers["x-headgate-provider"] == "second"


def test_upstreams_retry_after_reaches_the_caller(gateway: Gateway, upstream: Upstream) -> None:
    upstream.script("busy", wire.refusal(429, "slow down", ["retry-after: 17"]))
    answer = gateway.client.chat("busy")
    assert (answer.status, answer.headers["retry-after"]) == (429, "17")


def test_an_embedding_fails_over_too(gateway: Gateway, upstream: Upstream, second: Upstream) -> None:
    upstream.script("pair-embedding", wire.refusal(500))
    second.script("spare", wire.answer(wire.embeddings([0.5], "float")), _healthy)
    answer = gateway.client.post("/v1/embeddings", {"model": "pair-embedding", "input": "x"})
    assert (answer.status, answer.headers["x-headgate-attempts"]) == (200, "2")


def test_all_targets_bad_gives_the_last_ones_failure(
    gateway: Gateway, upstream: Upstream, second: Upstream
) -> None:
    upstream.script("pair-both", wire.refusal(500))
    second.script("spare", wire.refusal(429), _healthy)
    answer = gateway.client.chat("pair-both")
    assert (answer.status, answer.code) == (429, "upstream_rate_limited")
    assert [record["status"] for record in gateway.settled(answer.request_id, 2)] == [502, 429]


# --- deadlines by phase


def test_a_body_that_stalls_is_cut_at_the_idle_deadline(gateway: Gateway, upstream: Upstream) -> None:
    upstream.script("stall", wire.stream(wire.chat_events()[:3], End.HANG))
    answer = gateway.client.chat("stall", stream=True)
    assert answer.status == 200
    assert json.loads(answer.payloads[-1])["error"]["code"] == "upstream_timeout"
    assert upstream.request("stall").closed.wait(1)


@pytest.mark.parametrize(
    ("model", "phase", "events"), [("idle", "next part", 3), ("token", "first token", 1)]
)
def test_a_phase_shorter_than_the_first_bytes_is_kept(
    gateway: Gateway, upstream: Upstream, model: str, phase: str, events: int
) -> None:
    upstream.script(model, wire.stream(wire.chat_events()[:events], End.HANG))
    error = json.loads(gateway.client.chat(model, stream=True).payloads[-1])["error"]
    assert (error["code"], phase in error["message"]) == ("upstream_timeout", True)


def test_the_total_deadline_ends_a_stream_that_never_stalls(gateway: Gateway, upstream: Upstream) -> None:
    def endless(_: Received) -> Iterator[Step]:
        yield wire.stream_head()
        while True:
            yield wire.chunk(wire.delta({"content": "x" * 1000}))

    upstream.script("total", endless)
    answer = gateway.client.chat("total", stream=True)
    assert json.loads(answer.payloads[-1])["error"]["code"] == "upstream_timeout"


def test_the_total_deadline_is_one_for_all_attempts(
    gateway: Gateway, upstream: Upstream, second: Upstream
) -> None:
    """The first target's silence after its role uses up time that the second one does not get again."""
    silent = wire.stream(wire.chat_events()[:1], End.HANG)
    upstream.script("hurried", silent)
    second.script("hurried", silent)
    error = json.loads(gateway.client.chat("hurried", stream=True).payloads[-1])["error"]
    assert error["code"] == "upstream_timeout"
    assert "whole answer" in error["message"]


def test_the_total_deadline_holds_before_the_first_byte(gateway: Gateway, upstream: Upstream) -> None:
    upstream.script("total", [End.HANG])
    assert gateway.client.chat("total").status == 504


def test_a_closed_port_is_refused_at_once(gateway: Gateway) -> None:
    answer = gateway.client.chat("closed")
    assert (answer.status, answer.code) == (502, "upstream_connect")


# --- kept connections


def test_connections_are_kept(gateway: Gateway, upstream: Upstream) -> None:
    upstream.script("kept", wire.answer(wire.chat()))
    assert [gateway.client.chat("kept").status for _ in range(5)] == [200] * 5
    assert len({request.connection for request in upstream.requests("kept")}) == 1


@pytest.mark.parametrize("framing", wire.Framing)
@pytest.mark.parametrize("stream", [False, True])
def test_every_framing_is_read(
    gateway: Gateway, upstream: Upstream, framing: wire.Framing, *, stream: bool
) -> None:
    model = f"framing-{framing.name}-{stream}"
    if stream:
        closed = framing is wire.Framing.CLOSED
        events = wire.chat_events()
        upstream.script(model, wire.stream_until_close(events) if closed else wire.stream(events))
    else:
        upstream.script(model, wire.answer(wire.chat(), framing=framing))
    assert gateway.client.chat(model, stream=stream).text == wire.TEXT
    assert gateway.client.chat(model, stream=stream).text == wire.TEXT


def _stale(answer: list[Step]) -> Any:  # noqa: ANN401
    def script(request: Received) -> list[Step]:
        return answer if request.nth == 1 else [End.RESET]

    return script


@pytest.mark.parametrize("stream", [False, True])
def test_a_stale_kept_connection_is_replaced_once(
    gateway: Gateway, upstream: Upstream, *, stream: bool
) -> None:
    upstream.close_idle()
    model = f"stale-{stream}"
    whole = wire.stream(wire.chat_events()) if stream else wire.answer(wire.chat())
    upstream.script(model, _stale(whole))
    first, again = (gateway.client.chat(model, stream=stream) for _ in range(2))
    assert (first.headers["x-headgate-attempts"], again.headers["x-headgate-attempts"]) == ("1", "2")
    assert (again.status, again.text) == (200, wire.TEXT)
    outcomes = [record["outcome"] for record in gateway.settled(again.request_id, 2)]
    assert outcomes == ["upstream_reset", "ok"]
    assert [request.nth for request in upstream.requests(model)] == [1, 2, 1]


def test_a_fresh_connection_that_resets_is_not_tried_again(gateway: Gateway, upstream: Upstream) -> None:
    upstream.close_idle()
    upstream.script("fresh-reset", [End.RESET])
    assert gateway.client.chat("fresh-reset").status == 502
    assert len(upstream.requests("fresh-reset")) == 1


def test_a_kept_connection_that_broke_off_inside_an_answer_is_not_replayed(
    gateway: Gateway, upstream: Upstream
) -> None:
    good = wire.answer(wire.chat())
    upstream.script("kept-cut", good, [b"HTTP/1.1 200 OK\r\n", End.RESET])
    assert [gateway.client.chat("kept-cut").status for _ in range(2)] == [200, 502]
    assert len(upstream.requests("kept-cut")) == 2


def test_idle_connections_that_the_provider_closes_cost_nobody_anything(
    gateway: Gateway, upstream: Upstream
) -> None:
    upstream.script("closed-idle", wire.answer(wire.chat()))
    assert gateway.client.chat("closed-idle").status == 200
    upstream.close_idle()
    assert gateway.client.chat("closed-idle").status == 200


def test_an_answer_after_the_gate_is_waited_for(gateway: Gateway, upstream: Upstream) -> None:
    gate = Gate()
    head, rest = wire.answer(wire.chat())[0][:40], wire.answer(wire.chat())[0][40:]  # type: ignore[index]
    upstream.script("halves", [head, gate, rest])
    gate.open()
    assert gateway.client.chat("halves").status == 200
