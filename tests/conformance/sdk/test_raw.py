"""What SDKs hide of the gateway's answers: headers, ids, times, and streams that are no events.

Invariant: the same holds for every dialect before every provider.
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from conformance.sdk import behind
from conformance.sdk.raw import FORMS

if TYPE_CHECKING:
    from support.client import Answer
    from support.fakes.server import Fake
    from support.gateway import Gateway

_TIMELESS = ("anthropic", "gemini")
"""Providers whose answers tell no time."""
_COUNTED = {("anthropic", "anthropic"), ("gemini", "gemini")}
_NEW = "2026-10-21"


def _kind(form: str, body: Any) -> str:  # noqa: ANN401  any JSON
    """The class of an error, as its dialect has it."""
    if form.startswith("ollama"):
        return str(type(body["error"]).__name__)
    return str(body["error"]["status" if form.startswith("gemini") else "type"])


_KINDS = {
    "openai": ("rate_limit_error", "upstream_error", "invalid_request_error"),
    "azure": ("rate_limit_error", "upstream_error", "invalid_request_error"),
    "responses": ("rate_limit_error", "upstream_error", "invalid_request_error"),
    "anthropic": ("rate_limit_error", "api_error", "not_found_error"),
    "gemini": ("RESOURCE_EXHAUSTED", "UNAVAILABLE", "NOT_FOUND"),
    "gemini_array": ("RESOURCE_EXHAUSTED", "UNAVAILABLE", "NOT_FOUND"),
    "ollama": ("str", "str", "str"),
    "ollama_generate": ("str", "str", "str"),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", behind.PROVIDERS)
@pytest.mark.parametrize("form", FORMS)
def test_an_error_is_the_callers_own(gateway: Gateway, form: str, provider: str, *, stream: bool) -> None:
    limited, broken, nowhere = (
        FORMS[form].post(gateway.client, behind.model(provider, scene), stream=stream)
        for scene in ("limited", "broken", "nowhere")
    )
    assert (limited.status, limited.headers.get("retry-after")) == (429, "7")
    assert (broken.status, nowhere.status) == (502, 404)
    assert tuple(_kind(form, answer.json) for answer in (limited, broken, nowhere)) == _KINDS[form]


def _identity(form: str, answer: Answer) -> tuple[str, str, float]:
    """Id, model and time of an answer; ids and times where the dialect has them."""
    body = answer.json
    if form.startswith("gemini"):
        return body["responseId"], body["modelVersion"], 0
    if form.startswith("ollama"):
        return "", body["model"], datetime.fromisoformat(body["created_at"]).timestamp()
    return body["id"], body["model"], body.get("created", body.get("created_at", 0))


@pytest.mark.parametrize("provider", behind.PROVIDERS)
@pytest.mark.parametrize("form", FORMS)
def test_every_answer_has_a_name_and_a_time(gateway: Gateway, form: str, provider: str) -> None:
    began_s = int(time.time())
    model = behind.model(provider, "text")
    one, other = (_identity(form, FORMS[form].post(gateway.client, model)) for _ in range(2))
    assert one[1] == model
    if not form.startswith("ollama"):
        assert one[0]
        assert (one[0] != other[0]) is (provider == "ollama" and form not in ("openai", "azure"))
    if provider in _TIMELESS and one[2]:
        assert began_s <= one[2] <= time.time()


@pytest.mark.parametrize("provider", behind.PROVIDERS)
def test_a_call_is_answered_by_the_id_that_was_made_for_it(
    gateway: Gateway, fakes: dict[str, Fake], provider: str
) -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    ask, client = FORMS["openai"], gateway.client
    model = behind.model(provider, "pretext")
    question = {"role": "user", "content": "hello"}
    calling = ask.post(client, model, tools=[tool]).json["choices"][0]["message"]
    (call,) = calling["tool_calls"]
    result = {"role": "tool", "tool_call_id": call["id"], "content": "18C"}
    # The same twice: two calls of one tool, each with its own answer.
    again = ask.post(client, model, tools=[tool]).json["choices"][0]["message"]
    second = {**result, "tool_call_id": again["tool_calls"][0]["id"], "content": "19C"}
    turns = [question, calling, result, again, second]
    answer = ask.post(client, model, tools=[tool], messages=turns)
    assert answer.text == "The tools said: 19C"
    assert fakes[behind.PROVIDERS[provider].fake].requests[-1].asked is not None


@pytest.mark.parametrize("provider", behind.PROVIDERS)
@pytest.mark.parametrize(
    ("dialect", "path", "name"),
    [
        ("anthropic", "/v1/messages/count_tokens", "input_tokens"),
        ("gemini", "/v1beta/models/{}:countTokens", "totalTokens"),
        ("gemini", "/v1/models/{}:countTokens", "totalTokens"),
    ],
)
def test_tokens_are_counted_or_estimated(
    gateway: Gateway, provider: str, dialect: str, path: str, name: str
) -> None:
    model = behind.model(provider, "text")
    body = {**FORMS[dialect].body, **({"model": model} if dialect == "anthropic" else {})}
    body.pop("max_tokens", None)
    answer = gateway.client.post(path.format(model), body)
    assert answer.status == 200, answer.body
    if provider in ("anthropic", "gemini"):
        assert (answer.json[name], answer.headers.get("x-headgate-estimate")) == (14, None)
    else:
        assert answer.json[name] > 0
        assert answer.headers["x-headgate-estimate"] == "true"


@pytest.mark.parametrize(
    ("header", "path"),
    [
        ("x-api-key", "/v1/messages"),
        ("api-key", "/openai/v1/chat/completions"),
        ("api-key", "/openai/deployments/open-text/chat/completions?api-version=2024-10-21"),
        ("x-goog-api-key", "/v1beta/models/open-text:generateContent"),
        ("", "/v1beta/models/open-text:generateContent?key={}"),
        ("", "/v1beta/models/open-text:streamGenerateContent?alt=sse&key={}"),
    ],
)
def test_each_dialect_shows_its_key_in_its_way(gateway: Gateway, header: str, path: str) -> None:
    nobody = gateway.as_key(None)
    key = gateway.client.key or ""
    body = {**_body_at(path), "model": "open-text"} if "models/" not in path else _body_at(path)
    for shown, status in ((key, 200), ("a-key-of-nobody", 401)):
        headers = {header: shown} if header else {}
        assert nobody.post(path.format(shown), body, headers).status == status
    assert nobody.post(path.partition("?")[0], body).status == 401


def _body_at(path: str) -> dict[str, Any]:
    form = "gemini" if "models/" in path else "anthropic" if "messages" in path else "openai"
    return FORMS[form].body


@pytest.mark.parametrize("provider", behind.PROVIDERS)
def test_gemini_without_events_is_an_array_that_grows(gateway: Gateway, provider: str) -> None:
    answer = FORMS["gemini_array"].post(gateway.client, behind.model(provider, "text"), stream=True)
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    found: Any = json.loads(answer.body)
    texts = [
        part.get("text", "")
        for chunk in found
        for candidate in chunk["candidates"]
        for part in candidate.get("content", {}).get("parts", [])
    ]
    assert "".join(texts) == 'Hello, wörld 🌍 "ok"\nbye'
    assert len(found) >= 5
    assert found[-1]["usageMetadata"]["totalTokenCount"] == 16


@pytest.mark.parametrize("provider", behind.PROVIDERS)
@pytest.mark.parametrize("scene", ["midfail", "cut"])
def test_a_broken_array_ends_with_an_error(gateway: Gateway, provider: str, scene: str) -> None:
    answer = FORMS["gemini_array"].post(gateway.client, behind.model(provider, scene), stream=True)
    *chunks, last = json.loads(answer.body)
    assert [chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in chunks] == ["half", " of it"]
    assert last["error"]["message"]


@pytest.mark.parametrize(
    ("model", "sent", "got"),
    [
        ("claude-text", {}, "2023-06-01"),
        ("claude-text", {"anthropic-version": _NEW}, _NEW),
        ("pinned-text", {}, "2023-06-01"),
        ("pinned-text", {"anthropic-version": _NEW}, "2023-06-01"),
    ],
)
def test_the_callers_version_goes_on_unless_one_is_configured(
    gateway: Gateway, fakes: dict[str, Fake], model: str, sent: dict[str, str], got: str
) -> None:
    body = {**FORMS["anthropic"].body, "model": model}
    assert gateway.client.post("/v1/messages", body, sent).status == 200
    assert fakes["anthropic"].requests[-1].headers["anthropic-version"] == got


def test_a_version_of_anthropics_is_for_anthropic_alone(gateway: Gateway, fakes: dict[str, Fake]) -> None:
    headers = {"anthropic-version": _NEW}
    body = {**FORMS["anthropic"].body, "model": "open-text"}
    assert gateway.client.post("/v1/messages", body, headers).status == 200
    assert "anthropic-version" not in fakes["openai"].requests[-1].headers
    body = {**FORMS["openai"].body, "model": "claude-text"}
    assert gateway.client.post("/v1/chat/completions", body, headers).status == 200
    assert fakes["anthropic"].requests[-1].headers["anthropic-version"] == "2023-06-01"


@pytest.mark.parametrize("provider", ["openai", "compatible", "gemini", "ollama"])
def test_a_system_turn_among_anthropics_messages_is_an_instruction(gateway: Gateway, provider: str) -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "three"}]
    model = behind.model(provider, "echo")
    answer = FORMS["anthropic"].post(gateway.client, model, messages=turns)
    assert answer.json["content"] == [{"type": "text", "text": "Be brief. / u / three"}]
