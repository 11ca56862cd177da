"""Requests of each dialect but OpenAI's chat that others would not take as they are.

Invariant: every one is right in its own dialect, by the reference that its fake names.
"""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

from conformance.sdk.scenes import PNG, SCHEMA, TOOLS


class Hard(NamedTuple):
    """Who asks, the scene that answers, the members of the request, and the end of the answer's text."""

    form: str
    scene: str
    members: dict[str, Any]
    end: str


_PICTURE = base64.b64encode(PNG).decode()
_WEATHER = {"city": "Zürich", "days": [1, 2]}


def _user(content: Any) -> dict[str, Any]:  # noqa: ANN401  text or parts
    return {"role": "user", "content": content}


def _text(text: str, **members: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {"type": "text", "text": text, **members}


# --- Anthropic

_MESSAGES_TOOLS = [
    {"name": tool.name, "description": tool.description, "input_schema": tool.schema} for tool in TOOLS
]
_CACHED = {"cache_control": {"type": "ephemeral"}}


def _used(*calls: tuple[str, str]) -> dict[str, Any]:
    blocks = [{"type": "tool_use", "id": id_, "name": name, "input": {}} for id_, name in calls]
    return {"role": "assistant", "content": blocks}


def _result(id_: str, content: Any, **members: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {"type": "tool_result", "tool_use_id": id_, "content": content, **members}


_ANTHROPIC = {
    "instructions in blocks, one of them cached": (
        "echo",
        {"system": [_text("Be"), _text("brief.", **_CACHED)], "messages": [_user([_text("one", **_CACHED)])]},
        "one",
    ),
    "every sampling member": (
        "echo",
        {
            "messages": [_user("one")],
            "temperature": 1,
            "top_k": 3,
            "metadata": {"user_id": "u"},
            "service_tier": "auto",
        },
        "one",
    ),
    "results in another order, and a question": (
        "tools",
        {
            "messages": [
                _user("one"),
                _used(("toolu_1", "weather"), ("toolu_2", "weather")),
                _user([_result("toolu_2", [_text("19C")]), _result("toolu_1", "18C"), _text("so?")]),
            ],
            "tools": _MESSAGES_TOOLS,
        },
        "",
    ),
    "a result that failed": (
        "pretext",
        {
            "messages": [
                _user("one"),
                _used(("toolu_1", "weather")),
                _user([_result("toolu_1", "no", is_error=True)]),
            ],
            "tools": _MESSAGES_TOOLS,
        },
        "no",
    ),
    "an empty result": (
        "pretext",
        {
            "messages": [_user("one"), _used(("toolu_1", "weather")), _user([_result("toolu_1", [])])],
            "tools": _MESSAGES_TOOLS,
        },
        "",
    ),
    "any tool, one at a time": (
        "pretext",
        {
            "messages": [_user("one")],
            "tools": _MESSAGES_TOOLS,
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        },
        "",
    ),
    "no more tools": (
        "echo",
        {"messages": [_user("one")], "tools": _MESSAGES_TOOLS, "tool_choice": {"type": "none"}},
        "one",
    ),
    "a picture between texts": (
        "image",
        {
            "messages": [
                _user(
                    [
                        _text("a"),
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": _PICTURE},
                        },
                        _text("b"),
                    ]
                )
            ]
        },
        f"image/png {len(PNG)}",
    ),
    "as much thinking as the model likes": (
        "think",
        {
            "messages": [_user("one")],
            "thinking": {"type": "adaptive"},
            "output_config": {"effort": "high"},
        },
        "42.",
    ),
}

# --- Gemini


def _said(*parts: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


def _asked(name: str) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": _WEATHER}, "thoughtSignature": "c2lnbmVk"}


def _told(name: str, text: str) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": {"result": text}}}


_ONE = {"contents": [_said({"text": "one"})]}
_OPENAPI = {
    "type": "OBJECT",
    "properties": {
        "city": {"type": "STRING", "nullable": True},
        "kind": {"type": "STRING", "enum": ["a", "b"]},
    },
    "propertyOrdering": ["city", "kind"],
    "required": ["city"],
}
_DECLARED = [
    {
        "functionDeclarations": [
            {"name": "weather", "description": "w", "parameters": _OPENAPI},
            {"name": "time", "description": "t"},
        ]
    }
]
_GEMINI = {
    "no role, and snakes": (
        "echo",
        {
            "contents": [{"parts": [{"text": "one"}]}],
            "system_instruction": {"parts": [{"text": "Be brief."}]},
        },
        "one",
    ),
    "every sampling member": (
        "echo",
        {
            **_ONE,
            "generationConfig": {
                "temperature": 1.5,
                "topP": 0.5,
                "topK": 4,
                "candidateCount": 1,
                "seed": 7,
                "presencePenalty": 0.5,
                "frequencyPenalty": 0.5,
                "maxOutputTokens": 99,
            },
            "safetySettings": [
                {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"},
            ],
        },
        "one",
    ),
    "schemas in OpenAPI's words": ("tools", {**_ONE, "tools": _DECLARED}, ""),
    "one tool of two must be called": (
        "pretext",
        {
            **_ONE,
            "tools": _DECLARED,
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
        },
        "",
    ),
    "the same tool twice, without ids": (
        "tools",
        {
            "contents": [
                _said({"text": "one"}),
                _said(_asked("weather"), _asked("weather"), role="model"),
                _said(_told("weather", "18C"), _told("weather", "19C")),
            ],
            "tools": _DECLARED,
        },
        "",
    ),
    "JSON of any form": (
        "json",
        {**_ONE, "generationConfig": {"responseMimeType": "application/json"}},
        "}",
    ),
    "JSON of any form, to one who has instructions": (
        "json",
        {
            **_ONE,
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "generationConfig": {"responseMimeType": "application/json"},
        },
        "}",
    ),
    "JSON by a schema of OpenAPI's": (
        "json",
        {**_ONE, "generationConfig": {"responseMimeType": "application/json", "responseSchema": _OPENAPI}},
        "}",
    ),
    "a picture in URL-safe base64": (
        "image",
        {
            "contents": [
                _said(
                    {"inlineData": {"mimeType": "image/png", "data": base64.urlsafe_b64encode(PNG).decode()}},
                    {"text": "a"},
                )
            ]
        },
        f"image/png {len(PNG)}",
    ),
    "a level of thinking": (
        "think",
        {**_ONE, "generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH", "includeThoughts": True}}},
        "42.",
    ),
}

# --- Ollama

_FUNCTIONS = [
    {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema},
    }
    for tool in TOOLS
]
_CALL = {"function": {"name": "weather", "arguments": _WEATHER}}
_OLLAMA = {
    "every option": (
        "echo",
        {
            "messages": [_user("one")],
            "options": {
                "seed": 7,
                "temperature": 0.5,
                "top_k": 4,
                "min_p": 0.1,
                "num_ctx": 4096,
                "num_gpu": 1,
            },
            "keep_alive": "5m",
            "think": False,
        },
        "one",
    ),
    "the same tool twice, results by their order": (
        "tools",
        {
            "messages": [
                _user("one"),
                {"role": "assistant", "content": "", "tool_calls": [_CALL, _CALL]},
                {"role": "tool", "content": "18C", "tool_name": "weather"},
                {"role": "tool", "content": "19C", "tool_name": "weather"},
            ],
            "tools": _FUNCTIONS,
        },
        "18C | 19C",
    ),
    "JSON of any form": ("json", {"messages": [_user("one")], "format": "json"}, "}"),
    "JSON by a schema": ("json", {"messages": [_user("one")], "format": SCHEMA}, "}"),
    "a picture": (
        "image",
        {"messages": [{**_user("one"), "images": [_PICTURE]}]},
        f"image/png {len(PNG)}",
    ),
    "stop sequences": ("stop", {"messages": [_user("one")], "options": {"stop": ["END"]}}, "one two "),
}
_GENERATE = {
    "instructions": (
        "echo",
        {"prompt": "one", "system": "Be brief.", "keep_alive": 0},
        "Be brief. / u / one",
    ),
    "JSON of any form": ("json", {"prompt": "Answer in JSON.", "format": "json"}, "}"),
    "a picture": ("image", {"prompt": "one", "images": [_PICTURE]}, f"image/png {len(PNG)}"),
}

