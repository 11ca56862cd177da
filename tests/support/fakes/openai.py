"""A strict OpenAI: chat completions and embeddings.

Invariant: what is not in the reference is refused; every tool call is answered by its own tool message.
Source: platform.openai.com/docs/api-reference/chat/create, /chat-streaming, /embeddings,
/docs/guides/function-calling, /docs/guides/structured-outputs, /docs/guides/error-codes.
"""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any

from support import wire
from support.fakes import plays
from support.fakes.plays import Asked, Breaks, Finish, Play
from support.fakes.server import (
    JSON,
    Fake,
    Refused,
    events,
    members,
    need,
    number,
    object_schema,
    picture,
    read,
    sse,
    tool_name,
    vector,
    whole,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.upstream import Received, Step

_CHAT = words(
    "messages model audio frequency_penalty logit_bias logprobs max_completion_tokens max_tokens "
    "metadata modalities n parallel_tool_calls prediction presence_penalty prompt_cache_key "
    "reasoning_effort response_format safety_identifier seed service_tier stop store stream "
    "stream_options temperature tool_choice tools top_logprobs top_p user verbosity"
)
_MESSAGES = {
    "system": {"role", "content", "name"},
    "developer": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "refusal", "tool_calls", "audio"},
    "tool": {"role", "content", "tool_call_id"},
}
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
_FINISH = {
    Finish.STOP: "stop",
    Finish.SEQUENCE: "stop",
    Finish.LENGTH: "length",
    Finish.CALLS: "tool_calls",
    Finish.REFUSAL: "stop",
}
_KINDS = {401: "authentication_error", 429: "rate_limit_exceeded", 500: "server_error", 503: "server_error"}


class OpenAI(Fake):
    """The service."""

    def answer(self, request: Received) -> Iterable[Step]:
        """Chat or embeddings."""
        self.authenticate(request)
        path = request.path.partition("?")[0]
        body = read(request)
        if path == "/v1/embeddings":
            return self.embed(request, body)
        need(path == "/v1/chat/completions", f"Invalid URL (POST {path})", 404)
        return self.chat(request, body, str(body.get("model", "")))

    def authenticate(self, request: Received) -> None:
        """Refuse those who lack the key."""
        need("authorization" in request.headers, "You didn't provide an API key.", 401)
        right = request.headers["authorization"] == f"Bearer {self.key}"
        need(right, "Incorrect API key provided.", 401, "invalid_api_key")

    def chat(self, request: Received, body: JSON, model: str) -> Iterable[Step]:
        """Chat completions."""
        play = self.perform(request, body, asked(body, model))
        if not body.get("stream"):
            return wire.answer(_whole(play, model))
        usage = (body.get("stream_options") or {}).get("include_usage") is True
        return events(
            _chunks(play, model, usage=usage), play, sse(_error(plays.MIDFAIL, "server_error", 500))
        )

    def embed(self, request: Received, body: JSON) -> Iterable[Step]:
        """Embeddings."""
        members(body, "", ("input", "model", "encoding_format", "dimensions", "user"), unknown)
        need(isinstance(body.get("model"), str), "you must provide a model parameter")
        texts = [body["input"]] if isinstance(body.get("input"), str) else body.get("input")
        right = isinstance(texts, list) and texts and all(isinstance(text, str) and text for text in texts)
        need(right, "'$.input' is invalid. Please check the API reference.")
        encoding = body.get("encoding_format", "float")
        need(encoding in ("float", "base64"), "Invalid encoding_format")
        whole(body, "dimensions")
        self.keep(request, body)
        rows = [vector(text, body.get("dimensions") or 4) for text in texts or []]
        data = [
            {"object": "embedding", "index": at, "embedding": _packed(row) if encoding == "base64" else row}
            for at, row in enumerate(rows)
        ]
        usage = {"prompt_tokens": 3 * len(rows), "total_tokens": 3 * len(rows)}
        return wire.answer({"object": "list", "model": body["model"], "data": data, "usage": usage})

    def refusal(self, refused: Refused) -> Iterable[Step]:
        """OpenAI's error object."""
        # It has no 529; an overloaded OpenAI says 503.
        status = 503 if refused.status == 529 else refused.status
        return wire.answer(_error(refused.message, refused.kind, status), status, refused.headers)


