"""The Anthropic SDK, Messages: at Anthropic's, Google's and Amazon's addresses.

Source: github.com/anthropics/anthropic-sdk-python, README and helpers.md.
"""

from __future__ import annotations

import base64
from typing import Any

import anthropic
from conformance.sdk import scenes
from conformance.sdk.scenes import Called, Failure, Scene, Seen, Tokens
from httpx2 import TransportError

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "sequence",
    "max_tokens": "length",
    "tool_use": "calls",
    "refusal": "refusal",
}


class Anthropic:
    """Plays scenes."""

    def __init__(self, root: str, key: str) -> None:
        """`root` is the URL before /v1."""
        self._sdk = self.connect(root, key)

    def connect(self, root: str, key: str) -> Any:  # noqa: ANN401  three classes of the SDK
        """The SDK's client."""
        return anthropic.Anthropic(base_url=root, api_key=key, max_retries=0, timeout=8)

    def close(self) -> None:
        """Let go of connections."""
        self._sdk.close()

    def play(self, scene: Scene, model: str, *, stream: bool, then: str | None = None) -> list[Seen]:
        """What is seen of each answer; `then` is a model that goes on where another began."""
        request = _request(scene, model)
        first, blocks = self._ask(request, stream=stream)
        if len(scene.answers) == 1:
            return [first]
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": scenes.RESULTS[call.name]}
            for call in first.calls
        ]
        request["messages"] += [
            {"role": "assistant", "content": blocks},
            {"role": "user", "content": results},
        ]
        request["model"] = then or model
        return [first, self._ask(request, stream=stream)[0]]

    def count(self, model: str) -> int:
        """The tokens of a message."""
        messages = [{"role": "user", "content": "hello"}]
        return int(self._sdk.messages.count_tokens(model=model, messages=messages).input_tokens)

    def models(self) -> list[str]:
        """What may be asked for, and each of them by its name."""
        names = [model.id for model in self._sdk.models.list()]
        assert [self._sdk.models.retrieve(name).id for name in names] == names
        return names

    def _ask(self, request: dict[str, Any], *, stream: bool) -> tuple[Seen, list[Any]]:
        partial: list[str] = []
        try:
            answer = self._streamed(request, partial) if stream else self._sdk.messages.create(**request)
        except anthropic.APIStatusError as error:
            status = 0 if partial else error.status_code
            return Seen("".join(partial), finish=None, failure=Failure(status, error.message)), []
        except (anthropic.APIError, TransportError) as error:
            return Seen("".join(partial), finish=None, failure=Failure(0, str(error))), []
        blocks = [block.model_dump(exclude_none=True) for block in answer.content]
        return _seen(answer), [{k: v for k, v in block.items() if k != "parsed_output"} for block in blocks]

    def _streamed(self, request: dict[str, Any], partial: list[str]) -> Any:  # noqa: ANN401  the SDK's own
        with self._sdk.messages.stream(**request) as stream:
            partial.extend(event.text for event in stream if event.type == "text")
            return stream.get_final_message()


class AnthropicVertex(Anthropic):
    """Through Vertex AI."""

    def connect(self, root: str, key: str) -> Any:  # noqa: ANN401  three classes of the SDK
        """`root` is the host."""
        return anthropic.AnthropicVertex(
            base_url=f"{root}/v1", access_token=key, project_id="p", region="r", max_retries=0, timeout=8
        )


class AnthropicBedrock(Anthropic):
    """Through Amazon Bedrock; the key is the access key and the secret, with a colon between."""

    def connect(self, root: str, key: str) -> Any:  # noqa: ANN401  three classes of the SDK
        """`root` is the host."""
        access, _, secret = key.partition(":")
        return anthropic.AnthropicBedrock(
            base_url=root,
            aws_access_key=access,
            aws_secret_key=secret,
            aws_region="us-east-1",
            max_retries=0,
            timeout=8,
        )


def _seen(answer: Any) -> Seen:  # noqa: ANN401  the SDK's own
    blocks = answer.content
    usage = answer.usage
    cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    details = getattr(usage, "output_tokens_details", None)
    return Seen(
        text="".join(block.text for block in blocks if block.type == "text"),
        thinking="".join(block.thinking for block in blocks if block.type == "thinking"),
        redacted=any(block.type == "redacted_thinking" for block in blocks),
        calls=tuple(Called(b.id, b.name, b.input) for b in blocks if b.type == "tool_use"),
        finish=_FINISH[answer.stop_reason],
        usage=Tokens(
            usage.input_tokens + cached + written,
            usage.output_tokens,
            cached=cached,
            written=written,
            reasoning=details.thinking_tokens if details else 0,
        ),
    )


def _request(scene: Scene, model: str) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    for at, text in enumerate(scene.history):
        messages.append({"role": ("user", "assistant")[at % 2], "content": text})
    content: list[dict[str, Any]] = [{"type": "text", "text": scene.text}]
    if scene.image:
        data = base64.b64encode(scenes.PNG).decode()
        source = {"type": "base64", "media_type": "image/png", "data": data}
        content.append({"type": "image", "source": source})
    messages.append({"role": "user", "content": content})
    request: dict[str, Any] = {"model": model, "messages": messages, "max_tokens": scene.max_tokens or 4096}
    if scene.tools:
        request["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.schema}
            for tool in scenes.TOOLS
        ]
    if scene.json:
        request["output_config"] = {"format": {"type": "json_schema", "schema": scenes.SCHEMA}}
    if scene.thinks:
        request["thinking"] = {"type": "enabled", "budget_tokens": scenes.BUDGET_TOKENS}
    request |= {"stop_sequences": [scenes.END]} if scene.stop else {}
    return request | ({"system": scene.system} if scene.system else {})
