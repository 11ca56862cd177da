"""The AWS SDK, Converse and invoke_model.

Source: boto3.amazonaws.com/v1/documentation/api/latest/reference/services/bedrock-runtime.html.
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from conformance.sdk import scenes
from conformance.sdk.scenes import Called, Failure, Scene, Seen, Tokens
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from collections.abc import Iterable

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "sequence",
    "max_tokens": "length",
    "tool_use": "calls",
    "content_filtered": "refusal",
}


class Bedrock:
    """Plays scenes; the key is the access key and the secret, with a colon between."""

    def __init__(self, root: str, key: str) -> None:
        """`root` is the endpoint."""
        access, _, secret = key.partition(":")
        self._sdk: Any = boto3.client(
            "bedrock-runtime",
            endpoint_url=root,
            region_name="us-east-1",
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=8, connect_timeout=8),
        )

    def close(self) -> None:
        """Let go of connections."""
        self._sdk.close()

    def play(self, scene: Scene, model: str, *, stream: bool) -> list[Seen]:
        """What is seen of each answer."""
        request = _request(scene, model)
        first, blocks = self._ask(request, stream=stream)
        if len(scene.answers) == 1:
            return [first]
        results = [
            {"toolResult": {"toolUseId": call.id, "content": [{"text": scenes.RESULTS[call.name]}]}}
            for call in first.calls
        ]
        request["messages"] += [
            {"role": "assistant", "content": blocks},
            {"role": "user", "content": results},
        ]
        return [first, self._ask(request, stream=stream)[0]]

    def embed(self, model: str, texts: list[str]) -> list[list[float]]:
        """Embeddings of Cohere's models, all at once, or of Titan's, one by one."""
        if model.startswith("cohere."):
            return list(self._invoke(model, {"texts": texts, "input_type": "search_document"})["embeddings"])
        return [self._invoke(model, {"inputText": text})["embedding"] for text in texts]

    def _invoke(self, model: str, body: dict[str, Any]) -> Any:  # noqa: ANN401  any JSON
        answer = self._sdk.invoke_model(modelId=model, body=json.dumps(body), contentType="application/json")
        return json.loads(answer["body"].read())

    def _ask(self, request: dict[str, Any], *, stream: bool) -> tuple[Seen, list[Any]]:
        told = _Told()
        try:
            if stream:
                with closing(self._sdk.converse_stream(**request)["stream"]) as events:
                    told.events(events)
            else:
                told.whole(self._sdk.converse(**request))
        except ClientError as error:
            status = 0 if told.blocks else error.response["ResponseMetadata"]["HTTPStatusCode"]
            return told.seen(Failure(status, error.response["Error"]["Message"])), []
        except (BotoCoreError, HTTPError) as error:
            return told.seen(Failure(0, str(error))), []
        return told.seen(None), [block for _, block in sorted(told.blocks.items())]


class _Told:
    """An answer as it comes."""

    def __init__(self) -> None:
        self.blocks: dict[int, dict[str, Any]] = {}
        self._stop: str | None = None
        self._usage: Tokens | None = None

    def whole(self, answer: dict[str, Any]) -> None:
        """Take a whole answer."""
        self.blocks = dict(enumerate(answer["output"]["message"]["content"]))
        self._stop = answer["stopReason"]
        self._usage = _tokens(answer["usage"])

    def events(self, stream: Iterable[dict[str, Any]]) -> None:
        """Take a streamed one."""
        for event in stream:
            ((name, told),) = event.items()
            if name == "contentBlockStart":
                self.blocks[told["contentBlockIndex"]] = {
                    "toolUse": {**told["start"]["toolUse"], "input": ""}
                }
            elif name == "contentBlockDelta":
                self._delta(told["contentBlockIndex"], told["delta"])
            elif name == "messageStop":
                self._stop = told["stopReason"]
            elif name == "metadata":
                self._usage = _tokens(told["usage"])
        for block in self.blocks.values():
            if "toolUse" in block:
                block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])

    def seen(self, failure: Failure | None) -> Seen:
        """What it was."""
        blocks = [block for _, block in sorted(self.blocks.items())]
        uses = [block["toolUse"] for block in blocks if "toolUse" in block]
        thoughts = [block["reasoningContent"] for block in blocks if "reasoningContent" in block]
        return Seen(
            text="".join(block.get("text", "") for block in blocks),
            thinking="".join(
                thought["reasoningText"]["text"] for thought in thoughts if "reasoningText" in thought
            ),
            redacted=any("redactedContent" in thought for thought in thoughts),
            calls=tuple(Called(use["toolUseId"], use["name"], use["input"]) for use in uses),
            finish=_FINISH[self._stop] if self._stop else None,
            usage=self._usage,
            failure=failure,
        )

    def _delta(self, at: int, delta: dict[str, Any]) -> None:
        if "text" in delta:
            block = self.blocks.setdefault(at, {"text": ""})
            block["text"] += delta["text"]
        elif "toolUse" in delta:
            self.blocks[at]["toolUse"]["input"] += delta["toolUse"]["input"]
        elif "redactedContent" in delta["reasoningContent"]:
            self.blocks[at] = {"reasoningContent": delta["reasoningContent"]}
        else:
            block = self.blocks.setdefault(
                at, {"reasoningContent": {"reasoningText": {"text": "", "signature": ""}}}
            )
            for name, piece in delta["reasoningContent"].items():
                block["reasoningContent"]["reasoningText"][name] += piece


def _tokens(usage: dict[str, int]) -> Tokens:
    cached, written = usage["cacheReadInputTokens"], usage["cacheWriteInputTokens"]
    whole = usage["inputTokens"] + cached + written
    assert usage["totalTokens"] == whole + usage["outputTokens"]
    return Tokens(whole, usage["outputTokens"], cached=cached, written=written)


def _request(scene: Scene, model: str) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    for at, text in enumerate(scene.history):
        messages.append({"role": ("user", "assistant")[at % 2], "content": [{"text": text}]})
    content: list[dict[str, Any]] = [{"text": scene.text}]
    if scene.image:
        content.append({"image": {"format": "png", "source": {"bytes": scenes.PNG}}})
    messages.append({"role": "user", "content": content})
    config: dict[str, Any] = {"maxTokens": scene.max_tokens or 4096}
    config |= {"stopSequences": [scenes.END]} if scene.stop else {}
    request: dict[str, Any] = {"modelId": model, "messages": messages, "inferenceConfig": config}
    if scene.tools:
        specs = [
            {"name": t.name, "description": t.description, "inputSchema": {"json": t.schema}}
            for t in scenes.TOOLS
        ]
        request["toolConfig"] = {"tools": [{"toolSpec": spec} for spec in specs]}
    if scene.json:
        schema = {"jsonSchema": {"name": "answer", "schema": json.dumps(scenes.SCHEMA)}}
        request["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": schema}}
    if scene.thinks:
        thinking = {"type": "enabled", "budget_tokens": scenes.BUDGET_TOKENS}
        request["additionalModelRequestFields"] = {"thinking": thinking}
    return request | ({"system": [{"text": scene.system}]} if scene.system else {})
