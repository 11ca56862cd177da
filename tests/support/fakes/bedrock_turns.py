"""The turns of a Converse request: strictly alternating, results right after their calls.

Invariant: a model of Anthropic's is held to what Anthropic asks of thinking, which comes as an additional
field.
Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html,
…/API_runtime_ContentBlock.html, docs.aws.amazon.com/bedrock/latest/userguide/tool-use.html,
…/claude-messages-extended-thinking.html, …/claude-messages-adaptive-thinking.html.
"""

from __future__ import annotations

import json
import re
from typing import Any

from support.fakes import plays
from support.fakes.plays import Asked
from support.fakes.server import JSON, decoded, need, object_schema

# These only think in their own measure.
_ADAPTIVE = re.compile(r"anthropic\.claude-(opus-4-[789]|opus-5|sonnet-5|fable-5)")


def asked(body: JSON, model: str, *, stream: bool) -> Asked:
    """The request of a body whose shape is right; refuses what does not fit together."""
    config = body.get("inferenceConfig", {})
    extra = body.get("additionalModelRequestFields") or {}
    tools = _tools(body.get("toolConfig"))
    found = _Turns(offers=bool(tools))
    for at, message in enumerate(body.get("messages", [])):
        found.message(message, at)
    need(found.roles, "A conversation must start with a user message. Try again with a conversation.")
    need(not found.open, f"Expected toolResult blocks for the following Ids: {', '.join(found.open)}")
    need(found.roles[-1] == "u", "The model does not support assistant message prefill.")
    thinks = _thinking(extra, config, model)
    form = body.get("outputConfig", {}).get("textFormat", {})
    choice = (body.get("toolConfig") or {}).get("toolChoice", {})
    forced = choice.get("tool", {}).get("name")
    need(
        not (thinks and (forced or "any" in choice)),
        "Thinking may not be enabled when tool_choice forces tool use.",
    )
    return Asked(
        model=model,
        stream=stream,
        roles=found.roles,
        system=" ".join(block.get("text", "") for block in body.get("system", [])),
        text=found.text,
        results=tuple(found.results),
        images=tuple(found.images),
        tools=tuple(tools),
        stops=tuple(config.get("stopSequences", ())),
        max_tokens=config.get("maxTokens"),
        thinks=thinks,
        json=form.get("type") == "json_schema",
        json_tool=forced,
    )


def _tools(config: Any) -> list[str]:  # noqa: ANN401  any JSON
    names = []
    for at, tool in enumerate((config or {}).get("tools", [])):
        if "toolSpec" in tool:
            names.append(tool["toolSpec"]["name"])
            object_schema(
                tool["toolSpec"]["inputSchema"].get("json"),
                f"toolConfig.tools.{at}.toolSpec.inputSchema.json",
            )
    need(len(names) == len(set(names)), "toolConfig.tools: tool names must be unique")
    chosen = (config or {}).get("toolChoice", {}).get("tool", {}).get("name")
    need(chosen is None or chosen in names, f"toolConfig.toolChoice.tool: {chosen} is no tool")
    return names


def _thinking(extra: JSON, config: JSON, model: str) -> bool:
    thinking = extra.get("thinking") or extra.get("reasoning_config") or {}
    if thinking.get("type") not in ("enabled", "adaptive"):
        return False
    budget = thinking.get("budget_tokens")
    if thinking["type"] == "enabled":
        message = '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive".'
        need(not _ADAPTIVE.search(model), message)
        need(
            isinstance(budget, int) and budget >= 1024,
            "thinking.budget_tokens: Input should be at least 1024",
        )
        need(
            config.get("maxTokens", 0) > budget, "`max_tokens` must be greater than `thinking.budget_tokens`."
        )
    need(config.get("temperature", 1) == 1, "`temperature` may only be set to 1 when thinking is enabled.")
    return True


class _Turns:
    """What the messages say."""

    def __init__(self, *, offers: bool) -> None:
        self.roles = self.text = ""
        self.results: list[str] = []
        self.images: list[str] = []
        self.open: list[str] = []
        self._offers = offers

    def message(self, message: JSON, at: int) -> None:
        """Take one message."""
        role = message["role"][0]
        need(at > 0 or role == "u", "A conversation must start with a user message.")
        alternates = not self.roles.endswith(role)
        need(
            alternates,
            "Conversation blocks and roles must alternate: a conversation must alternate between user and "
            "assistant roles.",
        )
        need(message["content"], f"The content field in the Message object at messages.{at} is empty.")
        self.roles += role
        answered: list[str] = []
        self.results = []
        texts = [
            self._block(block, role, answered, f"messages.{at}.content.{nth}")
            for nth, block in enumerate(message["content"])
        ]
        if role == "u":
            need(
                sorted(answered) == sorted(self.open),
                f"Expected toolResult blocks at messages.{at}.content for these Ids: {', '.join(self.open)}",
            )
            self.text = "".join(texts) or self.text
            self.open = []
        self.open += [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block]

    def _block(self, block: JSON, role: str, answered: list[str], where: str) -> str:
        (kind,) = block
        fits = kind in (
            ("text", "image", "toolResult", "cachePoint")
            if role == "u"
            else ("text", "toolUse", "reasoningContent")
        )
        need(fits, f"{where}: {kind} is not allowed for this role")
        if kind == "text":
            need(block["text"].strip(), f"The text field in the ContentBlock object at {where} is blank.")
            return str(block["text"])
        if kind == "image":
            data = block["image"]["source"].get("bytes")
            self.images.append(f"image/{block['image']['format']} {len(decoded(data, where))}")
        elif kind == "toolResult":
            answered.append(block["toolResult"]["toolUseId"])
            self.results.append("".join(map(_result, block["toolResult"]["content"])))
        elif kind == "reasoningContent":
            _thought(block["reasoningContent"], where)
        if kind in ("toolUse", "toolResult"):
            need(
                self._offers,
                "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
            )
        return ""


def _result(block: JSON) -> str:
    return block["text"] if "text" in block else json.dumps(block.get("json"))


def _thought(block: JSON, where: str) -> None:
    if "redactedContent" in block:
        need(
            block["redactedContent"] == plays.REDACTED,
            f"{where}: Invalid `data` in `redacted_thinking` block",
        )
        return
    thought = block["reasoningText"]
    need(
        plays.known(thought["text"], thought.get("signature")),
        f"{where}: Invalid `signature` in `thinking` block",
    )
