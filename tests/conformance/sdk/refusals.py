"""A right request of each dialect, and what is wrong with it when it is refused.

Invariant: a fault changes one thing. Sources are those of the fakes.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from support.fakes.gemini_turns import SIGNATURE
from support.fakes.plays import signed
from support.fakes.server import Fake

if TYPE_CHECKING:
    from support.client import Answer

_BEARER = {"authorization": f"Bearer {Fake.key}"}
_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
_PIXEL = "iVBORw0KGgo="
_THOUGHT = "I need the weather."


@dataclass(frozen=True)
class Ask:
    """A right request."""

    fake: str
    path: str
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass(frozen=True)
class Fault:
    """What is wrong: members to set, by a key or a path of keys and places; headers to set, "" takes away."""

    ask: str
    words: str
    members: dict[Any, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 400
    without: tuple[Any, ...] = ()

    def body(self, right: dict[str, Any]) -> dict[str, Any]:
        """The body with the fault in it."""
        wrong = copy.deepcopy(right)
        for path, value in self.members.items():
            *above, last = path if isinstance(path, tuple) else (path,)
            held: Any = wrong
            for key in above:
                held = held[key]
            held[last] = value
        if self.without:
            held = wrong
            for key in self.without[:-1]:
                held = held[key]
            del held[self.without[-1]]
        return wrong


def message(fake: str, answer: Answer) -> str:
    """The message of an error, where the service has it."""
    told = answer.json
    if fake == "ollama":
        return str(told["error"])
    return str(told["message"] if fake == "bedrock" else told["error"]["message"])


_OPENAI = {
    "model": "gpt-tools",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "so?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PIXEL}"}},
            ],
        },
    ],
    "tools": [
        {"type": "function", "function": {"name": name, "parameters": _SCHEMA}}
        for name in ("weather", "time")
    ],
}
_RESPONSES = {
    "model": "gpt-tools",
    "store": False,
    "input": [
        {"role": "user", "content": "weather?"},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": _THOUGHT}],
            "encrypted_content": signed(_THOUGHT),
        },
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "rain"},
        {"role": "user", "content": [{"type": "input_text", "text": "so?"}]},
    ],
    "tools": [{"type": "function", "name": name, "parameters": _SCHEMA} for name in ("weather", "time")],
}
_ANTHROPIC = {
    "model": "claude-thinktools",
    "max_tokens": 2048,
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "system": [{"type": "text", "text": "Be brief."}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "weather?"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": _THOUGHT, "signature": signed(_THOUGHT)},
                {"type": "tool_use", "id": "t1", "name": "weather", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "rain"},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": _PIXEL},
                },
            ],
        },
    ],
    "tools": [{"name": "weather", "input_schema": _SCHEMA}],
}
_GEMINI = {
    "contents": [
        {"role": "user", "parts": [{"text": "weather?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {}}}]},
        {
            "role": "user",
            "parts": [{"functionResponse": {"name": "weather", "response": {"output": "rain"}}}],
        },
        {"role": "model", "parts": [{"text": "rain"}]},
        {
            "role": "user",
            "parts": [{"text": "so?"}, {"inlineData": {"mimeType": "image/png", "data": _PIXEL}}],
        },
    ],
    "tools": [{"functionDeclarations": [{"name": "weather", "parameters": _SCHEMA}]}],
    "generationConfig": {"temperature": 1.5, "stopSequences": ["a"]},
}
_OLLAMA = {
    "model": "llama-tools",
    "stream": False,
    "messages": [
        {"role": "user", "content": "weather?", "images": [_PIXEL]},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"function": {"name": "weather", "arguments": {}}}],
        },
        {"role": "tool", "tool_name": "weather", "content": "rain"},
    ],
    "tools": [
        {"type": "function", "function": {"name": name, "parameters": _SCHEMA}}
        for name in ("weather", "time")
    ],
    "options": {"temperature": 1.5},
}
_CONVERSE = {
    "messages": [
        {"role": "user", "content": [{"text": "weather?"}]},
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": _THOUGHT, "signature": signed(_THOUGHT)}}},
                {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {}}},
            ],
        },
        {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"text": "rain"}]}}]},
    ],
    "inferenceConfig": {"maxTokens": 2048},
    "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    "toolConfig": {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": _SCHEMA}}}]},
}
_PLAIN = {"max_tokens": 10, "messages": [{"role": "user", "content": "hello"}]}
_VERTEX = "/v1/projects/p/locations/r/publishers"
_VERSION = {"anthropic-version": "2023-06-01"}
_CLAUDE = {**_VERSION, "x-api-key": Fake.key}
_GOOGLE = {"x-goog-api-key": Fake.key}
ASKS = {
    "openai": Ask("openai", "/v1/chat/completions", _OPENAI, _BEARER),
    "embeddings": Ask("openai", "/v1/embeddings", {"model": "m", "input": ["a"]}, _BEARER),
    "responses": Ask("responses", "/v1/responses", _RESPONSES, _BEARER),
    "azure": Ask(
        "azure",
        "/openai/deployments/gpt-text/chat/completions?api-version=2024-10-21",
        {"messages": [{"role": "user", "content": "hello"}]},
        {"api-key": Fake.key},
    ),
    "anthropic": Ask("anthropic", "/v1/messages", _ANTHROPIC, _CLAUDE),
    "sampled": Ask(
        "anthropic", "/v1/messages", {**_PLAIN, "model": "claude-text", "temperature": 0.5}, _CLAUDE
    ),
    "count": Ask(
        "anthropic",
        "/v1/messages/count_tokens",
        {"model": "claude-text", "messages": _PLAIN["messages"]},
        _CLAUDE,
    ),
    "gemini": Ask("gemini", "/v1beta/models/gemini-pretext:generateContent", _GEMINI, _GOOGLE),
    "signed": Ask(
        "gemini",
        "/v1beta/models/gemini-thinktools:generateContent",
        {
            "contents": [
                {"role": "user", "parts": [{"text": "weather?"}]},
                {
                    "role": "model",
                    "parts": [
                        {"functionCall": {"name": "weather", "args": {}}, "thoughtSignature": SIGNATURE}
                    ],
                },
                {
                    "role": "user",
                    "parts": [{"functionResponse": {"name": "weather", "response": {"output": "rain"}}}],
                },
            ],
            "tools": _GEMINI["tools"],
        },
        _GOOGLE,
    ),
    "ollama": Ask("ollama", "/api/chat", _OLLAMA, {}),
    "generate": Ask("ollama", "/api/generate", {"model": "llama-text", "prompt": "a", "stream": False}, {}),
    "bedrock": Ask("bedrock", "/model/anthropic.claude-thinktools/converse", _CONVERSE, _BEARER),
    "invoke": Ask(
        "bedrock",
        "/model/anthropic.claude-text/invoke",
        {**_PLAIN, "anthropic_version": "bedrock-2023-05-31"},
        _BEARER,
    ),
    "titan": Ask("bedrock", "/model/amazon.titan-embed-text-v2:0/invoke", {"inputText": "a"}, _BEARER),
    "cohere": Ask(
        "bedrock",
        "/model/cohere.embed-english-v3/invoke",
        {"texts": ["a"], "input_type": "search_query"},
        _BEARER,
    ),
    "vertex": Ask(
        "vertex",
        f"{_VERTEX}/anthropic/models/claude-text:rawPredict",
        {**_PLAIN, "anthropic_version": "vertex-2023-10-16"},
        _BEARER,
    ),
    "vertex_gemini": Ask(
        "vertex",
        f"{_VERTEX}/google/models/gemini-text:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
        _BEARER,
    ),
}
_TOO_MANY = ["a", "b", "c", "d", "e", "f"]
_TOOL = ("tools", 0)
_FUNCTION = ("tools", 0, "function")
_DECLARED = ("tools", 0, "functionDeclarations", 0)
FAULTS = (
    # Who asks, and in what form.
    *(
        Fault(name, words, headers={header: value}, status=status)
        for name, header, value, status, words in (
            ("openai", "authorization", "", 401, "didn't provide an API key"),
            ("openai", "authorization", "Bearer wrong", 401, "Incorrect API key"),
            ("openai", "content-type", "text/plain", 415, "content-type"),
            ("azure", "api-key", "wrong", 401, "Access denied"),
            ("anthropic", "x-api-key", "", 401, "header is required"),
            ("anthropic", "x-api-key", "wrong", 401, "invalid x-api-key"),
            ("anthropic", "anthropic-version", "", 400, "header is required"),
            ("anthropic", "anthropic-version", "2020-01-01", 400, "is not a valid version"),
            (
                "sampled",
                "anthropic-version",
                "2026-10-21",
                400,
                "temperature: Extra inputs are not permitted",
            ),
            ("gemini", "x-goog-api-key", "", 403, "unregistered callers"),
            ("gemini", "x-goog-api-key", "wrong", 400, "API key not valid"),
            ("ollama", "authorization", "Bearer wrong", 401, "unauthorized"),
            ("bedrock", "authorization", "", 403, "Missing Authentication Token"),
            ("bedrock", "authorization", "Bearer wrong", 403, "not in the format"),
            ("vertex", "authorization", "Bearer wrong", 401, "invalid authentication credentials"),
            ("vertex", "anthropic-version", "2023-06-01", 400, "belongs to the body"),
        )
    ),
    # What nobody knows.
    Fault("openai", "Unrecognized request argument supplied: top_k", {"top_k": 1}),
    Fault("openai", "messages[1].cache", {("messages", 1, "cache"): 1}),
    Fault("responses", "Unrecognized request argument supplied: messages", {"messages": []}),
    Fault("anthropic", "seed: Extra inputs are not permitted", {"seed": 1}),
    Fault("anthropic", "messages.0.name: Extra inputs", {("messages", 0, "name"): "a"}),
    Fault("count", "max_tokens: Extra inputs", {"max_tokens": 1}),
    Fault("gemini", 'Unknown name "model_name": Cannot find field', {"model_name": "a"}),
    Fault("gemini", "Unknown name \"seeds\" at 'generation_config'", {("generationConfig", "seeds"): 1}),
    *(
        Fault("gemini", f'Unknown name "{name}"', {(*_DECLARED, "parameters", name): value})
        for name, value in (("additionalProperties", False), ("$schema", "a"), ("$ref", "#/a"), ("const", 1))
    ),
    Fault("ollama", "unknown member max_tokens", {"max_tokens": 1}),
    Fault("ollama", "unknown member options.max_tokens", {("options", "max_tokens"): 1}),
    Fault("generate", "unknown member messages", {"messages": []}),
    Fault("bedrock", "extraneous key [max_tokens]", {"max_tokens": 1}),
    Fault("bedrock", "extraneous key [inferenceConfig.topK]", {("inferenceConfig", "topK"): 1}),
    Fault("invoke", "model, stream: Extra inputs", {"model": "a"}),
    Fault("invoke", "anthropic_version: Input should be", {"anthropic_version": "2023-06-01"}),
    Fault("invoke", "temperature: Extra", {"anthropic_version": "2026-10-21", "temperature": 1}),
    Fault("vertex", "model: Extra inputs", {"model": "a"}),
    Fault("vertex", "anthropic_version: Input should be", {"anthropic_version": "2023-06-01"}),
    Fault("vertex", "streamRawPredict", {"stream": True}),
    Fault("titan", "extraneous key [texts]", {"texts": []}),
    Fault("cohere", "'input_type' required", {"input_type": "a"}),
    # Numbers and limits.
    Fault("openai", "temperature: must be between 0 and 2", {"temperature": 2.1}),
    Fault("openai", "max_tokens: must be greater", {"max_tokens": 0}),
    Fault("openai", "at the same time", {"max_tokens": 1, "max_completion_tokens": 1}),
    Fault("openai", "'stop': array too long", {"stop": _TOO_MANY}),
    Fault("openai", "'stream_options' parameter is only allowed", {"stream_options": {}}),
    Fault("openai", "contain the word 'json'", {"response_format": {"type": "json_object"}}),
    Fault(
        "openai",
        "'additionalProperties' is required",
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": _SCHEMA, "strict": True},
            }
        },
    ),
    Fault("embeddings", "'$.input' is invalid", {"input": [""]}),
    Fault("responses", "max_output_tokens: must be greater", {"max_output_tokens": 0}),
    Fault("anthropic", "max_tokens: Field required", without=("max_tokens",)),
    Fault("sampled", "max_tokens: must be greater", {"max_tokens": 0}),
    Fault("sampled", "temperature: must be between 0 and 1", {"temperature": 1.5}),
    Fault("sampled", "non-whitespace", {"stop_sequences": [" "]}),
    Fault("gemini", "temperature: must be between 0 and 2", {("generationConfig", "temperature"): 2.5}),
    Fault("gemini", "at most 5", {("generationConfig", "stopSequences"): _TOO_MANY}),
    Fault("gemini", "thinking budget", {("generationConfig", "thinkingConfig"): {"thinkingBudget": -2}}),
    Fault(
        "gemini",
        "only supported with application/json",
        {("generationConfig", "responseSchema"): {"type": "STRING"}},
    ),
    Fault("ollama", 'option "stop" must be of type array', {("options", "stop"): "a"}),
    Fault("bedrock", "greater than or equal to 1", {("inferenceConfig", "maxTokens"): 0}),
    # Turns.
    Fault("openai", "must be a response to a preceding message", {("messages", 3, "tool_call_id"): "c2"}),
    Fault("openai", "must be followed by tool messages", without=("messages", 3)),
    Fault("openai", "'nobody'. Supported values", {("messages", 1, "role"): "nobody"}),
    Fault("openai", "expected a string", {("messages", 2, "tool_calls", 0, "function", "arguments"): {}}),
    Fault("responses", "No tool output found", without=("input", 3)),
    Fault("responses", "No tool call found", {("input", 3, "call_id"): "c2"}),
    Fault("responses", "could not be verified", {("input", 1, "encrypted_content"): "forged"}),
    Fault("responses", "not persisted", without=("input", 1, "encrypted_content")),
    Fault(
        "responses",
        "'input_text'. Supported",
        {("input", 0, "role"): "assistant", ("input", 0, "content"): [{"type": "input_text", "text": "a"}]},
    ),
    Fault("responses", "Previous response with id", {"previous_response_id": "resp_1"}),
    Fault("anthropic", "without `tool_result` blocks immediately after", without=("messages", 2)),
    Fault("anthropic", "unexpected `tool_use_id`", {("messages", 2, "content", 0, "tool_use_id"): "t2"}),
    Fault("anthropic", "must be non-empty", {("messages", 0, "content", 0, "text"): ""}),
    Fault("anthropic", "Input should be 'user' or 'assistant'", {("messages", 0, "role"): "system"}),
    Fault(
        "anthropic",
        "must come before other content",
        {
            ("messages", 2, "content"): [
                {"type": "text", "text": "a"},
                _ANTHROPIC["messages"][2]["content"][0],
            ]
        },
    ),
    Fault("gemini", "Please use a valid role", {("contents", 1, "role"): "assistant"}),
    Fault("gemini", "number of function response parts", without=("contents", 2)),
    Fault("gemini", "immediately after a user turn", {("contents", 0, "role"): "model"}),
    Fault("gemini", "must not be empty", {("contents", 0, "parts"): []}),
    Fault(
        "gemini", "no function call time", {("contents", 2, "parts", 0, "functionResponse", "name"): "time"}
    ),
    Fault("vertex_gemini", "contents is not specified", {"contents": []}),
    Fault("ollama", "invalid role", {("messages", 0, "role"): "nobody"}),
    Fault(
        "ollama", "cannot unmarshal string", {("messages", 1, "tool_calls", 0, "function", "arguments"): "{}"}
    ),
    Fault("bedrock", "must alternate", {("messages", 2, "role"): "assistant"}),
    Fault("bedrock", "must start with a user message", without=("messages", 0)),
    Fault("bedrock", "Expected toolResult blocks", {("messages", 2, "content"): [{"text": "rain"}]}),
    Fault("bedrock", "toolConfig field must be defined", without=("toolConfig",)),
    Fault(
        "bedrock", "exactly one member", {("messages", 0, "content", 0, "cachePoint"): {"type": "default"}}
    ),
    # Tools.
    Fault("openai", "should match pattern", {(*_FUNCTION, "name"): "what's up"}),
    Fault("openai", "should be 'object'", {(*_FUNCTION, "parameters"): {"type": "string"}}),
    Fault("openai", "not found in 'tools'", {"tool_choice": {"type": "function", "function": {"name": "a"}}}),
    Fault("anthropic", "should match pattern", {(*_TOOL, "name"): "a" * 65}),
    Fault("anthropic", "input_schema: Field required", without=(*_TOOL, "input_schema")),
    Fault("anthropic", "input_schema.type", {(*_TOOL, "input_schema"): {"properties": {}}}),
    Fault("sampled", "only be specified while providing tools", {"tool_choice": {"type": "auto"}}),
    Fault("gemini", "should match pattern", {(*_DECLARED, "name"): "a b"}),
    Fault("gemini", "type OBJECT", {(*_DECLARED, "parameters"): {"type": "STRING"}}),
    Fault("gemini", "mutually exclusive", {(*_DECLARED, "parametersJsonSchema"): _SCHEMA}),
    Fault(
        "gemini",
        "not repeating",
        {(*_DECLARED, "parameters", "properties", "city", "type"): ["string", "null"]},
    ),
    Fault("gemini", "non-empty for OBJECT", {(*_DECLARED, "parameters", "properties"): {}}),
    Fault(
        "gemini",
        "subset",
        {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["a"]}}},
    ),
    Fault("bedrock", "regular expression", {("toolConfig", "tools", 0, "toolSpec", "name"): "a b"}),
    Fault("bedrock", "is no tool", {("toolConfig", "toolChoice"): {"tool": {"name": "a"}}}),
    # Thinking.
    Fault("anthropic", "greater than or equal to 1024", {("thinking", "budget_tokens"): 1023}),
    Fault("anthropic", "greater than `thinking.budget_tokens`", {"max_tokens": 1024}),
    Fault("anthropic", "may only be set to 1", {"temperature": 0.5}),
    Fault("anthropic", "forces tool use", {"tool_choice": {"type": "any"}}),
    Fault("anthropic", "Invalid `signature`", {("messages", 1, "content", 0, "signature"): "forged"}),
    Fault("anthropic", "signature: Field required", without=("messages", 1, "content", 0, "signature")),
    Fault("anthropic", "Expected `thinking`", without=("messages", 1, "content", 0)),
    Fault(
        "bedrock",
        "Invalid `signature`",
        {("messages", 1, "content", 0, "reasoningContent", "reasoningText", "signature"): "forged"},
    ),
    Fault("bedrock", "greater than `thinking.budget_tokens`", {("inferenceConfig", "maxTokens"): 1024}),
    Fault("signed", "missing a thought_signature", without=("contents", 1, "parts", 0, "thoughtSignature")),
    Fault("signed", "Corrupted thought signature", {("contents", 1, "parts", 0, "thoughtSignature"): "Zm9v"}),
    # Images.
    Fault("openai", "expected a URL", {("messages", 4, "content", 1, "image_url", "url"): "http://a"}),
    Fault(
        "openai",
        "Invalid base64",
        {("messages", 4, "content", 1, "image_url", "url"): "data:image/png;base64,a"},
    ),
    Fault(
        "openai",
        "Input should be image/png",
        {("messages", 4, "content", 1, "image_url", "url"): "data:image/bmp;base64,aaaa"},
    ),
    Fault(
        "anthropic",
        "Input should be image/png",
        {("messages", 2, "content", 1, "source", "media_type"): "image/bmp"},
    ),
    Fault("anthropic", "Invalid base64", {("messages", 2, "content", 1, "source", "data"): "?"}),
    Fault("gemini", "Invalid base64", {("contents", 4, "parts", 1, "inlineData", "data"): "?"}),
    Fault("ollama", "Failed to load image", {("messages", 0, "images"): ["aaaa"]}),
    # What a scene is about must have come.
    Fault("openai", "does not exist", {"model": "gpt-nowhere"}, status=404),
    Fault("openai", "the scene think needs thinking", {"model": "gpt-think"}),
    Fault("sampled", "needs the stop sequence END", {"model": "claude-stop"}),
    Fault("sampled", "needs max tokens 16, not 10", {"model": "claude-length"}),
    Fault("generate", "needs an image", {"model": "llama-image"}),
    Fault("generate", "needs a form of the answer", {"model": "llama-json"}),
)
