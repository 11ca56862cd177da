"""A strict Ollama: chat, generate and embed.

Stricter than the service, which overlooks members it does not know: here they are refused, so that a
misspelt one is found. Invariant: streams are lines of JSON, and streaming is what one gets who does not
say.
Source: github.com/ollama/ollama/blob/main/docs/api.md, …/api/types.go, docs.ollama.com/api.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from support import wire
from support.fakes import plays
from support.fakes.openai import OpenAI
from support.fakes.plays import Asked, Breaks, Finish, Play
from support.fakes.server import (
    JSON,
    Refused,
    decoded,
    events,
    members,
    need,
    object_schema,
    read,
    tool_name,
    vector,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.upstream import Received, Step

_CHAT = words(
    "model messages tools format options stream keep_alive think logprobs top_logprobs truncate shift"
)
_GENERATE = words(
    "model prompt suffix system template context raw images format options stream keep_alive think"
)
_MESSAGE = words("role content thinking images tool_calls tool_name tool_call_id")
_OPTIONS = words(
    "num_keep seed num_predict top_k top_p min_p typical_p repeat_last_n temperature repeat_penalty "
    "presence_penalty frequency_penalty stop num_ctx num_batch num_gpu main_gpu use_mmap num_thread"
)
_MAGIC = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class Ollama(OpenAI):
    """The service; it asks for no key, but a wrong one would be somebody else's."""

    def answer(self, request: Received) -> Iterable[Step]:
        """Chat, generate or embed, in its own words or in OpenAI's."""
        if request.path.startswith("/v1/"):
            return self.as_openai(request)
        token = request.headers.get("authorization")
        need(token in (None, f"Bearer {self.key}"), "unauthorized", 401)
        body = read(request)
        need(isinstance(body.get("model"), str) and body["model"], "model is required")
        path = request.path
        if path == "/api/embed":
            return self.vectors(request, body)
        need(path in ("/api/chat", "/api/generate"), "404 page not found", 404)
        asked = _chat(body) if path == "/api/chat" else _generate(body)
        play = self.perform(request, body, asked)
        lines = list(_lines(play, asked, chat=path == "/api/chat"))
        if asked.stream:
            texts = [json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines]
            broken = json.dumps({"error": plays.MIDFAIL}).encode() + b"\n"
            return events(texts, play, broken, "application/x-ndjson")
        return wire.answer(_joined(lines, chat=path == "/api/chat"))

    def as_openai(self, request: Received) -> Iterable[Step]:
        """OpenAI's protocol, its errors too."""
        try:
            return super().answer(request)
        except Refused as refused:
            self.refusals.append(refused.message)
            return super().refusal(refused)

    def vectors(self, request: Received, body: JSON) -> Iterable[Step]:
        """Embeddings."""
        members(body, "", ("model", "input", "truncate", "dimensions", "options", "keep_alive"), _unknown)
        texts = [body["input"]] if isinstance(body.get("input"), str) else body.get("input")
        right = isinstance(texts, list) and all(isinstance(text, str) for text in texts)
        need(right, "invalid input type")
        self.keep(request, body)
        rows = [vector(text, body.get("dimensions") or 4) for text in texts or []]
        counts = {"total_duration": 14, "load_duration": 1, "prompt_eval_count": 3 * len(rows)}
        return wire.answer({"model": body["model"], "embeddings": rows, **counts})

    def refusal(self, refused: Refused) -> Iterable[Step]:
        """Ollama's error object."""
        status = 503 if refused.status == 529 else refused.status
        return wire.answer({"error": refused.message}, status, refused.headers)


def _chat(body: JSON) -> Asked:
    members(body, "", _CHAT, _unknown)
    tools = []
    for at, tool in enumerate(body.get("tools") or []):
        members(tool, f"tools[{at}].", ("type", "function"), _unknown)
        allowed = ("name", "description", "parameters")
        function = members(tool.get("function"), f"tools[{at}].function.", allowed, _unknown)
        tools.append(tool_name(function.get("name"), f"tools[{at}].function.name"))
        object_schema(function.get("parameters"), f"tools[{at}].function.parameters")
    roles, system, text, results, images = "", [], "", [], []
    for at, message in enumerate(body.get("messages") or []):
        role = _message(message, f"messages[{at}]")
        content = message.get("content", "")
        images += [_image(each, f"messages[{at}]") for each in message.get("images") or []]
        if role == "system":
            system.append(content)
        else:
            results = [*results, content] if role == "tool" else []
            text = content if role == "user" else text
            roles += role[0]
    need(roles or system, "messages: empty")
    asked = _options(body)
    found = {"roles": roles, "system": " ".join(system), "text": text}
    return Asked(**asked, **found, results=tuple(results), images=tuple(images), tools=tuple(tools))


