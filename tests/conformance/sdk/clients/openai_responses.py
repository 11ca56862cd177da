"""The OpenAI SDK, Responses, with nothing stored.

Source: github.com/openai/openai-python, api.md#responses.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import openai
from conformance.sdk import scenes
from conformance.sdk.clients.openai_chat import OpenAIChat
from conformance.sdk.scenes import Called, Failure, Scene, Seen, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterable


class OpenAIResponses(OpenAIChat):
    """Plays scenes."""

    def play(self, scene: Scene, model: str, *, stream: bool) -> list[Seen]:
        """What is seen of each answer."""
        request = _request(scene, model)
        first, items = self._respond(request, stream=stream)
        if len(scene.answers) == 1:
            return [first]
        request["input"] += [
            *items,
            *(
                {"type": "function_call_output", "call_id": call.id, "output": scenes.RESULTS[call.name]}
                for call in first.calls
            ),
        ]
        return [first, self._respond(request, stream=stream)[0]]

    def _respond(self, request: dict[str, Any], *, stream: bool) -> tuple[Seen, list[Any]]:
        told = _Told()
        try:
            if stream:
                with self._sdk.responses.create(**request, stream=True) as events:
                    told.events(events)
            else:
                told.answer = self._sdk.responses.create(**request)
        except openai.APIStatusError as error:
            return Seen(finish=None, failure=Failure(error.status_code, error.message)), []
        except openai.APIError as error:
            return Seen(told.text, finish=None, failure=Failure(0, error.message)), []
        if told.answer is None:
            return Seen(told.text, finish=None, failure=Failure(0, told.error)), []
        return _seen(told.answer), [item.model_dump(exclude_none=True) for item in told.answer.output]


class _Told:
    """A stream as it comes; its deltas must add up to what the whole says."""

    def __init__(self) -> None:
        self.text = ""
        self.error = ""
        self.answer: Any = None

    def events(self, stream: Iterable[Any]) -> None:
        """Take a stream."""
        arguments: dict[int, str] = {}
        done: dict[int, Any] = {}
        for at, event in enumerate(stream):
            if event.type == "error":
                self.error = event.message
                return
            assert event.sequence_number == at
            if event.type in ("response.output_text.delta", "response.refusal.delta"):
                self.text += event.delta
            elif event.type == "response.function_call_arguments.delta":
                arguments[event.output_index] = arguments.get(event.output_index, "") + event.delta
            elif event.type == "response.output_item.done":
                done[event.output_index] = event.item
            elif event.type == "response.failed":
                self.error = event.response.error.message
            elif event.type in ("response.completed", "response.incomplete"):
                self.answer = event.response
        if self.answer is not None:
            assert self.text == _text(self.answer)
            assert [done[at] for at in sorted(done)] == self.answer.output
            for at, told in arguments.items():
                assert self.answer.output[at].arguments == told


def _text(answer: Any) -> str:  # noqa: ANN401  the SDK's own
    parts = [part for item in answer.output if item.type == "message" for part in item.content]
    return "".join(part.refusal if part.type == "refusal" else part.text for part in parts)


def _seen(answer: Any) -> Seen:  # noqa: ANN401  the SDK's own
    calls = [
        Called(item.call_id, item.name, json.loads(item.arguments))
        for item in answer.output
        if item.type == "function_call"
    ]
    thoughts = [part.text for item in answer.output if item.type == "reasoning" for part in item.summary]
    kinds = {part.type for item in answer.output if item.type == "message" for part in item.content}
    reason = answer.incomplete_details.reason if answer.incomplete_details else None
    finish = {"max_output_tokens": "length", "content_filter": "refusal"}.get(reason or "", "stop")
    usage = answer.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    return Seen(
        text=_text(answer),
        thinking="".join(thoughts),
        calls=tuple(calls),
        finish="refusal" if "refusal" in kinds else "calls" if calls else finish,
        usage=Tokens(
            usage.input_tokens,
            usage.output_tokens,
            cached=usage.input_tokens_details.cached_tokens,
            written=getattr(usage.input_tokens_details, "cache_write_tokens", 0) or 0,
            reasoning=usage.output_tokens_details.reasoning_tokens,
        ),
    )


def _request(scene: Scene, model: str) -> dict[str, Any]:
    items: list[dict[str, Any]] = []
    for at, text in enumerate(scene.history):
        items.append({"role": ("user", "assistant")[at % 2], "content": text})
    content: list[dict[str, Any]] = [{"type": "input_text", "text": scene.text}]
    if scene.image:
        url = "data:image/png;base64," + base64.b64encode(scenes.PNG).decode()
        content.append({"type": "input_image", "image_url": url, "detail": "auto"})
    items.append({"role": "user", "content": content})
    request: dict[str, Any] = {"model": model, "input": items, "store": False}
    if scene.tools:
        request["tools"] = [
            {
                "type": "function",
                "name": t.name,
                "description": t.description,
                "parameters": t.schema,
                "strict": True,
            }
            for t in scenes.TOOLS
        ]
    if scene.json:
        schema = {"type": "json_schema", "name": "answer", "schema": scenes.SCHEMA, "strict": True}
        request["text"] = {"format": schema}
    if scene.thinks:
        request["reasoning"] = {"effort": "low", "summary": "auto"}
        request["include"] = ["reasoning.encrypted_content"]
    request |= {"instructions": scene.system} if scene.system else {}
    return request | ({"max_output_tokens": scene.max_tokens} if scene.max_tokens else {})
