"""Requests that one service takes and others would not: the gateway makes them fit.

Invariant: a provider's own refusal never reaches who asked in its own dialect rightly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from conformance.sdk import behind
from conformance.sdk.hard import HARD
from conformance.sdk.raw import FORMS, text
from conformance.sdk.scenes import TOOLS

if TYPE_CHECKING:
    from support.fakes.server import Fake
    from support.gateway import Gateway

_TOOLS = [
    {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema},
    }
    for tool in TOOLS
]
_BARE = [
    {"type": "function", "function": {"name": "weather"}},
    {"type": "function", "function": {"name": "time"}},
]


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _calls(*names: str) -> dict[str, Any]:
    calls = [
        {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": "{}"}}
        for name in names
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def _result(name: str, text: Any) -> dict[str, Any]:  # noqa: ANN401  text or parts
    return {"role": "tool", "tool_call_id": f"call_{name}", "content": text}


# The scene that answers, the members of the request, and the end of the answer's text.
_HARD: dict[str, tuple[str, dict[str, Any], str]] = {
    "two users in a row": ("echo", {"messages": [_user("one"), _user("two")]}, "two"),
    "two assistants in a row": (
        "echo",
        {
            "messages": [
                _user("one"),
                {"role": "assistant", "content": "a"},
                {"role": "assistant", "content": "b"},
                _user("two"),
            ]
        },
        "two",
    ),
    "an assistant first": (
        "echo",
        {"messages": [{"role": "assistant", "content": "Welcome."}, _user("one")]},
        "one",
    ),
    "a system message in the middle": (
        "echo",
        {"messages": [_user("one"), {"role": "system", "content": "Be brief."}, _user("two")]},
        "two",
    ),
    "a developer message": (
        "echo",
        {"messages": [{"role": "developer", "content": "Be brief."}, _user("one")]},
        "one",
    ),
    "parts of text": (
        "echo",
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "o"}, {"type": "text", "text": "ne"}]}
            ]
        },
        "one",
    ),
    "an empty answer before": (
        "echo",
        {"messages": [_user("one"), {"role": "assistant", "content": ""}, _user("two")]},
        "two",
    ),
    "every sampling member": (
        "echo",
        {
            "messages": [_user("one")],
            "temperature": 2,
            "top_p": 0.5,
            "presence_penalty": -2,
            "frequency_penalty": 2,
            "seed": 7,
            "n": 1,
            "logit_bias": {"1": 5},
            "user": "somebody",
            "metadata": {"a": "b"},
            "service_tier": "auto",
            "store": False,
        },
        "one",
    ),
    "one stop sequence, no list": ("stop", {"messages": [_user("one")], "stop": "END"}, "one two "),
    "blank stop sequences": ("stop", {"messages": [_user("one")], "stop": ["\n", "END", " "]}, "one two "),
    "results in another order": (
        "tools",
        {
            "messages": [
                _user("one"),
                _calls("weather", "time"),
                _result("time", "12:00"),
                _result("weather", [{"type": "text", "text": "18C"}]),
            ],
            "tools": _TOOLS,
        },
        "",
    ),
    "an empty result": (
        "tools",
        {"messages": [_user("one"), _calls("weather"), _result("weather", "")], "tools": _TOOLS},
        "",
    ),
    "calls twice": (
        "pretext",
        {
            "messages": [
                _user("one"),
                _calls("weather"),
                _result("weather", "rain"),
                _calls("time"),
                _result("time", "12:00"),
            ],
            "tools": _TOOLS,
        },
        "12:00",
    ),
    "results and then a question": (
        "pretext",
        {
            "messages": [_user("one"), _calls("weather"), _result("weather", "rain"), _user("so?")],
            "tools": _TOOLS,
        },
        "",
    ),
    "calls in the past, no tools now": (
        "echo",
        {"messages": [_user("one"), _calls("weather"), _result("weather", "rain"), _user("so?")]},
        "so?",
    ),
    "tools without parameters": ("tools", {"messages": [_user("one")], "tools": _BARE}, ""),
    "a tool that must be called while thinking": (
        "pretext",
        {
            "messages": [_user("one")],
            "tools": _TOOLS,
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
            "reasoning_effort": "high",
        },
        "",
    ),
    "thinking, and a temperature": (
        "think",
        {"messages": [_user("one")], "reasoning_effort": "high", "temperature": 0.2, "top_p": 0.1},
        "42.",
    ),
    "thinking in few tokens": (
        "echo",
        {"messages": [_user("one")], "reasoning_effort": "high", "max_completion_tokens": 100},
        "one",
    ),
    "no more tools": (
        "echo",
        {"messages": [_user("one")], "tools": _TOOLS, "tool_choice": "none", "parallel_tool_calls": False},
        "one",
    ),
    "JSON of any form": (
        "json",
        {"messages": [_user("Answer in JSON.")], "response_format": {"type": "json_object"}},
        "}",
    ),
}


@pytest.mark.parametrize("what", _HARD)
@pytest.mark.parametrize("provider", behind.PROVIDERS)
def test_a_hard_request_is_made_to_fit(
    gateway: Gateway, fakes: dict[str, Fake], provider: str, what: str
) -> None:
    scene, members, end = _HARD[what]
    fake = fakes[behind.PROVIDERS[provider].fake]
    asked, refused = len(fake.requests), len(fake.refusals)
    answer = gateway.client.post("/v1/chat/completions", {"model": behind.model(provider, scene), **members})
    assert fake.refusals[refused:] == []
    assert answer.status == 200, answer.body
    assert len(fake.requests) == asked + 1
    assert (answer.json["choices"][0]["message"]["content"] or "").endswith(end)


@pytest.mark.parametrize("what", HARD)
@pytest.mark.parametrize("provider", behind.PROVIDERS)
def test_a_hard_request_of_another_dialect_is_made_to_fit(
    gateway: Gateway, fakes: dict[str, Fake], provider: str, what: str
) -> None:
    hard = HARD[what]
    fake = fakes[behind.PROVIDERS[provider].fake]
    asked, refused = len(fake.requests), len(fake.refusals)
    answer = FORMS[hard.form].post(gateway.client, behind.model(provider, hard.scene), **hard.members)
    assert fake.refusals[refused:] == []
    assert answer.status == 200, answer.body
    assert len(fake.requests) == asked + 1
    assert text(hard.form, answer.json).endswith(hard.end)
