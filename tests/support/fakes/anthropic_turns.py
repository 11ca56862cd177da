"""The turns of an Anthropic request: who speaks, and what belongs together.

Invariant: each tool_use is answered in the very next turn, results first; each thought is one that was
signed here. Roles need not alternate, and the assistant may begin
(github.com/anthropics/anthropic-sdk-typescript/issues/622); turns of `system`, which newer models take,
are refused.
Source: docs.anthropic.com/en/api/messages, /en/docs/agents-and-tools/tool-use/implement-tool-use,
/en/docs/build-with-claude/extended-thinking, /en/docs/build-with-claude/vision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from support.fakes import plays
from support.fakes.server import JSON, members, need, picture, tool_name

_BLOCKS = {
    "text": {"type", "text", "cache_control", "citations"},
    "image": {"type", "source", "cache_control"},
    "tool_use": {"type", "id", "name", "input", "cache_control", "caller"},
    "tool_result": {"type", "tool_use_id", "content", "is_error", "cache_control"},
    "thinking": {"type", "thinking", "signature"},
    "redacted_thinking": {"type", "data"},
}
_ROLES = {
    "user": {"text", "image", "tool_result"},
    "assistant": {"text", "tool_use", "thinking", "redacted_thinking"},
}


@dataclass
class Turns:
    """What was found in them."""

    roles: str = ""
    text: str = ""
    results: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)


def unknown(where: str, name: str) -> str:
    """Anthropic's words for a member that nobody knows."""
    return f"{where}{name}: Extra inputs are not permitted"


def read(messages: Any, *, thinks: bool) -> Turns:  # noqa: ANN401  any JSON
    """The turns of valid messages; refuses others."""
    need(isinstance(messages, list) and messages, "messages: at least one message is required")
    found = Turns()
    calls: list[str] = []
    for at, message in enumerate(messages):
        where = f"messages.{at}"
        members(message, f"{where}.", ("role", "content"), unknown)
        role = message.get("role")
        need(role in _ROLES, f"{where}.role: Input should be 'user' or 'assistant'")
        blocks = _blocks(message.get("content"), where)
        for nth, block in enumerate(blocks):
            _block(block, str(role), f"{where}.content.{nth}")
        if role == "user":
            _user(blocks, where, calls, found)
            calls = []
        else:
            need(
                not calls,
                f"{where}: `tool_use` ids were found without `tool_result` blocks immediately after: {calls}",
            )
            calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
            need(len(calls) == len(set(calls)), f"{where}: `tool_use` ids must be unique")
        found.roles += str(role)[0]
    need(
        not calls,
        f"messages: `tool_use` ids were found without `tool_result` blocks immediately after: {calls}",
    )
    if thinks:
        _thought(messages)
    return found


def _blocks(content: object, where: str) -> list[JSON]:
    if isinstance(content, str):
        need(content, f"{where}: text content blocks must be non-empty")
        return [{"type": "text", "text": content}]
    need(isinstance(content, list) and content, f"{where}: all messages must have non-empty content")
    return content if isinstance(content, list) else []


def _block(block: Any, role: str, where: str) -> None:  # noqa: ANN401  any JSON
    need(isinstance(block, dict), f"{where}: Input should be a valid dictionary")
    kind = block.get("type")
    need(kind in _ROLES[role], f"{where}: `{kind}` blocks can't be in {role} messages")
    members(block, f"{where}.{kind}.", _BLOCKS[kind], unknown)
    if kind == "text":
        need(
            isinstance(block.get("text"), str) and block["text"],
            "messages: text content blocks must be non-empty",
        )
    elif kind == "tool_use":
        tool_name(block.get("name"), f"{where}.tool_use.name")
        tool_name(block.get("id"), f"{where}.tool_use.id")
        need(
            isinstance(block.get("input"), dict),
            f"{where}.tool_use.input: Input should be a valid dictionary",
        )
    elif kind == "thinking":
        need("signature" in block, f"{where}.thinking.signature: Field required")
        ours = plays.known(block.get("thinking", ""), block["signature"])
        need(ours, f"{where}: Invalid `signature` in `thinking` block")
    elif kind == "redacted_thinking":
        need(block.get("data") == plays.REDACTED, f"{where}: Invalid `data` in `redacted_thinking` block")


def _user(blocks: list[JSON], where: str, calls: list[str], found: Turns) -> None:
    found.results, texts, answered = [], [], []
    for block in blocks:
        if block["type"] == "tool_result":
            need(not texts, f"{where}: `tool_result` blocks must come before other content")
            known = block.get("tool_use_id") in calls
            need(
                known,
                f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {block['tool_use_id']}",
            )
            answered.append(block["tool_use_id"])
            inner = _blocks(block.get("content") or "-", where)
            found.images += [_image(each, where) for each in inner if each.get("type") == "image"]
            found.results.append("".join(each["text"] for each in inner if each.get("type") == "text"))
        elif block["type"] == "image":
            found.images.append(_image(block, where))
        else:
            texts.append(block["text"])
    missing = sorted(set(calls) - set(answered))
    need(
        not missing,
        f"{where}: `tool_use` ids were found without `tool_result` blocks immediately after: {missing}",
    )
    need(len(answered) == len(set(answered)), f"{where}: each tool_use must have a single result")
    if texts:
        found.text = "".join(texts)


def _image(block: JSON, where: str) -> str:
    source = members(
        block.get("source"), f"{where}.image.source.", ("type", "media_type", "data", "url"), unknown
    )
    if source.get("type") == "url":
        need(
            str(source.get("url", "")).startswith("https://"),
            f"{where}.image.source.url: Only HTTPS URLs are supported.",
        )
        return str(source["url"])
    need(source.get("type") == "base64", f"{where}.image.source.type: Input should be 'base64' or 'url'")
    return picture(source.get("data"), source.get("media_type"), f"{where}.image.source.base64")


def _thought(messages: list[JSON]) -> None:
    """With thinking on, a turn whose tools are answered last must begin with its thought."""
    last = messages[-2] if len(messages) > 1 else {"content": ""}
    blocks = last["content"] if isinstance(last["content"], list) else []
    if last.get("role") == "assistant" and any(block["type"] == "tool_use" for block in blocks):
        begins = blocks[0]["type"] in ("thinking", "redacted_thinking")
        need(
            begins,
            "messages: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is "
            "enabled, a final `assistant` message must start with a thinking block.",
        )
