"""The memory cache (SPEC F): who is answered from it, with what, and who never is."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from support import wire
from support.client import CHAT, Answer, chat_body
from support.gateway import Gateway, document, eventually, start
from support.upstream import End, Received, Step, Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

_OTHER = "test-key-of-another-tenant-here"
_METERED = "test-key-with-a-limit-on-tokens"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    config = document({"main": upstream}, cache={"enabled": True})
    config["routes"] += [
        {"model_alias": "never-kept", "cache_ttl": "0s", "targets": [{"provider": "main"}]},
        {"model_alias": "kept-1s", "cache_ttl": "1s", "targets": [{"provider": "main"}]},
        {"model_alias": "counted", "targets": [{"provider": "main"}]},
    ]
    config["keys"] += [
        {"name": "other", "key": _OTHER},
        {"name": "metered", "key": _METERED, "tpm": 1000},
    ]
    with start(tmp_path_factory.mktemp("cache"), config) as running:
        yield running


def _numbered(upstream: Upstream, model: str) -> None:
    """Each answer of the upstream says which one it is, so that a repeated one is seen."""
    numbers = itertools.count(1)

    def script(request: Received) -> list[Step]:
        text = f"answer number {next(numbers)}"
        if request.json.get("stream"):
            return wire.stream(wire.chat_events(text))
        return wire.answer(wire.chat(text))

    upstream.script(model, script)


def _state(answer: Answer) -> tuple[str, str]:
    return answer.headers["x-headgate-cache"], answer.text.rpartition(" ")[2]


def test_a_deterministic_request_is_answered_again(gateway: Gateway, upstream: Upstream) -> None:
    _numbered(upstream, "again")
    first, second = (gateway.client.chat("again", temperature=0) for _ in range(2))
    assert (_state(first), _state(second)) == (("miss", "1"), ("hit", "1"))
    assert first.body == second.body
    assert "age" not in first.headers
    assert int(second.headers["age"]) <= 1
    assert len(upstream.requests("again")) == 1


def test_a_hit_costs_nothing(gateway: Gateway, upstream: Upstream) -> None:
    _numbered(upstream, "counted")
    client = gateway.as_key(_METERED)
    answers = [client.chat("counted", temperature=0, max_tokens=300) for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 6
    (record,) = gateway.settled(answers[-1].request_id)
    assert (record["outcome"], record["cache"]) == ("cached", "hit")
    assert (record["prompt_tokens"], record["completion_tokens"]) == (0, 0)
    assert gateway.tokens("counted")["completion"] == 5
    remaining = client.chat("counted", temperature=0, max_tokens=300).headers["x-ratelimit-remaining-tokens"]
    assert int(remaining) > 650
    samples = gateway.metrics()
    assert samples["headgate_cache_requests_total[memory][hit]"] >= 6
    assert samples["headgate_cache_requests_total[memory][miss]"] >= 1


@pytest.mark.parametrize(
    ("members", "kept"),
    [
        ({}, False),
        ({"temperature": 0.3}, True),
        ({"temperature": 0.31}, False),
        ({"temperature": 1, "seed": 7}, True),
        ({"seed": 7}, True),
        ({"temperature": 0, "n": 1}, True),
        ({"temperature": 0, "n": 2}, False),
        ({"temperature": None}, False),
    ],
)
def test_who_is_eligible(
    gateway: Gateway, upstream: Upstream, members: dict[str, Any], *, kept: bool
) -> None:
    model = f"eligible-{members}"
    _numbered(upstream, model)
    first, second = (gateway.client.chat(model, **members) for _ in range(2))
    assert _state(first) == ("miss" if kept else "off", "1")
    assert _state(second) == (("hit", "1") if kept else ("off", "2"))


def test_the_same_question_in_other_bytes(gateway: Gateway, upstream: Upstream) -> None:
    _numbered(upstream, "bytes")
    bodies = [
        b'{"model":"bytes","messages":[{"role":"user","content":"h\xc3\xa9"}],"temperature":0,"seed":10}',
        b'{ "seed": 1e1, "temperature": 0.0, "messages": [ {"content": "h\\u00e9", "role": "user"} ],\n'
        b'"model": "bytes" }',
    ]
    answers = [gateway.client.post(CHAT, body) for body in bodies]
    assert [_state(answer) for answer in answers] == [("miss", "1"), ("hit", "1")]


@pytest.mark.parametrize(
    "change",
    [
        {"messages": [{"role": "user", "content": "other"}]},
        {"messages": [{"role": "system", "content": "hello"}]},
        {"temperature": 0.1},
        {"seed": 1},
        {"max_tokens": 7},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
        {"a_field_of_tomorrow": True},
        {"model": "changed-too"},
    ],
)
def test_another_question_is_another_entry(
    gateway: Gateway, upstream: Upstream, change: dict[str, Any]
) -> None:
    _numbered(upstream, "changed")
    _numbered(upstream, "changed-too")
    body = chat_body("changed", str(change), temperature=0)
    assert gateway.client.post(CHAT, body).headers["x-headgate-cache"] == "miss"
    assert gateway.client.post(CHAT, {**body, **change}).headers["x-headgate-cache"] == "miss"


def test_tenants_do_not_share(gateway: Gateway, upstream: Upstream) -> None:
    _numbered(upstream, "tenants")
    assert _state(gateway.client.chat("tenants", seed=1)) == ("miss", "1")
    assert _state(gateway.as_key(_OTHER).chat("tenants", seed=1)) == ("miss", "2")
    assert _state(gateway.client.chat("tenants", seed=1)) == ("hit", "1")


# --- wishes


def test_no_store_neither_reads_nor_keeps(gateway: Gateway, upstream: Upstream) -> None:
    _numbered(upstream, "no-store")
    wish = {"x-headgate-cache": "no-store"}
    assert _state(gateway.client.chat("no-store", wish, seed=1)) == ("off", "1")
    assert _state(gateway.client.chat("no-store", seed=1)) == ("miss", "2")
    assert _state(gateway.client.chat("no-store", wish, seed=1)) == ("off", "3")
    assert _state(gateway.client.chat("no-store", seed=1)) == ("hit", "2")


def test_refresh_asks_again_and_keeps(gateway: Gateway, upstream: Upstream) -> None:
    _numbered(upstream, "refresh")
    assert _state(gateway.client.chat("refresh", seed=1)) == ("miss", "1")
    assert _state(gateway.client.chat("refresh", {"x-headgate-cache": "refresh"}, seed=1)) == ("miss", "2")
    assert _state(gateway.client.chat("refresh", seed=1)) == ("hit", "2")


def test_force_keeps_what_is_not_deterministic(gateway: Gateway, upstream: Upstream) -> None:
    _numbered(upstream, "force")
    wish = {"x-headgate-cache": "force"}
    states = [_state(gateway.client.chat("force", wish, temperature=1)) for _ in range(2)]
    assert states == [("miss", "1"), ("hit", "1")]
    assert _state(gateway.client.chat("force", temperature=1)) == ("off", "2")


@pytest.mark.parametrize("model", ["asked-1s", "kept-1s"])
def test_an_entry_ends_with_its_time(gateway: Gateway, upstream: Upstream, model: str) -> None:
    _numbered(upstream, model)
    ttl = {"x-headgate-cache-ttl": "1"} if model == "asked-1s" else {}
    assert _state(gateway.client.chat(model, ttl, seed=1)) == ("miss", "1")
    assert _state(gateway.client.chat(model, seed=1)) == ("hit", "1")
    waited_s = eventually(lambda: _state(gateway.client.chat(model, ttl, seed=1)) == ("miss", "2"), 3)
    assert waited_s > 0.5


def test_a_route_that_keeps_nothing(gateway: Gateway, upstream: Upstream) -> None:
    _numbered(upstream, "never-kept")
    assert [gateway.client.chat("never-kept", seed=1).text[-1] for _ in range(2)] == ["1", "2"]


@pytest.mark.parametrize(
    "headers",
    [{"x-headgate-cache": "maybe"}, {"x-headgate-cache-ttl": "soon"}, {"x-headgate-cache-ttl": "-1"}],
)
def test_a_wish_that_means_nothing(gateway: Gateway, headers: dict[str, str]) -> None:
    answer = gateway.client.chat("echo", headers)
    assert (answer.status, answer.json["error"]["param"]) == (400, next(iter(headers)))


# --- streams


def _stream(gateway: Gateway, model: str, **members: Any) -> Answer:  # noqa: ANN401
    return gateway.client.chat(model, stream=True, temperature=0, **members)


def test_a_stream_is_replayed_as_a_stream(gateway: Gateway, upstream: Upstream) -> None:
    _numbered(upstream, "stream")
    first, second = (_stream(gateway, "stream") for _ in range(2))
    assert (_state(first), _state(second)) == (("miss", "1"), ("hit", "1"))
    assert first.body == second.body
    assert second.headers["content-type"].startswith("text/event-stream")
    assert second.payloads[-1] == b"[DONE]"


def test_a_whole_answer_comes_from_a_kept_stream(gateway: Gateway, upstream: Upstream) -> None:
    _numbered(upstream, "from-stream")
    assert _state(_stream(gateway, "from-stream"))[0] == "miss"
    answer = gateway.client.chat("from-stream", temperature=0)
    assert _state(answer) == ("hit", "1")
    whole = answer.json
    assert (whole["object"], whole["usage"]) == ("chat.completion", wire.USAGE)
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert whole["choices"][0]["message"]["role"] == "assistant"


def test_a_stream_comes_from_a_kept_whole_answer(gateway: Gateway, upstream: Upstream) -> None:
    _numbered(upstream, "from-whole")
    assert _state(gateway.client.chat("from-whole", temperature=0))[0] == "miss"
    answer = _stream(gateway, "from-whole")
    assert _state(answer) == ("hit", "1")
    assert answer.payloads[-1] == b"[DONE]"
    assert json.loads(answer.payloads[0])["object"] == "chat.completion.chunk"
    assert [p for p in answer.payloads if b'"usage":{' in p.replace(b" ", b"")] == []


@pytest.mark.parametrize("kept_asked", [False, True])
@pytest.mark.parametrize("asked", [False, True])
def test_usage_of_a_replay_is_for_who_asks(
    gateway: Gateway, upstream: Upstream, *, kept_asked: bool, asked: bool
) -> None:
    model = f"usage-{kept_asked}-{asked}"
    _numbered(upstream, model)
    options = [{"stream_options": {"include_usage": flag}} for flag in (kept_asked, asked)]
    answers = [_stream(gateway, model, **members) for members in options]
    assert _state(answers[1])[0] == "hit"
    told = [b"completion_tokens" in answer.body for answer in answers]
    assert told == [kept_asked, asked]


def test_tool_calls_survive_both_changes_of_form(gateway: Gateway, upstream: Upstream) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":"é"}'}}
    upstream.script("tools", wire.answer(wire.chat("", tool_calls=[call])))
    gateway.client.chat("tools", temperature=0)
    streamed = _stream(gateway, "tools")
    deltas = [json.loads(p)["choices"] for p in streamed.payloads if p != b"[DONE]"]
    calls = [c for choices in deltas for one in choices for c in one["delta"].get("tool_calls") or []]
    assert "".join(c["function"].get("arguments", "") for c in calls) == '{"a":"é"}'
    assert calls[0]["id"] == "call_1"
    parts = [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a":'}},
        {"index": 0, "function": {"arguments": '"é"}'}},
    ]
    events = [wire.delta({"tool_calls": [part]}) for part in parts]
    upstream.script("tools-2", wire.stream([*events, wire.delta({}, "tool_calls"), wire.DONE]))
    _stream(gateway, "tools-2")
    whole = gateway.client.chat("tools-2", temperature=0)
    assert whole.headers["x-headgate-cache"] == "hit"
    assert whole.json["choices"][0]["message"]["tool_calls"] == [call]


# --- what is not kept


@pytest.mark.parametrize("script", [wire.refusal(500), wire.refusal(400), [b"HTTP/1.1 2", End.RESET]])
def test_failures_are_not_kept(gateway: Gateway, upstream: Upstream, script: list[Step]) -> None:
    model = f"failed-{script}"
    upstream.script(model, script, wire.answer(wire.chat("well again")))
    assert gateway.client.chat(model, seed=1).status >= 400
    answer = gateway.client.chat(model, seed=1)
    assert (answer.status, answer.headers["x-headgate-cache"]) == (200, "miss")


def test_a_cut_stream_is_not_kept(gateway: Gateway, upstream: Upstream) -> None:
    whole = wire.chat_events("whole")
    upstream.script("cut", wire.stream(wire.chat_events()[:4], End.CLOSE), wire.stream(whole))
    assert b"[DONE]" not in _stream(gateway, "cut").body
    assert _stream(gateway, "cut").text == "whole"
    assert _state(_stream(gateway, "cut"))[0] == "hit"


def test_a_stream_whose_client_left_is_not_kept(gateway: Gateway, upstream: Upstream) -> None:
    upstream.script(
        "left", wire.stream(wire.chat_events()[:4], End.HANG), wire.stream(wire.chat_events("whole"))
    )
    with gateway.client.open("left", temperature=0) as reading:
        reading.until(b"three")
        reading.leave()
    assert upstream.request("left").closed.wait(1)
    assert _state(_stream(gateway, "left")) == ("miss", "whole")


def test_the_echo_model_is_kept_like_any_other(gateway: Gateway) -> None:
    states = [gateway.client.chat("echo", seed=3).headers["x-headgate-cache"] for _ in range(2)]
    assert states == ["miss", "hit"]


def test_embeddings_and_completions_are_kept_apart(gateway: Gateway, upstream: Upstream) -> None:
    upstream.script("apart", wire.answer(wire.completion("whole")))
    body = {"model": "apart", "prompt": "x", "input": "x", "seed": 1}
    states = [gateway.client.post("/v1/completions", body).headers["x-headgate-cache"] for _ in range(2)]
    assert states == ["miss", "hit"]
    upstream.script("apart", wire.answer(wire.embeddings([0.5], "float")))
    answer = gateway.client.post("/v1/embeddings", body)
    assert answer.headers["x-headgate-cache"] in {"miss", "off"}
    assert "embedding" in answer.json["data"][0]
