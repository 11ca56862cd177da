"""The Ollama SDK: chat, generate and embed. Source: github.com/ollama/ollama-python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ollama
from conformance.sdk import scenes
from conformance.sdk.scenes import Called, Failure, Scene, Seen, Tokens
from httpx import TransportError

if TYPE_CHECKING:
    from collections.abc import Iterable

_FINISH = {"stop": "stop", "length": "length"}


class Ollama:
    """Plays scenes."""

    def __init__(self, root: str, key: str) -> None:
        """`root` is the URL before /api."""
        self._sdk = ollama.Client(host=root, headers={"authorization": f"Bearer {key}"}, timeout=8)

    def close(self) -> None:
        """Let go of connections."""
        self._sdk._client.close()

    def play(self, scene: Scene, model: str, *, stream: bool) -> list[Seen]:
        """What is seen of each answer."""
        request = _request(scene, model)
        first, calls = self._ask(request, stream=stream)
        if len(scene.answers) == 1:
            return [first]
        request["messages"] += [
            {
                "role": "assistant",
                "content": first.text,
                "thinking": first.thinking or None,
                "tool_calls": calls,
            },
            *(
                {"role": "tool", "tool_name": call.name, "content": scenes.RESULTS[call.name]}
                for call in first.calls
            ),
        ]
        return [first, self._ask(request, stream=stream)[0]]

    def embed(self, model: str, texts: list[str]) -> list[list[float]]:
        """Embeddings."""
        return [list(row) for row in self._sdk.embed(model=model, input=texts).embeddings]

    def models(self) -> list[str]:
        """What may be asked for."""
        return [model.model or "" for model in self._sdk.list().models]

    def send(self, request: dict[str, Any], *, stream: bool) -> Any:  # noqa: ANN401  the SDK's own
        """Ask for it."""
        return self._sdk.chat(**request, stream=stream)

    def _ask(self, request: dict[str, Any], *, stream: bool) -> tuple[Seen, list[Any]]:
        told = _Told()
        try:
            answer = self.send(request, stream=stream)
            told.parts(answer if stream else [answer])
        except ollama.ResponseError as error:
            status = error.status_code if error.status_code > 0 else 0
            return told.seen(Failure(status, error.error)), []
        except TransportError as error:
            return told.seen(Failure(0, str(error))), []
        return told.seen(None), told.calls


class OllamaGenerate(Ollama):
    """Plays scenes without turns."""

    def play(self, scene: Scene, model: str, *, stream: bool) -> list[Seen]:
        """What is seen of the answer."""
        request = _request(scene, model)
        *_, last = request.pop("messages")
        request |= {"prompt": last["content"], "images": last.get("images")}
        request |= {"system": scene.system} if scene.system else {}
        return [self._ask(request, stream=stream)[0]]

    def send(self, request: dict[str, Any], *, stream: bool) -> Any:  # noqa: ANN401  the SDK's own
        """Ask for it."""
        return self._sdk.generate(**request, stream=stream)


class _Told:
    """An answer as it comes."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self._text = self._thinking = ""
        self._last: Any = None

    def parts(self, parts: Iterable[Any]) -> None:
        """Take all of it."""
        for part in parts:
            self._last = part
            if isinstance(part, ollama.GenerateResponse):
                self._text += part.response
                self._thinking += part.thinking or ""
                continue
            self._text += part.message.content or ""
            self._thinking += part.message.thinking or ""
            self.calls += part.message.tool_calls or []

    def seen(self, failure: Failure | None) -> Seen:
        """What it was."""
        done = self._last is not None and self._last.done
        calls = [
            Called(getattr(call, "id", None), call.function.name, dict(call.function.arguments))
            for call in self.calls
        ]
        finish = _FINISH[self._last.done_reason] if done else None
        usage = Tokens(self._last.prompt_eval_count, self._last.eval_count) if done else None
        return Seen(
            text=self._text,
            thinking=self._thinking,
            calls=tuple(calls),
            finish="calls" if calls and finish == "stop" else finish,
            usage=usage,
            failure=failure,
        )


def _request(scene: Scene, model: str) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": scene.system}] if scene.system else []
    for at, text in enumerate(scene.history):
        messages.append({"role": ("user", "assistant")[at % 2], "content": text})
    last: dict[str, Any] = {"role": "user", "content": scene.text}
    messages.append(last | ({"images": [scenes.PNG]} if scene.image else {}))
    request: dict[str, Any] = {"model": model, "messages": messages}
    if scene.tools:
        request["tools"] = [
            {
                "type": "function",
                "function": {"name": t.name, "description": t.description, "parameters": t.schema},
            }
            for t in scenes.TOOLS
        ]
    options: dict[str, Any] = {"stop": [scenes.END]} if scene.stop else {}
    options |= {"num_predict": scene.max_tokens} if scene.max_tokens else {}
    request |= {"options": options} if options else {}
    request |= {"format": scenes.SCHEMA} if scene.json else {}
    return request | ({"think": "low"} if scene.thinks else {})
