"""The Google Gen AI SDK: the Gemini API, and Gemini at Vertex AI.

Source: googleapis.github.io/python-genai.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.sdk import scenes
from conformance.sdk.scenes import Called, Failure, Scene, Seen, Tokens
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials
from httpx2 import TransportError

if TYPE_CHECKING:
    from collections.abc import Iterable

_FINISH = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "refusal"}


class Google:
    """Plays scenes."""

    def __init__(self, root: str, key: str) -> None:
        """`root` is the URL before /v1beta."""
        self._sdk = self.connect(types.HttpOptions(base_url=root, timeout=8000), key)

    def connect(self, options: types.HttpOptions, key: str) -> genai.Client:
        """The SDK's client."""
        return genai.Client(api_key=key, http_options=options)

    def close(self) -> None:
        """Let go of connections."""
        self._sdk.close()

    def play(self, scene: Scene, model: str, *, stream: bool) -> list[Seen]:
        """What is seen of each answer."""
        contents, config = _contents(scene), _config(scene)
        first, said = self._ask(model, contents, config, stream=stream)
        if len(scene.answers) == 1:
            return [first]
        results = [
            types.Part.from_function_response(name=call.name, response={"output": scenes.RESULTS[call.name]})
            for call in first.calls
        ]
        for part, call in zip(results, first.calls, strict=True):
            assert part.function_response is not None
            part.function_response.id = call.id
        contents += [types.Content(role="model", parts=said), types.Content(role="user", parts=results)]
        return [first, self._ask(model, contents, config, stream=stream)[0]]

    def embed(self, model: str, texts: list[str]) -> list[list[float]]:
        """Embeddings."""
        contents: Any = texts
        answer = self._sdk.models.embed_content(model=model, contents=contents)
        return [list(row.values or []) for row in answer.embeddings or []]

    def count(self, model: str) -> int:
        """The tokens of a text."""
        return self._sdk.models.count_tokens(model=model, contents="hello").total_tokens or 0

    def models(self) -> list[str]:
        """What may be asked for, and each of them by its name."""
        names = [model.name or "" for model in self._sdk.models.list()]
        assert [self._sdk.models.get(model=name).name for name in names] == names
        return [name.removeprefix("models/") for name in names]

    def _ask(
        self, model: str, contents: list[Any], config: types.GenerateContentConfig, *, stream: bool
    ) -> tuple[Seen, list[types.Part]]:
        told = _Told()
        try:
            if stream:
                told.chunks(
                    self._sdk.models.generate_content_stream(model=model, contents=contents, config=config)
                )
            else:
                told.chunks(
                    [self._sdk.models.generate_content(model=model, contents=contents, config=config)]
                )
        except errors.APIError as error:
            status = 0 if told.parts else error.code
            return told.seen(Failure(status, error.message or "")), []
        except TransportError as error:
            return told.seen(Failure(0, str(error))), []
        return told.seen(None), told.parts


class GoogleVertex(Google):
    """Through Vertex AI."""

    def connect(self, options: types.HttpOptions, key: str) -> genai.Client:
        """The key is an access token."""
        return genai.Client(
            vertexai=True,
            project="p",
            location="r",
            credentials=Credentials(token=key),  # type: ignore[no-untyped-call]
            http_options=options,
        )


class _Told:
    """An answer as it comes."""

    def __init__(self) -> None:
        self.parts: list[types.Part] = []
        self._finish: str | None = None
        self._usage: Tokens | None = None

    def chunks(self, stream: Iterable[types.GenerateContentResponse]) -> None:
        """Take all of it."""
        for chunk in stream:
            for candidate in chunk.candidates or []:
                self.parts += (candidate.content.parts or []) if candidate.content else []
                self._finish = candidate.finish_reason.name if candidate.finish_reason else self._finish
            self._usage = _tokens(chunk.usage_metadata) or self._usage

    def seen(self, failure: Failure | None) -> Seen:
        """What it was."""
        calls = [part.function_call for part in self.parts if part.function_call]
        finish = _FINISH[self._finish] if self._finish else None
        return Seen(
            text="".join(part.text or "" for part in self.parts if not part.thought),
            thinking="".join(part.text or "" for part in self.parts if part.thought),
            calls=tuple(Called(call.id, call.name or "", call.args or {}) for call in calls),
            finish="calls" if calls and finish == "stop" else finish,
            # What is told before the end is no usage yet.
            usage=self._usage if finish else None,
            failure=failure,
        )


def _tokens(usage: types.GenerateContentResponseUsageMetadata | None) -> Tokens | None:
    if usage is None:
        return None
    reasoning, prompt = usage.thoughts_token_count or 0, usage.prompt_token_count or 0
    output = (usage.candidates_token_count or 0) + reasoning
    assert usage.total_token_count == prompt + output
    return Tokens(prompt, output, cached=usage.cached_content_token_count or 0, reasoning=reasoning)


def _contents(scene: Scene) -> list[Any]:
    contents = [
        types.Content(role=("user", "model")[at % 2], parts=[types.Part(text=text)])
        for at, text in enumerate(scene.history)
    ]
    parts = [types.Part(text=scene.text)]
    if scene.image:
        parts.append(types.Part.from_bytes(data=scenes.PNG, mime_type="image/png"))
    return [*contents, types.Content(role="user", parts=parts)]


def _config(scene: Scene) -> types.GenerateContentConfig:
    config: dict[str, Any] = {}
    if scene.tools:
        declared = [
            types.FunctionDeclaration(name=t.name, description=t.description, parameters_json_schema=t.schema)
            for t in scenes.TOOLS
        ]
        config["tools"] = [types.Tool(function_declarations=declared)]
    if scene.json:
        config |= {"response_mime_type": "application/json", "response_json_schema": scenes.SCHEMA}
    if scene.thinks:
        thinking = types.ThinkingConfig(include_thoughts=True, thinking_budget=scenes.BUDGET_TOKENS)
        config["thinking_config"] = thinking
    config |= {"stop_sequences": [scenes.END]} if scene.stop else {}
    config |= {"system_instruction": scene.system} if scene.system else {}
    config |= {"max_output_tokens": scene.max_tokens} if scene.max_tokens else {}
    return types.GenerateContentConfig(**config)