def _generate(body: JSON) -> Asked:
    members(body, "", _GENERATE, _unknown)
    need(isinstance(body.get("prompt", ""), str), "prompt: must be a string")
    images = [_image(each, "images") for each in body.get("images") or []]
    asked = _options(body)
    return Asked(
        **asked, roles="u", system=body.get("system") or "", text=body.get("prompt", ""), images=tuple(images)
    )


def _options(body: JSON) -> JSON:
    options = members(body.get("options") or {}, "options.", _OPTIONS, _unknown)
    for name, value in options.items():
        fits = isinstance(value, list) if name == "stop" else isinstance(value, int | float)
        need(fits, f'option "{name}" must be of type {"array" if name == "stop" else "number"}')
    think, form = body.get("think"), body.get("format")
    need(think in (None, True, False, "low", "medium", "high"), f'invalid think value: "{think}"')
    right = form in (None, "", "json") or isinstance(form, dict)
    need(right, f'invalid format: {form!r}; expected "json" or a valid JSON Schema object')
    need(
        isinstance(body.get("stream", True), bool),
        "json: cannot unmarshal into Go struct field .stream of type bool",
    )
    return {
        "model": body["model"],
        "stream": body.get("stream", True),
        "stops": tuple(options.get("stop") or ()),
        "max_tokens": options.get("num_predict"),
        "thinks": bool(think),
        "json": bool(form),
    }


def _message(message: Any, where: str) -> str:  # noqa: ANN401  any JSON
    members(message, f"{where}.", _MESSAGE, _unknown)
    role = message.get("role")
    need(role in ("system", "user", "assistant", "tool"), f"invalid role: {role}")
    need(
        isinstance(message.get("content", ""), str),
        "json: cannot unmarshal array into Go struct field .content of type string",
    )
    for call in message.get("tool_calls") or []:
        members(call, f"{where}.tool_calls.", ("id", "function", "type"), _unknown)
        function = members(
            call.get("function"), f"{where}.function.", ("index", "name", "arguments"), _unknown
        )
        tool_name(function.get("name"), f"{where}.function.name")
        # A string, as OpenAI has it, is what callers get wrong.
        need(
            isinstance(function.get("arguments"), dict),
            "json: cannot unmarshal string into Go struct field .arguments",
        )
    named = message.get("tool_name") or message.get("tool_call_id")
    need(role != "tool" or named, f"{where}: a tool message needs tool_name")
    return str(role)


def _image(data: object, where: str) -> str:
    whole = decoded(data, where)
    media = next((kind for magic, kind in _MAGIC.items() if whole.startswith(magic)), None)
    need(media, "Failed to load image or audio file")
    return f"{media} {len(whole)}"


def _unknown(where: str, name: str) -> str:
    return f"unknown member {where}{name}"


def _lines(play: Play, asked: Asked, *, chat: bool) -> Iterable[JSON]:
    base = {"model": asked.model, "created_at": "2025-01-01T00:00:00.000000Z"}

    def line(**said: Any) -> JSON:  # noqa: ANN401  any JSON
        if chat:
            return {**base, "message": {"role": "assistant", "content": "", **said}, "done": False}
        return {**base, "response": said.pop("content", ""), **said, "done": False}

    for piece in play.thinking:
        yield line(thinking=piece)
    for piece in play.text:
        yield line(content=piece)
    for at, call in enumerate(play.calls):
        function = {"index": at, "name": call.name, "arguments": call.arguments}
        yield line(tool_calls=[{"id": call.id, "function": function}])
    if play.breaks is Breaks.NOT:
        reason = "length" if play.finish is Finish.LENGTH else "stop"
        times = {"total_duration": 9, "load_duration": 1, "prompt_eval_duration": 3, "eval_duration": 5}
        counts = {"prompt_eval_count": play.usage.input, "eval_count": play.usage.output}
        yield {**line(), "done": True, "done_reason": reason, **times, **counts}


def _joined(lines: list[JSON], *, chat: bool) -> JSON:
    if not chat:
        thinking = "".join(line.get("thinking", "") for line in lines)
        whole = {**lines[-1], "response": "".join(line["response"] for line in lines)}
        return whole | ({"thinking": thinking} if thinking else {})
    told = [line["message"] for line in lines]
    message: JSON = {"role": "assistant", "content": "".join(each["content"] for each in told)}
    thinking = "".join(each.get("thinking", "") for each in told)
    calls = [call for each in told for call in each.get("tool_calls", ())]
    message |= {"thinking": thinking} if thinking else {}
    message |= {"tool_calls": calls} if calls else {}
    return {**lines[-1], "message": message}