# --- Responses


def _called(id_: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": id_, "name": "weather", "arguments": "{}"}


def _put_out(id_: str, output: Any) -> dict[str, Any]:  # noqa: ANN401  text or parts
    return {"type": "function_call_output", "call_id": id_, "output": output}


_FLAT = [{"type": "function", "name": tool.name, "parameters": tool.schema, "strict": True} for tool in TOOLS]
_RESPONSES = {
    "instructions and a developer": (
        "echo",
        {
            "instructions": "Be brief.",
            "input": [{"role": "developer", "content": "Truly."}, _user("one")],
        },
        "Be brief. Truly. / u / one",
    ),
    "every sampling member": (
        "echo",
        {
            "input": "one",
            "temperature": 1,
            "max_output_tokens": 99,
            "metadata": {"a": "b"},
            "truncation": "auto",
            "parallel_tool_calls": False,
            "service_tier": "auto",
            "user": "u",
            "text": {"verbosity": "low"},
        },
        "one",
    ),
    "an answer of its own before": (
        "echo",
        {
            "input": [
                _user("one"),
                {
                    "type": "message",
                    "role": "assistant",
                    "id": "msg_1",
                    "status": "completed",
                    "content": [{"type": "output_text", "text": "two", "annotations": []}],
                },
                _user([{"type": "input_text", "text": "three"}]),
            ]
        },
        "uau / three",
    ),
    "outputs in another order": (
        "tools",
        {
            "input": [
                _user("one"),
                _called("c1"),
                _called("c2"),
                _put_out("c2", "19C"),
                _put_out("c1", "18C"),
            ],
            "tools": _FLAT,
        },
        "",
    ),
    "a tool that must be called": (
        "pretext",
        {"input": "one", "tools": _FLAT, "tool_choice": {"type": "function", "name": "weather"}},
        "",
    ),
    "JSON of any form": (
        "json",
        {"input": "Answer in JSON.", "text": {"format": {"type": "json_object"}}},
        "}",
    ),
    "thinking, and a summary": (
        "think",
        {"input": "one", "reasoning": {"effort": "high", "summary": "auto"}},
        "42.",
    ),
}

HARD = {
    f"{form}: {what}": Hard(form, *rest)
    for form, table in (
        ("anthropic", _ANTHROPIC),
        ("gemini", _GEMINI),
        ("ollama", _OLLAMA),
        ("ollama_generate", _GENERATE),
        ("responses", _RESPONSES),
    )
    for what, rest in table.items()
}
