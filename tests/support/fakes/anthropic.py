"""A strict Anthropic: Messages and count_tokens.

Invariant: no member is taken that the reference does not name; a thought comes back as it was said or not
at all.
Source: platform.claude.com/docs/en/api/versioning, /docs/en/api/migration-2026-10-21 (the version that
SDKs from 2.0 on ask for, with the key as a bearer token); docs.anthropic.com/en/api/messages,
/en/api/messages-count-tokens, /en/api/errors, /en/docs/build-with-claude/streaming,
/en/docs/build-with-claude/extended-thinking, /en/docs/agents-and-tools/tool-use/implement-tool-use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support import wire
from support.fakes import anthropic_turns, plays
from support.fakes.anthropic_turns import unknown
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
    read,
    sse,
    tool_name,
    whole,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.upstream import Received, Step

_COUNT = words("messages model cache_control output_config system thinking tool_choice tools")
_CREATE = _COUNT | words("max_tokens container inference_geo metadata service_tier stop_sequences stream")
OLD, NEW = "2023-06-01", "2026-10-21"
# The new version has none of them, not even at their defaults.
_SAMPLING = ("temperature", "top_k", "top_p")
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_STOP = {
    Finish.STOP: "end_turn",
    Finish.SEQUENCE: "stop_sequence",
    Finish.LENGTH: "max_tokens",
    Finish.CALLS: "tool_use",
    Finish.REFUSAL: "refusal",
}


class Anthropic(Fake):
    """The service."""

    def answer(self, request: Received) -> Iterable[Step]:
        """Messages or count_tokens."""
        self.authenticate(request)
        version = request.headers.get("anthropic-version")
        need(version, "anthropic-version: header is required")
        need(version in (OLD, NEW), f'anthropic-version: "{version}" is not a valid version')
        path = request.path.partition("?")[0]
        body = read(request)
        model = body.get("model")
        if path == "/v1/messages/count_tokens":
            return self.count(request, body, str(model), str(version))
        need(path == "/v1/messages", "Not found", 404)
        need(isinstance(model, str), "model: Field required")
        return self.message(request, body, str(model), str(version))

    def authenticate(self, request: Received) -> None:
        """Refuse those who lack the key; of two headers with keys the older one counts."""
        key, token = request.headers.get("x-api-key"), request.headers.get("authorization")
        need(key is not None or token is not None, "x-api-key or authorization: header is required", 401)
        if key is None:
            need(token == f"Bearer {self.key}", "Invalid bearer token", 401)
        else:
            need(key == self.key, "invalid x-api-key", 401)

    def message(self, request: Received, body: JSON, model: str, version: str) -> Iterable[Step]:
        """A message, whole or streamed."""
        play = self.perform(request, body, asked(body, model, version))
        if not body.get("stream"):
            return wire.answer(message(play, model, json_tool(body)))
        texts = (sse(event, event["type"]) for event in stream(play, model, json_tool(body)))
        return events(texts, play, sse(error(529, plays.MIDFAIL), "error"))

    def count(self, request: Received, body: JSON, model: str, version: str) -> Iterable[Step]:
        """The tokens of a request."""
        members(body, "", _COUNT, unknown)
        need(model != "None", "model: Field required")
        asked({**body, "max_tokens": 4096}, model, version)
        self.keep(request, body)
        return wire.answer({"input_tokens": 14})

    def refusal(self, refused: Refused) -> Iterable[Step]:
        """Anthropic's error object."""
        headers = ("request-id: req_fake", *refused.headers)
        return wire.answer(error(refused.status, refused.message), refused.status, headers)


