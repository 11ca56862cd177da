"""What Gemini answers, whole and in chunks.

Invariant: the chunks of an answer say what the whole one does; usage is complete in the last of them.
Source: ai.google.dev/api/generate-content#v1beta.GenerateContentResponse, /gemini-api/docs/thinking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.fakes.gemini_turns import SIGNATURE
from support.fakes.plays import Breaks, Finish, Play

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.fakes.server import JSON

# It tells neither calls nor stop sequences from a regular end.
_FINISH = {Finish.LENGTH: "MAX_TOKENS", Finish.REFUSAL: "SAFETY"}


def whole(play: Play, model: str, *, thoughts: bool) -> JSON:
    """An answer in one."""
    parts: list[JSON] = []
    if play.thinking and thoughts:
        parts.append({"text": "".join(play.thinking), "thought": True})
    if play.text and play.finish is not Finish.REFUSAL:
        parts.append({"text": "".join(play.text), **_signature(play)})
    parts += _calls(play)
    return _answer(model, parts, _finish(play), _usage(play))


def chunks(play: Play, model: str, *, thoughts: bool) -> Iterator[JSON]:
    """An answer in chunks."""
    begun = {"promptTokenCount": play.usage.input, "totalTokenCount": play.usage.input}
    for piece in play.thinking if thoughts else ():
        yield _answer(model, [{"text": piece, "thought": True}], None, begun)
    for piece in play.text if play.finish is not Finish.REFUSAL else ():
        yield _answer(model, [{"text": piece}], None, begun)
    if play.calls:
        yield _answer(model, _calls(play), None, begun)
    if play.breaks is Breaks.NOT:
        signature = _signature(play)
        last: list[JSON] = [{"text": "", **signature}] if signature else []
        yield _answer(model, last, _finish(play), _usage(play))


def _calls(play: Play) -> list[JSON]:
    parts: list[JSON] = [{"functionCall": {"name": call.name, "args": call.arguments}} for call in play.calls]
    if play.thinking and parts:
        parts[0]["thoughtSignature"] = SIGNATURE
    return parts


def _signature(play: Play) -> JSON:
    return {"thoughtSignature": SIGNATURE} if play.thinking and not play.calls else {}


def _finish(play: Play) -> str:
    return _FINISH.get(play.finish, "STOP")


def _answer(model: str, parts: list[JSON], finish: str | None, usage: JSON) -> JSON:
    candidate: JSON = {"index": 0}
    if parts:
        candidate["content"] = {"parts": parts, "role": "model"}
    if finish:
        candidate["finishReason"] = finish
    if finish == "SAFETY":
        rating = {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}
        candidate["safetyRatings"] = [rating]
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": model,
        "responseId": "resp-fake",
    }


def _usage(play: Play) -> JSON:
    usage = play.usage
    counts = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "totalTokenCount": usage.input + usage.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.input}],
    }
    counts |= {"cachedContentTokenCount": usage.cached} if usage.cached else {}
    return counts | ({"thoughtsTokenCount": usage.reasoning} if usage.reasoning else {})
