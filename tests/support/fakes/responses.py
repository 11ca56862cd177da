"""A strict OpenAI Responses API, without its memory: nothing is stored, so nothing can be gone back to.

Invariant: every function_call_output answers a function_call before it; reasoning stands before what it
led to.
Source: platform.openai.com/docs/api-reference/responses/create, /api-reference/responses-streaming,
/docs/guides/reasoning, /docs/guides/function-calling?api-mode=responses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support import wire
from support.fakes import plays, responses_stream
from support.fakes.openai import EFFORTS, OpenAI, image, strict, unknown
from support.fakes.plays import Asked
from support.fakes.server import (
    JSON,
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

_CREATE = words(
    "background context_management conversation include input instructions max_output_tokens "
    "max_tool_calls metadata model parallel_tool_calls previous_response_id prompt prompt_cache_key "
    "prompt_cache_retention reasoning safety_identifier service_tier store stream stream_options "
    "temperature text tool_choice tools top_logprobs top_p truncation user"
)
_ITEMS = {
    "message": {"type", "id", "status", "role", "content", "phase"},
    "function_call": {"type", "id", "status", "call_id", "name", "arguments", "namespace", "caller"},
    "function_call_output": {"type", "id", "status", "call_id", "output", "caller"},
    "reasoning": {"type", "id", "status", "summary", "content", "encrypted_content"},
}
_PARTS = {
    "input_text": {"type", "text"},
    "input_image": {"type", "image_url", "detail", "file_id"},
    "output_text": {"type", "text", "annotations", "logprobs"},
    "refusal": {"type", "refusal"},
}


class Responses(OpenAI):
    """The service."""

    def answer(self, request: Received) -> Iterable[Step]:
        """A response, whole or streamed."""
        if not request.path.partition("?")[0].endswith("/responses"):
            return super().answer(request)
        self.authenticate(request)
        return self.respond(request)

    def respond(self, request: Received) -> Iterable[Step]:
        """Responses."""
        body = read(request)
        model = str(body.get("model") or "")
        play = self.perform(request, body, asked(body, model))
        if not body.get("stream"):
            return wire.answer(responses_stream.response(play, body))
        texts = (sse(event, event["type"]) for event in responses_stream.events(play, body))
        failed = {"type": "error", "code": "server_error", "message": plays.MIDFAIL, "param": None}
        return events(texts, play, sse({**failed, "sequence_number": 99}, "error"))


def asked(body: JSON, model: str) -> Asked:
    """The request of a valid body; refuses others."""
    members(body, "", _CREATE, unknown)
    need(model, "Missing required parameter: 'model'.")
    need(body.get("input"), "Missing required parameter: 'input'.")
    form = _options(body)
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    found = _Found()
    for at, item in enumerate(items):
        found.item(item, f"input[{at}]")
    need(not found.open, f"No tool output found for function call {', '.join(found.open)}.")
    system = [body["instructions"]] if body.get("instructions") else []
    return Asked(
        model=model,
        stream=body.get("stream") is True,
        roles=found.roles,
        system=" ".join([*system, *found.system]),
        text=found.text,
        results=tuple(found.results),
        images=tuple(found.images),
        tools=tuple(_tools(body)),
        max_tokens=body.get("max_output_tokens"),
        thinks=(body.get("reasoning") or {}).get("effort") not in (None, "none"),
        json=form != "text",
    )


def _options(body: JSON) -> str:
    number(body, "temperature", 0, 2)
    number(body, "top_p", 0, 1)
    whole(body, "max_output_tokens")
    former = body.get("previous_response_id")
    need(former is None, f"Previous response with id '{former}' not found.")
    reasoning = body.get("reasoning") or {}
    members(reasoning, "reasoning.", ("effort", "summary", "generate_summary"), unknown)
    need(reasoning.get("effort") in (None, *EFFORTS), "Invalid value: 'reasoning.effort'")
    text = members(body.get("text") or {}, "text.", ("format", "verbosity"), unknown)
    form = text.get("format") or {"type": "text"}
    members(form, "text.format.", ("type", "name", "schema", "strict", "description"), unknown)
    need(form.get("type") in ("text", "json_object", "json_schema"), "Invalid value: 'text.format.type'")
    if form["type"] == "json_schema":
        tool_name(form.get("name"), "text.format.name")
        need(isinstance(form.get("schema"), dict), "Missing required parameter: 'text.format.schema'.")
        strict(form, form.get("schema"), "text.format")
    return str(form["type"])


def _tools(body: JSON) -> list[str]:
    names = []
    for at, tool in enumerate(body.get("tools") or []):
        where = f"tools[{at}]"
        members(tool, f"{where}.", ("type", "name", "description", "parameters", "strict"), unknown)
        need(tool.get("type") == "function", f"Invalid value: '{where}.type'")
        names.append(tool_name(tool.get("name"), f"{where}.name"))
        object_schema(tool.get("parameters"), f"{where}.parameters")
        strict(tool, tool.get("parameters"), f"function '{names[-1]}'")
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        need(
            choice.get("type") == "function" and choice.get("name") in names,
            "Tool choice not found in 'tools'.",
        )
    elif choice is not None:
        need(choice in ("none", "auto", "required"), "Invalid value: 'tool_choice'")
        need(
            names or choice != "required", "Tool choice 'required' must be specified with 'tools' parameter."
        )
    return names


class _Found:
    """What the items of the input say."""

    def __init__(self) -> None:
        self.roles = self.text = ""
        self.system: list[str] = []
        self.results: list[str] = []
        self.images: list[str] = []
        self.open: list[str] = []
        self._thought = False

    def item(self, item: Any, where: str) -> None:  # noqa: ANN401  any JSON
        """Take one item."""
        need(isinstance(item, dict), f"Invalid type for '{where}': expected an object")
        kind = item.get("type", "message")
        need(kind in _ITEMS, f"Invalid value: '{kind}'. Supported values are: {', '.join(_ITEMS)}")
        members(item, f"{where}.", _ITEMS[kind], unknown)
        getattr(self, f"_{kind}")(item, where)

    def _message(self, item: JSON, where: str) -> None:
        role = item.get("role")
        need(role in ("user", "assistant", "system", "developer"), f"Invalid value: '{where}.role'")
        need(not self.open, f"No tool output found for function call {', '.join(self.open)}.")
        text = self._content(item.get("content"), str(role), where)
        if role == "user":
            self.text, self.results = text, []
            self.roles += "u"
        elif role == "assistant":
            self.results = []
            self.roles += "a"
        else:
            self.system.append(text)

    def _function_call(self, item: JSON, where: str) -> None:
        tool_name(item.get("name"), f"{where}.name")
        need(isinstance(item.get("call_id"), str), f"Missing required parameter: '{where}.call_id'.")
        need(isinstance(item.get("arguments"), str), f"Missing required parameter: '{where}.arguments'.")
        self.results = [] if not self.open else self.results
        self.open.append(item["call_id"])
        self.roles += "a" if not self.roles.endswith("a") else ""

    def _function_call_output(self, item: JSON, where: str) -> None:
        known = item.get("call_id") in self.open
        need(known, f"No tool call found for function call output with call_id {item.get('call_id')}.")
        self.open.remove(item["call_id"])
        self.results.append(self._content(item.get("output"), "user", where))
        self.roles += "t"

    def _reasoning(self, item: JSON, where: str) -> None:
        need(isinstance(item.get("summary"), list), f"Missing required parameter: '{where}.summary'.")
        thought = "".join(part["text"] for part in item["summary"])
        sealed = item.get("encrypted_content")
        # Without the memory of the service, what was thought is in the sealed text alone.
        need(
            sealed,
            f"Item '{item.get('id')}' not found. Items are not persisted when `store` is set to false.",
        )
        need(
            plays.known(thought, sealed),
            f"The encrypted content for item {item.get('id')} could not be verified.",
        )

    def _content(self, content: Any, role: str, where: str) -> str:  # noqa: ANN401  any JSON
        if isinstance(content, str):
            return content
        need(isinstance(content, list) and content, f"Missing required parameter: '{where}.content'.")
        texts = []
        for at, part in enumerate(content):
            inner = f"{where}.content[{at}]"
            kind = part.get("type")
            fits = ("output_text", "refusal") if role == "assistant" else ("input_text", "input_image")
            need(kind in fits, f"Invalid value: '{kind}'. Supported values are: {', '.join(fits)}: '{inner}'")
            members(part, f"{inner}.", _PARTS[kind], unknown)
            if kind == "input_image":
                self.images.append(image(part.get("image_url"), inner))
            else:
                texts.append(part["refusal" if kind == "refusal" else "text"])
        return "".join(texts)