def asked(body: JSON, model: str, version: str, extra: tuple[str, ...] = ()) -> Asked:
    """The request of a body that is valid in a version and may have members of `extra`; refuses others."""
    sampling = () if version == NEW else _SAMPLING
    members(body, "", (*_CREATE, *sampling, *extra), unknown)
    _options(body)
    thinks = _thinking(body)
    tools = _tools(body, thinks=thinks)
    found = anthropic_turns.read(body.get("messages"), thinks=thinks)
    form = (body.get("output_config") or {}).get("format")
    if form is not None:
        need(form.get("type") == "json_schema", "output_config.format.type: Input should be 'json_schema'")
        object_schema(form.get("schema"), "output_config.format.schema")
    return Asked(
        model=model,
        stream=body.get("stream") is True,
        roles=found.roles,
        system=_system(body.get("system")),
        text=found.text,
        results=tuple(found.results),
        images=tuple(found.images),
        tools=tuple(tools),
        stops=tuple(body.get("stop_sequences") or ()),
        max_tokens=body["max_tokens"],
        thinks=thinks,
        json=form is not None,
        json_tool=json_tool(body),
    )


def json_tool(body: JSON) -> str | None:
    """The tool that must be called: how one asks for JSON in this dialect."""
    choice = body.get("tool_choice") or {}
    return choice["name"] if choice.get("type") == "tool" else None


def _options(body: JSON) -> None:
    need("max_tokens" in body, "max_tokens: Field required")
    whole(body, "max_tokens")
    number(body, "temperature", 0, 1)
    number(body, "top_p", 0, 1)
    whole(body, "top_k", 0)
    need(isinstance(body.get("stream", False), bool), "stream: Input should be a valid boolean")
    stops = body.get("stop_sequences", [])
    right = isinstance(stops, list) and all(isinstance(each, str) for each in stops)
    need(right, "stop_sequences: Input should be a valid list")
    need(
        all(each.strip() for each in stops), "stop_sequences: each stop sequence must contain non-whitespace"
    )
    members(body.get("metadata") or {}, "metadata.", ("user_id",), unknown)
    members(body.get("output_config") or {}, "output_config.", ("effort", "format", "task_budget"), unknown)


def _thinking(body: JSON) -> bool:
    thinking = body.get("thinking")
    if thinking is None:
        return False
    members(thinking, "thinking.", ("type", "budget_tokens", "display"), unknown)
    kind = thinking.get("type")
    need(
        kind in ("enabled", "disabled", "adaptive"),
        "thinking.type: Input should be 'enabled', 'disabled' or 'adaptive'",
    )
    if kind == "disabled":
        return False
    budget = thinking.get("budget_tokens")
    if kind == "enabled":
        right = isinstance(budget, int) and budget >= 1024
        need(right, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        need(body["max_tokens"] > budget, "`max_tokens` must be greater than `thinking.budget_tokens`.")
    else:
        need(budget is None, "thinking.adaptive.budget_tokens: Extra inputs are not permitted")
    need(body.get("temperature") in (None, 1), "`temperature` may only be set to 1 when thinking is enabled.")
    need(
        body.get("top_p") is None or body["top_p"] >= 0.95,
        "`top_p` must be at least 0.95 when thinking is enabled.",
    )
    need(body.get("top_k") is None, "`top_k` must be unset when thinking is enabled.")
    return True


def _tools(body: JSON, *, thinks: bool) -> list[str]:
    names: list[str] = []
    for at, tool in enumerate(body.get("tools") or []):
        where = f"tools.{at}"
        allowed = ("type", "name", "description", "input_schema", "cache_control", "strict")
        members(tool, f"{where}.custom.", allowed, unknown)
        need(tool.get("type", "custom") == "custom", f"{where}.type: Input should be 'custom'")
        names.append(tool_name(tool.get("name"), f"{where}.custom.name"))
        need("input_schema" in tool, f"{where}.custom.input_schema: Field required")
        object_schema(tool["input_schema"], f"{where}.custom.input_schema")
    need(len(names) == len(set(names)), "tools: Tool names must be unique.")
    choice = body.get("tool_choice")
    if choice is not None:
        members(choice, "tool_choice.", ("type", "name", "disable_parallel_tool_use"), unknown)
        kind = choice.get("type")
        need(
            kind in ("auto", "any", "tool", "none"),
            "tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'",
        )
        need(names, "tool_choice: may only be specified while providing tools")
        forced = kind in ("any", "tool")
        need(not (forced and thinks), "Thinking may not be enabled when tool_choice forces tool use.")
        need(("name" in choice) == (kind == "tool"), f"tool_choice.{kind}.name: Field required or extra")
        need(
            kind != "tool" or choice["name"] in names,
            f"Tool '{choice.get('name')}' not found in provided tools",
        )
    return names


def _system(system: Any) -> str:  # noqa: ANN401  any JSON
    if system is None or isinstance(system, str):
        return system or ""
    need(isinstance(system, list), "system: Input should be a valid list")
    for at, block in enumerate(system):
        members(block, f"system.{at}.", ("type", "text", "cache_control", "citations"), unknown)
        need(block.get("type") == "text", f"system.{at}.type: Input should be 'text'")
        need(block.get("text"), "system: text content blocks must be non-empty")
    return " ".join(block["text"] for block in system)


def error(status: int, message: str) -> JSON:
    """Anthropic's error object."""
    kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_fake"}


def _usage(play: Play) -> JSON:
    usage = play.usage
    return {
        "input_tokens": usage.input - usage.cached - usage.written,
        "cache_creation_input_tokens": usage.written,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
    }


def _blocks(play: Play, forced: str | None) -> list[tuple[JSON, list[JSON]]]:
    """Each block as it starts, and its deltas."""
    blocks: list[tuple[JSON, list[JSON]]] = []
    if play.thinking:
        deltas: list[JSON] = [{"type": "thinking_delta", "thinking": piece} for piece in play.thinking]
        deltas.append({"type": "signature_delta", "signature": play.signature})
        blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, deltas))
    if play.redacted:
        blocks.append(({"type": "redacted_thinking", "data": plays.REDACTED}, []))
    if play.text and forced:
        pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in play.text]
        blocks.append(({"type": "tool_use", "id": "toolu_json", "name": forced, "input": {}}, pieces))
    elif play.text:
        pieces = [{"type": "text_delta", "text": piece} for piece in play.text]
        blocks.append(({"type": "text", "text": ""}, pieces))
    for call in play.calls:
        pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *call.pieces)]
        blocks.append(({"type": "tool_use", "id": call.id, "name": call.name, "input": {}}, pieces))
    return blocks


