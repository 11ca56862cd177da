"""The OpenAI SDK as a client of a provider that speaks Anthropic's Messages API.

Source of what the provider says: docs.anthropic.com/en/api/messages, /en/docs/build-with-claude/streaming.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
from support import wire
from support.gateway import KEY, Gateway, document, eventually, start
from support.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from openai.types.chat import ChatCompletionToolParam
    from support.upstream import Step

_MESSAGE: dict[str, Any] = {
    "id": "msg_013Zva2CMHLNnjNjJJKqJ2EF",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Hi! My name is Claude."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "output_tokens": 25,
        "cache_read_input_tokens": 7,
        "cache_creation_input_tokens": 3,
    },
}
_TOOLS: list[ChatCompletionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


@pytest.fixture(scope="module")
def backup() -> Iterator[Upstream]:
    with Upstream() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, upstream: Upstream, backup: Upstream
) -> Iterator[Gateway]:
    config = document({"backup": backup})
    config["providers"].append(
        {"name": "claude", "type": "anthropic", "base_url": upstream.url, "api_key": "key-of-anthropic"}
    )
    config["routes"] = [
        {"model_alias": "claude-*", "targets": [{"provider": "claude"}]},
        {
            "model_alias": "either",
            "targets": [
                {"provider": "claude", "model": "claude-either"},
                {"provider": "backup", "model": "m"},
            ],
        },
    ]
    with start(tmp_path_factory.mktemp("gateway"), config) as running:
        yield running


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0, timeout=8) as made:
        yield made


def _events(*events: dict[str, Any]) -> list[bytes]:
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def _begin() -> dict[str, Any]:
    usage = {"input_tokens": 25, "output_tokens": 1}
    return {
        "type": "message_start",
        "message": {**_MESSAGE, "content": [], "stop_reason": None, "usage": usage},
    }


def _end(reason: str = "end_turn", tokens: int = 15) -> list[dict[str, Any]]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": tokens}},
        {"type": "message_stop"},
    ]


def _text(index: int, *pieces: str) -> list[dict[str, Any]]:
    deltas = [
        {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": piece}}
        for piece in pieces
    ]
    start = {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
    return [start, *deltas, {"type": "content_block_stop", "index": index}]


def _call(index: int, name: str, *pieces: str) -> list[dict[str, Any]]:
    block = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}}
    deltas = [
        {
            "type": "content_block_delta",
            "index": index,
            "delta": {"type": "input_json_delta", "partial_json": piece},
        }
        for piece in pieces
    ]
    start = {"type": "content_block_start", "index": index, "content_block": block}
    return [start, *deltas, {"type": "content_block_stop", "index": index}]


def _refusal(status: int, kind: str, message: str) -> list[Step]:
    return wire.answer({"type": "error", "error": {"type": kind, "message": message}}, status)


def _said(chunks: Iterable[Any]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def test_a_chat_is_asked_as_anthropic_wants_it(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script("claude-whole", wire.answer(_MESSAGE))
    answer = client.chat.completions.with_raw_response.create(
        model="claude-whole",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "hello"},
            {"role": "user", "content": "who are you?"},
        ],
        stop="END",
        seed=7,
        temperature=2,
    )
    asked = upstream.request("claude-whole")
    assert (asked.method, asked.path) == ("POST", "/v1/messages")
    assert asked.headers["x-api-key"] == "key-of-anthropic"
    assert asked.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in asked.headers
    body = asked.json
    assert [turn["role"] for turn in body["messages"]] == ["user"]
    assert "Be brief." in json.dumps(body["system"])
    assert (body["stop_sequences"], body["temperature"], body["max_tokens"] > 0) == (["END"], 1, True)
    assert "seed" in answer.headers["x-headgate-dropped"].split(",")
    chat = answer.parse()
    assert chat.choices[0].message.content == "Hi! My name is Claude."
    assert chat.choices[0].finish_reason == "stop"
    assert chat.usage is not None
    assert (chat.usage.prompt_tokens, chat.usage.completion_tokens) == (20, 25)
    assert chat.usage.prompt_tokens_details is not None
    assert chat.usage.prompt_tokens_details.cached_tokens == 7
    assert chat.created > 1_700_000_000


def test_a_stream_arrives_as_openai_s(client: openai.OpenAI, upstream: Upstream, gateway: Gateway) -> None:
    events = _events(_begin(), {"type": "ping"}, *_text(0, "Hel", "lo \u00e9"), *_end())
    upstream.script("claude-stream", wire.bytewise(wire.stream(events)))
    chunks = list(
        client.chat.completions.create(
            model="claude-stream",
            messages=[{"role": "user", "content": "hello"}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert _said(chunks) == "Hello \u00e9"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == [
        "stop"
    ]
    usage = chunks[-1].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (25, 15)
    assert upstream.request("claude-stream").json["stream"] is True
    eventually(lambda: any(record["model"] == "claude-stream" for record in gateway.records()))
    (record,) = [record for record in gateway.records() if record["model"] == "claude-stream"]
    assert (record["prompt_tokens"], record["completion_tokens"], record["usage_source"]) == (
        25,
        15,
        "provider",
    )


def test_parallel_tools_come_with_their_own_arguments(client: openai.OpenAI, upstream: Upstream) -> None:
    calls = [*_call(0, "weather", '{"ci', 'ty":"Oslo"}'), *_call(1, "weather", '{"city":', '"Bern"}')]
    upstream.script("claude-tools", wire.stream(_events(_begin(), *calls, *_end("tool_use"))))
    stream = client.chat.completions.create(
        model="claude-tools",
        messages=[{"role": "user", "content": "weather?"}],
        tools=_TOOLS,
        tool_choice="required",
        stream=True,
    )
    made: dict[int, list[str]] = {}
    finish = ""
    for chunk in stream:
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or []:
                if call.index not in made:
                    assert call.function is not None
                    made[call.index] = [call.id or "", call.function.name or "", ""]
                if call.function is not None:
                    made[call.index][2] += call.function.arguments or ""
    assert made == {
        0: ["toolu_0", "weather", '{"city":"Oslo"}'],
        1: ["toolu_1", "weather", '{"city":"Bern"}'],
    }
    assert finish == "tool_calls"
    asked = upstream.request("claude-tools").json
    assert asked["tool_choice"]["type"] == "any"
    assert asked["tools"][0]["input_schema"]["properties"] == {"city": {"type": "string"}}


def test_results_of_tools_go_back_as_one_turn(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script("claude-results", wire.answer(_MESSAGE))
    client.chat.completions.create(
        model="claude-results",
        messages=[
            {"role": "user", "content": "weather?"},
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": f"toolu_{n}",
                        "type": "function",
                        "function": {"name": "weather", "arguments": "{}"},
                    }
                    for n in range(2)
                ],
            },
            {"role": "tool", "tool_call_id": "toolu_0", "content": "rain"},
            {"role": "tool", "tool_call_id": "toolu_1", "content": "sun"},
            {"role": "user", "content": "so?"},
        ],
        tools=_TOOLS,
    )
    turns = upstream.request("claude-results").json["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    blocks = turns[2]["content"]
    assert [block["type"] for block in blocks] == ["tool_result", "tool_result", "text"]
    assert [block.get("tool_use_id") for block in blocks[:2]] == ["toolu_0", "toolu_1"]


@pytest.mark.parametrize(
    ("status", "kind", "raised"),
    [
        (400, "invalid_request_error", openai.BadRequestError),
        (404, "not_found_error", openai.NotFoundError),
        (401, "authentication_error", openai.InternalServerError),
        (429, "rate_limit_error", openai.RateLimitError),
        (529, "overloaded_error", openai.InternalServerError),
    ],
)
def test_refusals_are_the_sdk_s_exceptions(
    client: openai.OpenAI, upstream: Upstream, status: int, kind: str, raised: type[openai.APIStatusError]
) -> None:
    upstream.script(f"claude-{status}", _refusal(status, kind, "not like this"))
    with pytest.raises(raised) as caught:
        client.chat.completions.create(
            model=f"claude-{status}", messages=[{"role": "user", "content": "hello"}]
        )
    assert ("not like this" in caught.value.message) == (status != 401)


def test_an_overloaded_provider_is_replaced_by_one_of_another_dialect(
    client: openai.OpenAI, upstream: Upstream, backup: Upstream
) -> None:
    upstream.script("claude-either", _refusal(529, "overloaded_error", "Overloaded"))
    backup.script("m", wire.answer(wire.chat(wire.HEALTHY)))
    answer = client.chat.completions.with_raw_response.create(
        model="either", messages=[{"role": "user", "content": "hello"}], seed=1
    )
    assert answer.parse().choices[0].message.content == wire.HEALTHY
    assert answer.headers["x-headgate-attempts"] == "2"
    assert "x-headgate-dropped" not in answer.headers, "the one that answered knows seeds"
    assert backup.request("m").json["seed"] == 1


@pytest.mark.parametrize(
    "ends",
    [
        [],
        [{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}],
    ],
)
def test_a_stream_that_breaks_is_an_error_and_never_done(
    client: openai.OpenAI, upstream: Upstream, ends: list[dict[str, Any]]
) -> None:
    upstream.script("claude-broken", wire.stream(_events(_begin(), *_text(0, "half"), *ends)))
    stream = client.chat.completions.create(
        model="claude-broken", messages=[{"role": "user", "content": "hello"}], stream=True
    )
    seen = []
    with pytest.raises(openai.APIError) as caught:
        seen.extend(chunk for chunk in stream)
    assert ("Overloaded" in caught.value.message) == bool(ends)


def test_what_anthropic_has_not_is_refused_by_name(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="no embeddings"):
        client.embeddings.create(model="claude-whole", input="hello")


def test_a_request_that_cannot_be_said_is_refused_before_it_is_sent(
    client: openai.OpenAI, upstream: Upstream
) -> None:
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(
            model="claude-never",
            messages=[{"role": "nobody", "content": "hello"}],  # type: ignore[list-item]  # as a mistake
        )
    assert upstream.requests("claude-never") == []
