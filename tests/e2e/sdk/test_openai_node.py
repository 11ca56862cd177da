"""The official Node SDK: chat, streams, tools, and the exception of each failure."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support import wire
from support.gateway import KEY, Gateway
from support.upstream import End, Step, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable

_HOME = Path(__file__).parent / "node"
_ASK: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="session")
def sdk() -> str:
    """The node command, with the SDK installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.fail("the tests of the Node SDK need node and npm: apt-get install nodejs npm")
    if not (_HOME / "node_modules" / "openai").exists():
        command = [npm, "ci", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=_HOME, capture_output=True, text=True, check=False)  # noqa: S603  npm
        if done.returncode != 0:
            pytest.fail(f"the Node SDK is not installed, run: cd {_HOME} && npm ci\n{done.stderr}")
    return node


@pytest.fixture
def ask(sdk: str, gateway: Gateway) -> Callable[..., dict[str, Any]]:
    def run(call: str, key: str = KEY, **params: Any) -> dict[str, Any]:  # noqa: ANN401
        request = json.dumps({"call": call, "params": {**_ASK, **params}})
        command = [sdk, str(_HOME / "ask.mjs"), gateway.base_url, key, request]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=9)  # noqa: S603  node
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return run


# Installing may happen in the first test.
pytestmark = pytest.mark.timeout(60)


def _text(told: dict[str, Any]) -> str:
    return "".join(c["delta"].get("content") or "" for chunk in told["chunks"] for c in chunk["choices"])


def test_chat(ask: Callable[..., dict[str, Any]], upstream: Upstream) -> None:
    upstream.script("gpt-4o", wire.answer(wire.chat()))
    told = ask("chat", temperature=0.5)
    assert told["error"] is None
    assert told["data"]["choices"][0]["message"]["content"] == wire.TEXT
    assert told["requestId"] == told["headers"]["x-request-id"]
    assert told["headers"]["x-headgate-provider"] == "main"
    sent = upstream.requests("gpt-4o")[-1]
    assert sent.json == {**_ASK, "temperature": 0.5}
    assert not [name for name in sent.headers if name.startswith("x-stainless")]


def test_a_stream(ask: Callable[..., dict[str, Any]], upstream: Upstream) -> None:
    upstream.script("gpt-4o", wire.stream(wire.chat_events()))
    told = ask("stream")
    assert (told["error"], _text(told)) == (None, wire.TEXT)
    assert not any(chunk.get("usage") for chunk in told["chunks"])
    asked = ask("stream", stream_options={"include_usage": True})
    assert asked["chunks"][-1]["usage"] == wire.USAGE


def test_streamed_tool_calls(ask: Callable[..., dict[str, Any]], upstream: Upstream) -> None:
    parts = [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}},
        *({"index": 0, "function": {"arguments": part}} for part in ('{"a":', '"ü"}')),
    ]
    events = [
        wire.delta({"role": "assistant"}),
        *(wire.delta({"tool_calls": [part]}) for part in parts),
        wire.delta({}, "tool_calls"),
        wire.DONE,
    ]
    upstream.script("gpt-4o", wire.stream(events))
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    told = ask("gathered", tools=tools)
    (call,) = told["data"]["choices"][0]["message"]["tool_calls"]
    assert (call["id"], call["function"]["arguments"]) == ("call_1", '{"a":"ü"}')
    assert upstream.requests("gpt-4o")[-1].json["tools"] == tools


def test_embeddings_and_models(ask: Callable[..., dict[str, Any]], upstream: Upstream) -> None:
    upstream.script("gpt-4o", wire.answer(wire.embeddings([0.5, -0.25], "base64")))
    assert ask("embed", input="a")["data"]["data"][0]["embedding"] == [0.5, -0.25]
    assert ask("models")["chunks"] == ["echo"]


@pytest.mark.parametrize("end", [End.CLOSE, End.RESET])
def test_a_cut_stream_throws_in_the_middle(
    ask: Callable[..., dict[str, Any]], upstream: Upstream, end: End
) -> None:
    upstream.script("gpt-4o", wire.stream(wire.chat_events()[:4], end))
    told = ask("stream")
    assert _text(told) == "one two three"
    assert told["error"]["class"] == "APIError"
    assert told["error"]["code"] == "upstream_truncated"


def test_leaving_closes_the_upstream(ask: Callable[..., dict[str, Any]], upstream: Upstream) -> None:
    upstream.script("gpt-4o", wire.stream(wire.chat_events()[:4], End.HANG))
    told = ask("leave", metadata={"until": "three"})
    assert _text(told) == "one two three"
    assert upstream.requests("gpt-4o")[-1].closed.wait(1.0)


@pytest.mark.parametrize("call", ["chat", "stream"])
@pytest.mark.parametrize(
    ("script", "kind", "status"),
    [
        (wire.refusal(400, "too long"), "BadRequestError", 400),
        (wire.refusal(422), "UnprocessableEntityError", 422),
        (wire.refusal(429), "RateLimitError", 429),
        (wire.refusal(500), "InternalServerError", 502),
        ([b"HTTP/1.1 2", End.RESET], "InternalServerError", 502),
    ],
)
def test_the_exception_for_an_upstreams_failure(  # noqa: PLR0913, PLR0917  a row of the table
    ask: Callable[..., dict[str, Any]],
    upstream: Upstream,
    call: str,
    script: list[Step],
    kind: str,
    status: int,
) -> None:
    upstream.script("gpt-4o", script)
    error = ask(call)["error"]
    assert (error["class"], error["status"]) == (kind, status)
    assert error["requestID"]


@pytest.mark.parametrize(
    ("members", "key", "kind", "code"),
    [
        ({}, "test-key-that-nobody-ever-made", "AuthenticationError", "invalid_api_key"),
        ({"messages": "hello"}, KEY, "BadRequestError", None),
        ({"model": None}, KEY, "BadRequestError", None),
    ],
)
def test_the_exception_for_the_callers_fault(
    ask: Callable[..., dict[str, Any]], members: dict[str, Any], key: str, kind: str, code: str | None
) -> None:
    error = ask("chat", key, **members)["error"]
    assert error["class"] == kind
    assert code is None or error["code"] == code