def message(play: Play, model: str, forced: str | None = None) -> JSON:
    """A whole message; a `forced` tool gets the text as its input."""
    content: list[JSON] = []
    if play.thinking:
        thought = "".join(play.thinking)
        content.append({"type": "thinking", "thinking": thought, "signature": play.signature})
    if play.redacted:
        content.append({"type": "redacted_thinking", "data": plays.REDACTED})
    if play.text and forced:
        content.append({"type": "tool_use", "id": "toolu_json", "name": forced, "input": plays.OBJECT})
    elif play.text:
        content.append({"type": "text", "text": "".join(play.text)})
    content += [{"type": "tool_use", "id": c.id, "name": c.name, "input": c.arguments} for c in play.calls]
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        **_stop(play, forced),
        "usage": _usage(play),
    }


def stream(play: Play, model: str, forced: str | None = None) -> Iterable[JSON]:
    """The events of a streamed message."""
    begun = {**message(play, model, forced), "content": [], "stop_reason": None, "stop_sequence": None}
    begun["usage"] = {**_usage(play), "output_tokens": 1}
    yield {"type": "message_start", "message": begun}
    blocks = _blocks(play, forced)
    for at, (block, deltas) in enumerate(blocks):
        yield {"type": "content_block_start", "index": at, "content_block": block}
        if at == 0:
            yield {"type": "ping"}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": at, "delta": delta}
        if play.breaks is not Breaks.NOT:
            return
        yield {"type": "content_block_stop", "index": at}
    yield {"type": "message_delta", "delta": _stop(play, forced), "usage": _usage(play)}
    yield {"type": "message_stop"}


def _stop(play: Play, forced: str | None) -> JSON:
    reason = "tool_use" if forced and play.text else _STOP[play.finish]
    return {"stop_reason": reason, "stop_sequence": plays.END if reason == "stop_sequence" else None}
