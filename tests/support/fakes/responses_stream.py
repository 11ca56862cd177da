"""What the Responses API answers: items, and the events that build them.

Invariant: the items of the events are those of the whole response, and sequence numbers count every event.
Source: platform.openai.com/docs/api-reference/responses/object, /docs/api-reference/responses-streaming.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from support.fakes.plays import Breaks, Call, Finish, Play
from support.fakes.server import JSON

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def response(play: Play, body: JSON) -> JSON:
    """A response that is complete, or incomplete for its length."""
    cut = play.finish is Finish.LENGTH
    return {
        **_begun(body),
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": _items(play, body),
        "usage": _usage(play),
    }


def events(play: Play, body: JSON) -> Iterable[JSON]:
    """The events of a stream."""
    for number, event in enumerate(_events(play, body)):
        yield {**event, "sequence_number": number}


def _events(play: Play, body: JSON) -> Iterator[JSON]:
    yield {"type": "response.created", "response": _begun(body)}
    yield {"type": "response.in_progress", "response": _begun(body)}
    items = _items(play, body)
    for at, item in enumerate(items):
        if item["type"] == "reasoning":
            yield from _reasoning(play, at, item)
        elif item["type"] == "message":
            yield from _message(play, at, item)
            if play.breaks is not Breaks.NOT:
                return
    yield from _calls(play, len(items) - len(play.calls), items)
    whole = response(play, body)
    yield {"type": f"response.{whole['status']}", "response": whole}


def _message(play: Play, at: int, item: JSON) -> Iterator[JSON]:
    kind, name = ("refusal", "refusal") if play.finish is Finish.REFUSAL else ("output_text", "text")
    (part,) = item["content"]
    place = {"item_id": item["id"], "output_index": at, "content_index": 0}
    yield {
        "type": "response.output_item.added",
        "output_index": at,
        "item": {**item, "content": [], "status": "in_progress"},
    }
    yield {"type": "response.content_part.added", **place, "part": {**part, name: ""}}
    more: JSON = {"logprobs": []} if kind == "output_text" else {}
    for piece in play.text:
        yield {"type": f"response.{kind}.delta", **place, "delta": piece, **more}
    if play.breaks is not Breaks.NOT:
        return
    yield {"type": f"response.{kind}.done", **place, name: part[name], **more}
    yield {"type": "response.content_part.done", **place, "part": part}
    yield {"type": "response.output_item.done", "output_index": at, "item": item}


def _reasoning(play: Play, at: int, item: JSON) -> Iterator[JSON]:
    place = {"item_id": item["id"], "output_index": at, "summary_index": 0}
    empty = {**item, "summary": [], "encrypted_content": None}
    yield {"type": "response.output_item.added", "output_index": at, "item": empty}
    if item["summary"]:
        (part,) = item["summary"]
        yield {"type": "response.reasoning_summary_part.added", **place, "part": {**part, "text": ""}}
        for piece in play.thinking:
            yield {"type": "response.reasoning_summary_text.delta", **place, "delta": piece}
        yield {"type": "response.reasoning_summary_text.done", **place, "text": part["text"]}
        yield {"type": "response.reasoning_summary_part.done", **place, "part": part}
    yield {"type": "response.output_item.done", "output_index": at, "item": item}


def _calls(play: Play, first: int, items: list[JSON]) -> Iterator[JSON]:
    """All at once: the events of one call come between those of the others."""
    named = list(enumerate(play.calls, first))
    for at, call in named:
        item = {**items[at], "arguments": "", "status": "in_progress"}
        yield {"type": "response.output_item.added", "output_index": at, "item": item}
        del call
    for row in zip_longest(*(call.pieces for call in play.calls)):
        for (at, call), piece in zip(named, row, strict=True):
            if piece is not None:
                yield {
                    "type": "response.function_call_arguments.delta",
                    "item_id": _item_id(call),
                    "output_index": at,
                    "delta": piece,
                }
    for at, call in named:
        done = {"item_id": _item_id(call), "output_index": at, "name": call.name, "arguments": call.json}
        yield {"type": "response.function_call_arguments.done", **done}
        yield {"type": "response.output_item.done", "output_index": at, "item": items[at]}


def _items(play: Play, body: JSON) -> list[JSON]:
    items: list[JSON] = []
    if play.thinking:
        shown = (body.get("reasoning") or {}).get("summary") is not None
        summary = [{"type": "summary_text", "text": "".join(play.thinking)}] if shown else []
        sealed = play.signature if "reasoning.encrypted_content" in (body.get("include") or ()) else None
        items.append({"type": "reasoning", "id": "rs_fake", "summary": summary, "encrypted_content": sealed})
    if play.text:
        text = "".join(play.text)
        part: JSON = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        if play.finish is Finish.REFUSAL:
            part = {"type": "refusal", "refusal": text}
        status = "incomplete" if play.finish is Finish.LENGTH else "completed"
        items.append(
            {"type": "message", "id": "msg_fake", "role": "assistant", "status": status, "content": [part]}
        )
    for call in play.calls:
        made = {"call_id": call.id, "name": call.name, "arguments": call.json, "status": "completed"}
        items.append({"type": "function_call", "id": _item_id(call), **made})
    return items


def _item_id(call: Call) -> str:
    return f"fc_{call.name}"


def _begun(body: JSON) -> JSON:
    return {
        "id": "resp_fake",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": body["model"],
        "output": [],
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "reasoning": body.get("reasoning") or {"effort": None, "summary": None},
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools", []),
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": None,
        "metadata": body.get("metadata") or {},
    }


def _usage(play: Play) -> JSON:
    usage = play.usage
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.written},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