def asked(body: JSON, model: str) -> Asked:
    """The request of a valid body; refuses others."""
    members(body, "", _CHAT, unknown)
    need(model, "you must provide a model parameter")
    _options(body)
    tools = _tools(body)
    messages = body.get("messages")
    need(isinstance(messages, list) and messages, "Invalid 'messages': empty array.")
    roles, system, text, results, images = "", [], "", [], []
    open_calls: list[str] = []
    for at, message in enumerate(messages or []):
        role = _message(message, f"messages[{at}]")
        if role == "tool":
            found = message["tool_call_id"] in open_calls
            need(
                found,
                "Invalid parameter: messages with role 'tool' must be a response to a preceding message",
            )
            open_calls.remove(message["tool_call_id"])
            results.append(_content(message["content"], f"messages[{at}]", images))
            roles += "t"
            continue
        need(
            not open_calls,
            f"An assistant message with 'tool_calls' must be followed by tool messages: {open_calls}",
        )
        if role in ("system", "developer"):
            system.append(_content(message["content"], f"messages[{at}]", images))
        elif role == "user":
            text, results = _content(message["content"], f"messages[{at}]", images), []
            roles += "u"
        else:
            open_calls = [call["id"] for call in message.get("tool_calls") or []]
            results = []
            roles += "a"
    need(
        not open_calls,
        f"An assistant message with 'tool_calls' must be followed by tool messages: {open_calls}",
    )
    stops = body.get("stop") or []
    return Asked(
        model=model,
        stream=body.get("stream") is True,
        roles=roles,
        system=" ".join(system),
        text=text,
        results=tuple(results),
        images=tuple(images),
        tools=tuple(tools),
        stops=(stops,) if isinstance(stops, str) else tuple(stops),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        thinks=body.get("reasoning_effort") not in (None, "none"),
        json=(body.get("response_format") or {}).get("type", "text") != "text",
    )


def _options(body: JSON) -> None:
    number(body, "temperature", 0, 2)
    number(body, "top_p", 0, 1)
    number(body, "presence_penalty", -2, 2)
    number(body, "frequency_penalty", -2, 2)
    for name in ("max_tokens", "max_completion_tokens", "n"):
        whole(body, name)
    both = body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None
    need(not both, "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
    stop = body.get("stop")
    stops = [stop] if isinstance(stop, str) else stop or []
    need(len(stops) <= 4, "Invalid 'stop': array too long. Expected an array with maximum length 4")
    need(all(isinstance(each, str) and each for each in stops), "Invalid 'stop': expected strings")
    need(isinstance(body.get("stream", False), bool | None), "Invalid type for 'stream': expected a boolean")
    only = body.get("stream_options") is None or body.get("stream")
    need(only, "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    need(body.get("reasoning_effort") in (None, *EFFORTS), "Invalid value for 'reasoning_effort'")
    _format(body)


def _format(body: JSON) -> None:
    form = body.get("response_format")
    if form is None:
        return
    members(form, "response_format.", ("type", "json_schema"), unknown)
    need(form.get("type") in ("text", "json_object", "json_schema"), "Invalid value: 'response_format.type'")
    if form["type"] == "json_object":
        said = "json" in json.dumps(body.get("messages")).lower()
        need(
            said,
            "'messages' must contain the word 'json' in some form, to use 'response_format' 'json_object'.",
        )
    if form["type"] == "json_schema":
        schema = members(
            form.get("json_schema"),
            "response_format.json_schema.",
            ("name", "schema", "strict", "description"),
            unknown,
        )
        tool_name(schema.get("name"), "response_format.json_schema.name")
        strict(schema, schema.get("schema"), "response_format")


def strict(holder: JSON, schema: Any, where: str) -> None:  # noqa: ANN401  any JSON
    """What a schema must be to be kept to the letter."""
    if holder.get("strict") is True:
        object_schema(schema, where)
        shut = schema.get("additionalProperties") is False
        need(
            shut,
            f"Invalid schema for {where}: 'additionalProperties' is required to be supplied and to be false.",
        )
        every = set(schema.get("required", ())) == set(schema.get("properties", {}))
        need(
            every,
            f"Invalid schema for {where}: 'required' is required to be supplied and to include every key.",
        )


def _tools(body: JSON) -> list[str]:
    names = []
    for at, tool in enumerate(body.get("tools") or []):
        where = f"tools[{at}]"
        members(tool, f"{where}.", ("type", "function"), unknown)
        need(tool.get("type") == "function", f"Invalid value: '{where}.type'")
        allowed = ("name", "description", "parameters", "strict")
        function = members(tool.get("function"), f"{where}.function.", allowed, unknown)
        names.append(tool_name(function.get("name"), f"{where}.function.name"))
        if function.get("parameters") is not None:
            object_schema(function["parameters"], f"{where}.function.parameters")
        strict(function, function.get("parameters"), f"function '{names[-1]}'")
    choice = body.get("tool_choice")
    for name in ("tool_choice", "parallel_tool_calls"):
        need(body.get(name) is None or names, f"'{name}' is only allowed when 'tools' are specified.")
    if isinstance(choice, dict):
        chosen = (choice.get("function") or {}).get("name")
        need(chosen in names, f"Tool choice '{chosen}' not found in 'tools' parameter.")
    else:
        need(choice in (None, "none", "auto", "required"), "Invalid value: 'tool_choice'")
    return names


def _message(message: Any, where: str) -> str:  # noqa: ANN401  any JSON
    need(isinstance(message, dict), f"Invalid type for '{where}': expected an object")
    role = message.get("role")
    need(role in _MESSAGES, f"Invalid value: '{role}'. Supported values are: {', '.join(_MESSAGES)}")
    members(message, f"{where}.", _MESSAGES[role], unknown)
    calls = message.get("tool_calls")
    if role == "assistant":
        need(calls is None or calls, f"Invalid '{where}.tool_calls': empty array.")
        for at, call in enumerate(calls or []):
            inner = f"{where}.tool_calls[{at}]"
            members(call, f"{inner}.", ("id", "type", "function"), unknown)
            need(call.get("type") == "function", f"Invalid value: '{inner}.type'")
            need(isinstance(call.get("id"), str) and call["id"], f"Missing required parameter: '{inner}.id'")
            function = members(call.get("function"), f"{inner}.function.", ("name", "arguments"), unknown)
            tool_name(function.get("name"), f"{inner}.function.name")
            text = isinstance(function.get("arguments"), str)
            need(text, f"Invalid type for '{inner}.function.arguments': expected a string")
    said = message.get("content") is not None or calls or message.get("refusal")
    need(said, f"Missing required parameter: '{where}.content'")
    if role == "tool":
        need(
            isinstance(message.get("tool_call_id"), str),
            f"Missing required parameter: '{where}.tool_call_id'",
        )
    return str(role)


def _content(content: object, where: str, images: list[str]) -> str:
    if isinstance(content, str):
        return content
    need(
        isinstance(content, list) and content,
        f"Invalid '{where}.content': expected a string or a filled array",
    )
    texts = []
    for at, part in enumerate(content if isinstance(content, list) else []):
        inner = f"{where}.content[{at}]"
        need(isinstance(part, dict), f"Invalid type for '{inner}'")
        if part.get("type") == "text":
            members(part, f"{inner}.", ("type", "text"), unknown)
            texts.append(str(part["text"]))
        else:
            need(part.get("type") == "image_url", f"Invalid value: '{inner}.type'")
            members(part["image_url"], f"{inner}.image_url.", ("url", "detail"), unknown)
            images.append(image(part["image_url"].get("url"), inner))
    return "".join(texts)


def image(url: object, where: str) -> str:
    """What is known of an image by its URL."""
    need(isinstance(url, str), f"Invalid type for '{where}.image_url.url'")
    address = str(url)
    if address.startswith("https://"):
        return address
    need(address.startswith("data:"), f"Invalid '{where}.image_url.url': expected a URL with https or data")
    media, found, data = address.removeprefix("data:").partition(";base64,")
    need(found, f"Invalid '{where}.image_url.url': expected base64")
    return picture(data, media, where)


def unknown(where: str, name: str) -> str:
    """OpenAI's words for a member that nobody knows."""
    return f"Unrecognized request argument supplied: {where}{name}"


def _packed(row: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(row)}f", *row)).decode()


def _error(message: str, kind: str, status: int) -> JSON:
    told = _KINDS.get(status, "invalid_request_error")
    return {"error": {"message": message, "type": told, "param": None, "code": kind or None}}


def _usage(play: Play) -> JSON:
    usage = play.usage
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
    }


def _whole(play: Play, model: str) -> JSON:
    refuses = play.finish is Finish.REFUSAL
    text = "".join(play.text) or None
    message: JSON = {
        "role": "assistant",
        "content": None if refuses else text,
        "refusal": text if refuses else None,
    }
    if play.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.json}}
            for call in play.calls
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH[play.finish]}
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [choice],
        "usage": _usage(play),
    }


