"""The official Python SDK: what works works, and each failure is the right exception."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
from support import wire
from support.gateway import KEY, Gateway, document, start
from support.upstream import End, Step, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openai.types.chat import ChatCompletion, ChatCompletionToolParam

_EXPIRED, _BLOCKED = "test-key-that-has-expired-long-ago", "test-key-that-somebody-has-blocked"
_NARROW, _SLOW = "test-key-for-a-single-model-only", "test-key-for-one-request-a-minute"
_VIEWER = "test-key-that-may-only-look-at-it"
_TOOLS: list[ChatCompletionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather of a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
                "additionalProperties": False,
            },
            "strict": True,
        },
    }
]
_CALLS = [
    {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city":"Zürich"}'},
    },
    {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    config = document({"main": upstream}, server={"listen": "127.0.0.1:0", "workers": 1, "max_body": "1MiB"})
    config["routes"] = [
        {"model_alias": name, "targets": [{"provider": "main"}]}
        for name in ("gpt-4o", "team/gpt-4o-mini", "fault-*")
    ]
    config["keys"] += [
        {"name": "expired", "key": _EXPIRED, "expires_at": "2020-01-31"},
        {"name": "blocked", "key": _BLOCKED, "blocked": True},
        {"name": "narrow", "key": _NARROW, "allowed_models": ["team/*"]},
        {"name": "slow", "key": _SLOW, "rpm": 1},
        {"name": "viewer", "key": _VIEWER, "role": "viewer"},
    ]
    with start(tmp_path_factory.mktemp("sdk"), config) as running:
        yield running


@pytest.fixture
def connect(gateway: Gateway) -> Iterator[Callable[[str], openai.OpenAI]]:
    made: list[openai.OpenAI] = []

    def client(key: str) -> openai.OpenAI:
        made.append(openai.OpenAI(base_url=gateway.base_url, api_key=key, max_retries=0, timeout=8))
        return made[-1]

    yield client
    for one in made:
        one.close()


@pytest.fixture
def client(connect: Callable[[str], openai.OpenAI]) -> openai.OpenAI:
    return connect(KEY)


def _chat(client: openai.OpenAI, model: str = "gpt-4o", **members: Any) -> ChatCompletion:  # noqa: ANN401
    answer: ChatCompletion = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "hello"}], **members
    )
    return answer


# --- what works


def test_chat(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script("gpt-4o", wire.answer(wire.chat()))
    answer = _chat(client, temperature=0.7, extra_body={"a_field_of_tomorrow": [1, {"x": None}]})
    assert answer.choices[0].message.content == wire.TEXT
    assert answer.usage is not None
    assert answer.usage.total_tokens == 16
    sent = upstream.requests("gpt-4o")[-1]
    assert sent.json == {
        "messages": [{"role": "user", "content": "hello"}],
        "model": "gpt-4o",
        "temperature": 0.7,
        "a_field_of_tomorrow": [1, {"x": None}],
    }
    assert sent.headers["authorization"] == "Bearer key-of-the-provider"
    assert not [name for name in sent.headers if name.startswith(("x-stainless", "x-headgate", "cookie"))]


def test_a_stream(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script("gpt-4o", wire.stream(wire.chat_events()))
    with client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "hi"}], stream=True
    ) as chunks:
        seen = list(chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in seen) == wire.TEXT
    assert [chunk.usage for chunk in seen if chunk.usage] == []
    assert upstream.requests("gpt-4o")[-1].json["stream_options"] == {"include_usage": True}


def test_a_stream_with_usage(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script("gpt-4o", wire.stream(wire.chat_events()))
    with client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": "hi"}],
        stream=True,
        stream_options={"include_usage": True},
    ) as chunks:
        seen = list(chunks)
    assert seen[-1].choices == []
    assert seen[-1].usage is not None
    assert seen[-1].usage.completion_tokens == 5


async def test_the_async_client_streams_too(gateway: Gateway, upstream: Upstream) -> None:
    upstream.script("gpt-4o", wire.stream(wire.chat_events()))
    async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client:
        chunks = await client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        words = [chunk.choices[0].delta.content or "" async for chunk in chunks]
    assert "".join(words) == wire.TEXT


def test_tools_are_relayed_both_ways(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script("gpt-4o", wire.answer(wire.chat("", tool_calls=_CALLS)))
    answer = _chat(client, tools=_TOOLS, tool_choice="required", parallel_tool_calls=True)
    sent = upstream.requests("gpt-4o")[-1].json
    assert (sent["tools"], sent["tool_choice"], sent["parallel_tool_calls"]) == (_TOOLS, "required", True)
    assert answer.choices[0].finish_reason == "tool_calls"
    assert [call.model_dump() for call in answer.choices[0].message.tool_calls or []] == _CALLS
    upstream.script("gpt-4o", wire.answer(wire.chat("sunny")))
    turns: list[Any] = [
        {"role": "user", "content": "weather?"},
        answer.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": "call_1", "content": "sun"},
        {"role": "tool", "tool_call_id": "call_2", "content": "snow"},
    ]
    client.chat.completions.create(model="gpt-4o", messages=turns, tools=_TOOLS)
    assert upstream.requests("gpt-4o")[-1].json["messages"] == turns


def test_streamed_tool_calls_are_relayed(client: openai.OpenAI, upstream: Upstream) -> None:
    parts = [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}},
        *({"index": 0, "function": {"arguments": part}} for part in ('{"ci', 'ty":"Z', 'ürich"}')),
        {"index": 1, "id": "call_2", "type": "function", "function": {"name": "weather", "arguments": ""}},
        {"index": 1, "function": {"arguments": '{"city":"Oslo"}'}},
    ]
    events = [wire.delta({"role": "assistant", "content": None})]
    events += [wire.delta({"tool_calls": [part]}) for part in parts]
    events += [wire.delta({}, "tool_calls"), wire.usage_event(), wire.DONE]
    upstream.script("gpt-4o", wire.stream(events))
    with client.chat.completions.stream(
        model="gpt-4o", messages=[{"role": "user", "content": "hi"}], tools=_TOOLS
    ) as chunks:
        calls = chunks.get_final_completion().choices[0].message.tool_calls or []
    assert [(call.id, call.function.arguments) for call in calls] == [
        ("call_1", '{"city":"Zürich"}'),
        ("call_2", '{"city":"Oslo"}'),
    ]


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings(client: openai.OpenAI, upstream: Upstream, encoding: Any) -> None:  # noqa: ANN401
    vector = [0.5, -0.25, 1.0]
    upstream.script("gpt-4o", wire.answer(wire.embeddings(vector, encoding)))
    answer = client.embeddings.create(model="gpt-4o", input=["a", "b"], encoding_format=encoding)
    given: Any = answer.data[0].embedding
    assert given == (
        wire.embeddings(vector, encoding)["data"][0]["embedding"] if encoding == "base64" else vector
    )
    assert upstream.requests("gpt-4o")[-1].path == "/v1/embeddings"


def test_embeddings_as_the_sdk_asks_by_default(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script("gpt-4o", wire.answer(wire.embeddings([0.5, -0.25], "base64")))
    assert client.embeddings.create(model="gpt-4o", input="a").data[0].embedding == [0.5, -0.25]
    assert upstream.requests("gpt-4o")[-1].json["encoding_format"] == "base64"


def test_completions(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script("gpt-4o", wire.answer(wire.completion()))
    answer = client.completions.create(model="gpt-4o", prompt="say", max_tokens=5)
    assert answer.choices[0].text == wire.TEXT
    chunks = [wire.event({**wire.completion(word), "usage": None}) for word in wire.TEXT.split(" ")]
    upstream.script("gpt-4o", wire.stream([*chunks, wire.DONE]))
    with client.completions.create(model="gpt-4o", prompt="say", stream=True) as parts:
        assert [part.choices[0].text for part in parts] == wire.TEXT.split(" ")


def test_models(client: openai.OpenAI, connect: Callable[[str], openai.OpenAI]) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["gpt-4o", "team/gpt-4o-mini", "echo"]
    assert client.models.retrieve("gpt-4o").owned_by == "main"
    assert client.models.retrieve("team/gpt-4o-mini").id == "team/gpt-4o-mini"
    assert [model.id for model in connect(_NARROW).models.list()] == ["team/gpt-4o-mini"]
    for key, name in ((KEY, "gpt-5"), (_NARROW, "gpt-4o")):
        with pytest.raises(openai.NotFoundError):
            connect(key).models.retrieve(name)


def test_the_answers_headers(connect: Callable[[str], openai.OpenAI], upstream: Upstream) -> None:
    upstream.script("team/gpt-4o-mini", wire.answer(wire.chat()))
    raw = connect(KEY).chat.completions.with_raw_response.create(
        model="team/gpt-4o-mini",
        messages=[{"role": "user", "content": "hi"}],
        extra_headers={"x-request-id": "of-the.caller_1"},
    )
    assert raw.parse().choices[0].message.content == wire.TEXT
    headers = raw.headers
    assert raw.request_id == "of-the.caller_1"
    assert headers["x-headgate-provider"] == "main"
    assert headers["x-headgate-model"] == "team/gpt-4o-mini"
    assert (headers["x-headgate-attempts"], headers["x-headgate-cache"]) == ("1", "off")
    names = [part.strip().partition(";")[0] for part in headers["server-timing"].split(",")]
    assert names == ["total", "queue", "admit", "upstream", "gateway"]
    assert headers["x-content-type-options"] == "nosniff"


def test_the_rate_limit_headers(connect: Callable[[str], openai.OpenAI], upstream: Upstream) -> None:
    upstream.script("gpt-4o", wire.answer(wire.chat()))
    raw = connect(_SLOW).chat.completions.with_raw_response.create(
        model="gpt-4o", messages=[{"role": "user", "content": "hi"}]
    )
    assert raw.headers["x-ratelimit-limit-requests"] == "1"
    assert raw.headers["x-ratelimit-remaining-requests"] == "0"
    assert raw.headers["x-ratelimit-reset-requests"] in {"1m0s", "60s", "59.999s"}
    with pytest.raises(openai.RateLimitError) as failed:
        _chat(connect(_SLOW))
    assert failed.value.code == "rpm_exceeded"
    assert failed.value.type == "rate_limit_error"
    assert 1 <= int(failed.value.response.headers["retry-after"]) <= 60


# --- what does not


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"messages": "hello"}, "messages"),
        ({"model": 7}, "model"),
        ({"stream": "yes"}, "stream"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
    ],
)
def test_a_wrong_type_is_a_bad_request(client: openai.OpenAI, members: dict[str, Any], param: str) -> None:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], **members}
    with pytest.raises(openai.BadRequestError) as failed:
        client.post("/chat/completions", body=body, cast_to=object)
    assert failed.value.type == "invalid_request_error"
    assert failed.value.param == param


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b'{"model": "gpt-4o", "messages": [}', "invalid_json", None),
        (b'{"messages": [{"role": "user", "content": "x"}]}', None, "model"),
        (b'{"model": "", "messages": []}', None, "model"),
        (b'{"model": "gpt-4o"}', None, "messages"),
        (b"[]", None, None),
        (b"", None, None),
        (b"\xff\xfe", "invalid_json", None),
    ],
)
def test_a_body_that_makes_no_sense(
    gateway: Gateway, body: bytes, code: str | None, param: str | None
) -> None:
    answer = gateway.client.post("/v1/chat/completions", body)
    assert answer.status == 400
    error = answer.json["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert code is None or error["code"] == code


@pytest.mark.parametrize(
    ("key", "kind", "code"),
    [
        ("test-key-that-nobody-ever-made", openai.AuthenticationError, "invalid_api_key"),
        (_EXPIRED, openai.AuthenticationError, "key_expired"),
        (_BLOCKED, openai.PermissionDeniedError, "key_blocked"),
        (_NARROW, openai.PermissionDeniedError, "model_not_allowed"),
        (_VIEWER, openai.PermissionDeniedError, "insufficient_permission"),
    ],
)
def test_a_key_that_may_not(
    connect: Callable[[str], openai.OpenAI], key: str, kind: type[openai.APIStatusError], code: str
) -> None:
    with pytest.raises(kind) as failed:
        _chat(connect(key))
    assert type(failed.value) is kind
    assert failed.value.code == code
    assert key not in failed.value.message


def test_no_key_at_all(gateway: Gateway) -> None:
    answer = gateway.as_key(None).chat("gpt-4o")
    assert (answer.status, answer.code) == (401, "missing_api_key")
    assert answer.json["error"]["type"] == "authentication_error"


def test_an_unknown_model_and_an_unknown_path(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as failed:
        _chat(client, "gpt-99")
    assert (failed.value.code, failed.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.NotFoundError):
        client.moderations.create(input="x")


def test_what_is_not_built_says_so(client: openai.OpenAI) -> None:
    for ask in (client.responses.retrieve, client.responses.delete, client.responses.cancel):
        with pytest.raises(openai.InternalServerError) as failed:
            ask("resp_1")
        assert failed.value.status_code == 501
        assert "`input`" in failed.value.message


def test_a_body_too_large(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as failed:
        _chat(client, extra_body={"padding": "x" * (1 << 20)})
    assert failed.value.status_code == 413


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("name", "script", "kind", "status"),
    [
        ("400", wire.refusal(400, "too long"), openai.BadRequestError, 400),
        ("404", wire.refusal(404), openai.NotFoundError, 404),
        ("413", wire.refusal(413), openai.APIStatusError, 413),
        ("422", wire.refusal(422), openai.UnprocessableEntityError, 422),
        ("401", wire.refusal(401), openai.InternalServerError, 502),
        ("429", wire.refusal(429), openai.RateLimitError, 429),
        ("500", wire.refusal(500), openai.InternalServerError, 502),
        ("503", wire.refusal(503), openai.InternalServerError, 502),
        ("reset", [End.RESET], openai.InternalServerError, 502),
        ("garbage", [b"\x15\x03\x01\x00\x02\x02\x16\r\n\r\n", End.CLOSE], openai.InternalServerError, 502),
    ],
)
def test_the_exception_for_an_upstreams_failure(  # noqa: PLR0913, PLR0917  a row of the table
    client: openai.OpenAI,
    upstream: Upstream,
    name: str,
    script: list[Step],
    kind: type[openai.APIStatusError],
    status: int,
    *,
    stream: bool,
) -> None:
    upstream.script(f"fault-{name}", script)
    with pytest.raises(kind) as failed:
        _chat(client, f"fault-{name}", stream=stream)
    assert type(failed.value) is kind
    assert failed.value.status_code == status
    assert failed.value.request_id


@pytest.mark.parametrize("end", [End.CLOSE, End.RESET])
def test_a_cut_stream_raises_in_the_middle(client: openai.OpenAI, upstream: Upstream, end: End) -> None:
    upstream.script("fault-cut", wire.stream(wire.chat_events()[:4], end))
    chunks = _chat(client, "fault-cut", stream=True)
    words: list[str] = []
    with pytest.raises(openai.APIError) as failed:
        words.extend(chunk.choices[0].delta.content for chunk in chunks)  # type: ignore[attr-defined]
    assert "".join(words) == "one two three"
    assert type(failed.value) is openai.APIError
    body: Any = failed.value.body
    assert body["code"] == "upstream_truncated"


def test_an_error_event_in_the_middle_raises(client: openai.OpenAI, upstream: Upstream) -> None:
    broken = wire.event({"error": {"message": "the model fell over", "type": "server_error", "code": None}})
    upstream.script("fault-event", wire.stream([*wire.chat_events()[:3], broken]))
    chunks = _chat(client, "fault-event", stream=True)
    with pytest.raises(openai.APIError, match="fell over") as failed:
        list(chunks)
    assert json.dumps(failed.value.body)
