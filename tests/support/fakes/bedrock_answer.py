"""What Converse answers, whole and in events.

Invariant: text blocks have no start event, blocks of tools have one; usage comes last, in metadata.
Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html,
…/API_runtime_TokenUsage.html; additionalModelResponseFieldPaths in …/API_runtime_Converse.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.fakes import plays
from support.fakes.plays import Breaks, Finish, Play
from support.fakes.server import need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.fakes.server import JSON

_STOP = {
    Finish.STOP: "end_turn",
    Finish.SEQUENCE: "stop_sequence",
    Finish.LENGTH: "max_tokens",
    Finish.CALLS: "tool_use",
    Finish.REFUSAL: "content_filtered",
}


def added(play: Play, paths: Any, model: str) -> JSON:  # noqa: ANN401  any JSON
    """What a Claude's answer has beyond Converse: the sequence that stopped it, where it is asked for."""
    for path in paths or []:
        need(path.startswith("/"), f"The JSON pointer {path} is malformed.")
    told = play.finish is Finish.SEQUENCE and "anthropic." in model and "/stop_sequence" in (paths or [])
    return {"additionalModelResponseFields": {"stop_sequence": plays.END}} if told else {}


def whole(play: Play, more: JSON) -> JSON:
    """An answer in one."""
    content: list[JSON] = []
    if play.thinking:
        thought = {"text": "".join(play.thinking), "signature": play.signature}
        content.append({"reasoningContent": {"reasoningText": thought}})
    if play.redacted:
        content.append({"reasoningContent": {"redactedContent": plays.REDACTED}})
    if play.text:
        content.append({"text": "".join(play.text)})
    content += [{"toolUse": {"toolUseId": c.id, "name": c.name, "input": c.arguments}} for c in play.calls]
    message = {"role": "assistant", "content": content}
    return {
        "output": {"message": message},
        "stopReason": _STOP[play.finish],
        "usage": _usage(play),
        "metrics": {"latencyMs": 7},
        **more,
    }


def events(play: Play, more: JSON) -> Iterator[tuple[str, JSON]]:
    """The events of a stream, each with its name."""
    yield "messageStart", {"role": "assistant", "p": "ab"}
    for at, (start, deltas) in enumerate(_blocks(play)):
        if start:
            yield "contentBlockStart", {"contentBlockIndex": at, "start": start}
        for delta in deltas:
            yield "contentBlockDelta", {"contentBlockIndex": at, "delta": delta, "p": "abcdef"}
        if play.breaks is not Breaks.NOT:
            return
        yield "contentBlockStop", {"contentBlockIndex": at}
    yield "messageStop", {"stopReason": _STOP[play.finish], **more}
    yield "metadata", {"usage": _usage(play), "metrics": {"latencyMs": 7}}


def _blocks(play: Play) -> Iterator[tuple[JSON | None, list[JSON]]]:
    if play.thinking:
        pieces: list[JSON] = [{"reasoningContent": {"text": piece}} for piece in play.thinking]
        yield None, [*pieces, {"reasoningContent": {"signature": play.signature}}]
    if play.redacted:
        yield None, [{"reasoningContent": {"redactedContent": plays.REDACTED}}]
    if play.text:
        yield None, [{"text": piece} for piece in play.text]
    for call in play.calls:
        start = {"toolUse": {"toolUseId": call.id, "name": call.name}}
        yield start, [{"toolUse": {"input": piece}} for piece in call.pieces]


def _usage(play: Play) -> JSON:
    usage = play.usage
    return {
        "inputTokens": usage.input - usage.cached - usage.written,
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output,
        "cacheReadInputTokens": usage.cached,
        "cacheWriteInputTokens": usage.written,
    }