def _chunks(play: Play, model: str, *, usage: bool) -> Iterable[bytes]:
    base = {
        "id": "chatcmpl-fake",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": model,
    }
    more: JSON = {"usage": None} if usage else {}
    deltas = _deltas(play)
    for delta in deltas:
        yield sse({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}], **more})
    if play.breaks is not Breaks.NOT:
        return
    last = {"index": 0, "delta": {}, "finish_reason": _FINISH[play.finish]}
    yield sse({**base, "choices": [last], **more})
    if usage:
        yield sse({**base, "choices": [], "usage": _usage(play)})
    yield wire.DONE


def _deltas(play: Play) -> list[JSON]:
    name = "refusal" if play.finish is Finish.REFUSAL else "content"
    deltas: list[JSON] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{name: piece} for piece in play.text]
    for at, call in enumerate(play.calls):
        function = {"name": call.name, "arguments": ""}
        deltas.append(
            {"tool_calls": [{"index": at, "id": call.id, "type": "function", "function": function}]}
        )
    # Calls are parallel: the pieces of one come between those of the others.
    for nth in range(max((len(call.pieces) for call in play.calls), default=0)):
        for at, call in enumerate(play.calls):
            if nth < len(call.pieces):
                piece = {"index": at, "function": {"arguments": call.pieces[nth]}}
                deltas.append({"tool_calls": [piece]})
    return deltas
