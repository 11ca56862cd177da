"""The memory cache before callers of other dialects: each hears in its own words what was kept in them.

The provider speaks OpenAI's dialect, so every answer here was told in another before it was kept.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from support import wire
from support.gateway import Gateway, document, start
from support.upstream import Received, Step, Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.client import Answer


class Form(NamedTuple):
    """How a dialect is asked for a whole answer and for a stream, and how the stream ends."""

    whole: tuple[str, dict[str, Any]]
    stream: tuple[str, dict[str, Any]]
    end: str


_SAID = [{"role": "user", "content": "Hi"}]
_CONTENTS = {
    "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
    "generationConfig": {"temperature": 0},
}
_OLLAMA = {"messages": _SAID, "options": {"temperature": 0}}
_ANTHROPIC = {"messages": _SAID, "max_tokens": 50, "temperature": 0}
_RESPONSES = {"input": "Hi", "temperature": 0}


def _forms(model: str) -> dict[str, Form]:
    path = f"/v1beta/models/{model}:"
    return {
        "anthropic": Form(
            ("/v1/messages", {"model": model, **_ANTHROPIC}),
            ("/v1/messages", {"model": model, "stream": True, **_ANTHROPIC}),
            "message_stop",
        ),
        "gemini": Form(
            (f"{path}generateContent", _CONTENTS),
            (f"{path}streamGenerateContent?alt=sse", _CONTENTS),
            '"finishReason":"STOP"',
        ),
        "gemini_array": Form(
            (f"{path}generateContent", _CONTENTS),
            (f"{path}streamGenerateContent", _CONTENTS),
            '"finishReason":"STOP"',
        ),
        "ollama": Form(
            ("/api/chat", {"model": model, "stream": False, **_OLLAMA}),
            ("/api/chat", {"model": model, **_OLLAMA}),
            '"done":true',
        ),
        "responses": Form(
            ("/v1/responses", {"model": model, **_RESPONSES}),
            ("/v1/responses", {"model": model, "stream": True, **_RESPONSES}),
            "response.completed",
        ),
    }


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    config = document({"main": upstream}, cache={"enabled": True})
    with start(tmp_path_factory.mktemp("cache"), config) as running:
        yield running


def _numbered(upstream: Upstream, model: str) -> None:
    numbers = itertools.count(1)

    def script(request: Received) -> list[Step]:
        text = f"answer number {next(numbers)}"
        return (
            wire.stream(wire.chat_events(text))
            if request.json.get("stream")
            else wire.answer(wire.chat(text))
        )

    upstream.script(model, script)


def _ask(gateway: Gateway, asked: tuple[str, dict[str, Any]]) -> tuple[str, Answer]:
    path, body = asked
    answer = gateway.client.ask("POST", path, json.dumps(body).encode())
    assert answer.status == 200, answer.body
    return answer.headers["x-headgate-cache"], answer


@pytest.mark.parametrize("dialect", _forms("m"))
def test_a_whole_answer_is_given_again_and_as_a_stream(
    gateway: Gateway, upstream: Upstream, dialect: str
) -> None:
    model = f"whole-{dialect}"
    _numbered(upstream, model)
    form = _forms(model)[dialect]
    (first, kept), (again, same), (streamed, stream) = (
        _ask(gateway, asked) for asked in (form.whole, form.whole, form.stream)
    )
    assert (first, again, streamed) == ("miss", "hit", "hit")
    assert kept.body == same.body
    text = stream.body.decode()
    assert "answer number 1" in text
    assert form.end in text
    assert text.startswith("[") is (dialect == "gemini_array")
    assert len(upstream.requests(model)) == 1


@pytest.mark.parametrize("dialect", [name for name in _forms("m") if name != "gemini_array"])
def test_a_stream_is_given_again_and_whole(gateway: Gateway, upstream: Upstream, dialect: str) -> None:
    model = f"stream-{dialect}"
    _numbered(upstream, model)
    form = _forms(model)[dialect]
    (first, kept), (again, same), (whole, answer) = (
        _ask(gateway, asked) for asked in (form.stream, form.stream, form.whole)
    )
    assert (first, again, whole) == ("miss", "hit", "hit")
    assert kept.body == same.body
    assert "answer number 1" in json.dumps(answer.json)
    assert len(upstream.requests(model)) == 1


def test_dialects_do_not_share_answers(gateway: Gateway, upstream: Upstream) -> None:
    _numbered(upstream, "shared")
    forms = _forms("shared")
    for number, dialect in enumerate(("anthropic", "gemini", "ollama", "responses"), 1):
        state, answer = _ask(gateway, forms[dialect].whole)
        assert state == "miss"
        assert f"answer number {number}" in json.dumps(answer.json)
