"""The OpenAI SDK, chat completions. Source: github.com/openai/openai-python, api.md#chat."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import openai
from conformance.sdk import scenes
from conformance.sdk.scenes import Called, Failure, Scene, Seen, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

_FINISH = {"stop": "stop", "length": "length", "tool_calls": "calls", "content_filter": "refusal"}


class OpenAIChat:
    """Plays scenes."""

    def __init__(self, root: str, key: str) -> None:
        """`root` is the URL before /v1."""
        self._sdk = self.connect(root, key)

    def connect(self, root: str, key: str) -> openai.OpenAI:
        """The SDK's client."""
        return openai.OpenAI(base_url=f"{root}/v1", api_key=key, max_retries=0, timeout=8)

    def close(self) -> None:
        """Let go of connections."""
        self._sdk.close()

    def play(self, scene: Scene, model: str, *, stream: bool) -> list[Seen]:
        """What is seen of each answer."""
        request = _request(scene, model)
        first = self._ask(request, stream=stream)
        if len(scene.answers) == 1:
            return [first]
        calls = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            }
            for call in first.calls
        ]
        request["messages"] += [
            {"role": "assistant", "content": first.text or None, "tool_calls": calls},
            *({"role": "tool", "tool_call_id": c.id, "content": scenes.RESULTS[c.name]} for c in first.calls),
        ]
        return [first, self._ask(request, stream=stream)]

    def embed(self, model: str, texts: list[str]) -> list[list[float]]:
        """Embeddings."""
        return [row.embedding for row in self._sdk.embeddings.create(model=model, input=texts).data]

    def models(self) -> list[str]:
        """What may be asked for, and each of them by its name."""
        names = [model.id for model in self._sdk.models.list()]
        assert [self._sdk.models.retrieve(name).id for name in names] == names
        return names

    def _ask(self, request: dict[str, Any], *, stream: bool) -> Seen:
        told = _Told()
        try:
            if stream:
                usage = {"include_usage": True}
                with self._sdk.chat.completions.create(
                    **request, stream=True, stream_options=usage
                ) as chunks:
                    told.chunks(chunks)
            else:
                told.whole(self._sdk.chat.completions.create(**request))
        except openai.APIStatusError as error:
            return Seen(finish=None, failure=Failure(error.status_code, error.message))
        except openai.APIError as error:
            return told.seen(Failure(0, error.message))
        return told.seen(None)


class _Told:
    """An answer as it comes."""

    def __init__(self) -> None:
        self._text = ""
        self._refuses = False
        self._calls: dict[int, list[str]] = defaultdict(lambda: ["", "", ""])
        self._finish: str | None = None
        self._usage: Tokens | None = None

    def whole(self, answer: Any) -> None:  # noqa: ANN401  the SDK's own
        """Take a whole answer."""
        (choice,) = answer.choices
        self._take(choice.message)
        self._finish = choice.finish_reason
        for at, call in enumerate(choice.message.tool_calls or []):
            self._calls[at] = [call.id, call.function.name, call.function.arguments]
        self._usage = _tokens(answer.usage)

    def chunks(self, stream: Iterable[Any]) -> None:
        """Take a streamed one."""
        for chunk in stream:
            for choice in chunk.choices:
                self._take(choice.delta)
                self._finish = choice.finish_reason or self._finish
                for call in choice.delta.tool_calls or []:
                    held = self._calls[call.index]
                    held[0] += call.id or ""
                    held[1] += call.function.name or ""
                    held[2] += call.function.arguments or ""
            self._usage = _tokens(chunk.usage) or self._usage

    def seen(self, failure: Failure | None) -> Seen:
        """What it was."""
        calls = [Called(id_, name, json.loads(told)) for _, (id_, name, told) in sorted(self._calls.items())]
        finish = _FINISH[self._finish] if self._finish else None
        return Seen(
            text=self._text,
            calls=tuple(calls),
            finish="refusal" if self._refuses and finish == "stop" else finish,
            usage=self._usage,
            failure=failure,
        )

    def _take(self, said: Any) -> None:  # noqa: ANN401  the SDK's own
        refusal = getattr(said, "refusal", None)
        self._text += (said.content or "") + (refusal or "")
        self._refuses = self._refuses or bool(refusal)


def _tokens(usage: Any) -> Tokens | None:  # noqa: ANN401  the SDK's own
    if usage is None:
        return None
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    cached = (prompt.cached_tokens or 0) if prompt else 0
    reasoning = (completion.reasoning_tokens or 0) if completion else 0
    return Tokens(usage.prompt_tokens, usage.completion_tokens, cached=cached, reasoning=reasoning)


def _request(scene: Scene, model: str) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": scene.system}] if scene.system else []
    for at, text in enumerate(scene.history):
        messages.append({"role": ("user", "assistant")[at % 2], "content": text})
    content: Any = scene.text
    if scene.image:
        url = "data:image/png;base64," + base64.b64encode(scenes.PNG).decode()
        content = [{"type": "text", "text": scene.text}, {"type": "image_url", "image_url": {"url": url}}]
    messages.append({"role": "user", "content": content})
    request: dict[str, Any] = {"model": model, "messages": messages}
    if scene.tools:
        request["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": t.name,
                    "description": t.description,
                    "parameters": t.schema,
                    "strict": True,
                },
            }
            for t in scenes.TOOLS
        ]
    if scene.json:
        schema = {"name": "answer", "schema": scenes.SCHEMA, "strict": True}
        request["response_format"] = {"type": "json_schema", "json_schema": schema}
    request |= {"stop": [scenes.END]} if scene.stop else {}
    request |= {"reasoning_effort": "low"} if scene.thinks else {}
    return request | ({"max_completion_tokens": scene.max_tokens} if scene.max_tokens else {})
