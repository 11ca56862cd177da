"""A strict Amazon Bedrock runtime: Converse, CountTokens, and invoked models of Anthropic, Titan and Cohere.

Invariant: a request is answered only if its signature is what the service computes from the bytes it
received; its body has the members of the service's own model and no other.
Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
…/API_runtime_ConverseStream.html, …/API_runtime_InvokeModel.html, …/API_runtime_CountTokens.html,
docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html,
docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html,
…/model-parameters-embed.html.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from support import wire
from support.fakes import anthropic, bedrock_answer, bedrock_shapes, bedrock_turns, plays, sigv4
from support.fakes.eventstream import exception, frame
from support.fakes.server import JSON, Fake, Refused, decoded, events, members, need, read, vector, whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.upstream import Received, Step

VERSIONS = ("bedrock-2023-05-31", anthropic.NEW)
_PATH = re.compile(
    r"/model/([^/]+)/(converse|converse-stream|count-tokens|invoke|invoke-with-response-stream)"
)
_ROOM = {"maxTokens": 1 << 20}
_STREAM = "application/vnd.amazon.eventstream"
_KINDS = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


class Bedrock(Fake):
    """The service.

    Attributes:
        credentials: of the only caller; `token` is what may be shown instead of a signature.
    """

    credentials = sigv4.Credentials("AKIAFAKEACCESSKEY", "secret/of+the/fake/account", "us-east-1", "bedrock")
    token = Fake.key

    def answer(self, request: Received) -> Iterable[Step]:
        """Converse or invoke."""
        if request.headers.get("authorization") != f"Bearer {self.token}":
            sigv4.verify(request, self.credentials)
        found = _PATH.fullmatch(request.path)
        need(found, "Unknown operation", 404, "UnknownOperationException")
        assert found
        model, operation = unquote(found[1]), found[2]
        body = read(request)
        if operation == "count-tokens":
            return self.count(request, body, model)
        if operation.startswith("converse"):
            return self.converse(request, body, model, stream=operation == "converse-stream")
        return self.invoke(request, body, model, stream=operation != "invoke")

    def converse(self, request: Received, body: JSON, model: str, *, stream: bool) -> Iterable[Step]:
        """An answer of any model."""
        bedrock_shapes.check("Converse", body)
        play = self.perform(request, body, bedrock_turns.asked(body, model, stream=stream))
        added = bedrock_answer.added(play, body.get("additionalModelResponseFieldPaths"), model)
        if not stream:
            return wire.answer(bedrock_answer.whole(play, added))
        frames = (frame(name, payload) for name, payload in bedrock_answer.events(play, added))
        return events(frames, play, exception("modelStreamErrorException", plays.MIDFAIL), _STREAM)

    def count(self, request: Received, body: JSON, model: str) -> Iterable[Step]:
        """The tokens of a request to Converse or to a model of Anthropic's."""
        bedrock_shapes.check("CountTokens", body)
        asked = body["input"]
        if "converse" in asked:
            # What thinks needs no maximum to be counted.
            bedrock_turns.asked({**asked["converse"], "inferenceConfig": _ROOM}, model, stream=False)
        else:
            inner = json.loads(decoded(asked["invokeModel"]["body"], "input.invokeModel.body"))
            anthropic.asked(inner, model, str(inner.get("anthropic_version")), ("anthropic_version",))
        self.keep(request, body)
        return wire.answer({"inputTokens": 14})

    def invoke(self, request: Received, body: JSON, model: str, *, stream: bool) -> Iterable[Step]:
        """A model's own dialect."""
        if "embed" in model:
            return self.embed(request, body, model)
        need("model" not in body and "stream" not in body, "model, stream: Extra inputs are not permitted")
        version = str(body.get("anthropic_version"))
        need(version in VERSIONS, f"anthropic_version: Input should be one of {', '.join(VERSIONS)}")
        extra = ("anthropic_version", "anthropic_beta")
        asked = anthropic.asked(body, model, version, extra)
        play = self.perform(request, body, asked)
        if not stream:
            return wire.answer(anthropic.message(play, model, asked.json_tool))
        told = (json.dumps(event).encode() for event in anthropic.stream(play, model, asked.json_tool))
        frames = (frame("chunk", {"bytes": base64.b64encode(event).decode(), "p": "abcd"}) for event in told)
        return events(frames, play, exception("modelStreamErrorException", plays.MIDFAIL), _STREAM)

    def embed(self, request: Received, body: JSON, model: str) -> Iterable[Step]:
        """Embeddings of Titan or Cohere."""
        answer = _titan(body) if model.startswith("amazon.titan-embed") else _cohere(body, model)
        self.keep(request, body)
        return wire.answer(answer)

    def refusal(self, refused: Refused) -> Iterable[Step]:
        """An AWS error: its kind is in a header."""
        status = 503 if refused.status == 529 else 400 if refused.status in (405, 415) else refused.status
        kind = f"x-amzn-errortype: {refused.kind or _KINDS[status]}:http://internal.amazon.com/coral/"
        headers = ("x-amzn-requestid: req-fake", kind, *refused.headers)
        return wire.answer({"message": refused.message}, status, headers)


def _titan(body: JSON) -> JSON:
    allowed = ("inputText", "dimensions", "normalize", "embeddingTypes")
    members(body, "", allowed, _unknown)
    need(
        isinstance(body.get("inputText"), str) and body["inputText"],
        "Malformed input request: 'inputText' required",
    )
    fits = body.get("dimensions") in (None, 256, 512, 1024)
    need(fits, "Malformed input request: #/dimensions is not a valid enum value")
    row = vector(body["inputText"], body.get("dimensions") or 1024)
    return {"embedding": row, "embeddingsByType": {"float": row}, "inputTextTokenCount": 3}


def _cohere(body: JSON, model: str) -> JSON:
    allowed = (
        "texts",
        "images",
        "input_type",
        "truncate",
        "embedding_types",
        "output_dimension",
        "max_tokens",
    )
    members(body, "", allowed, _unknown)
    kinds = ("search_document", "search_query", "classification", "clustering", "image")
    need(body.get("input_type") in kinds, "Malformed input request: 'input_type' required")
    texts: Any = body.get("texts")
    need(
        isinstance(texts, list) and 0 < len(texts) <= 96,
        "Malformed input request: #/texts: expected 1 to 96 items",
    )
    whole(body, "output_dimension")
    newer = ("output_dimension", "max_tokens")
    for name in newer:
        need("-v3" not in model or name not in body, _unknown("", name))
    rows = [vector(text, body.get("output_dimension") or 4) for text in texts]
    typed = body.get("embedding_types")
    found = dict.fromkeys(typed, rows) if typed else rows
    kind = "embeddings_by_type" if typed else "embeddings_floats"
    return {"id": "fake", "response_type": kind, "texts": texts, "embeddings": found}


def _unknown(where: str, name: str) -> str:
    return f"Malformed input request: #: extraneous key [{where}{name}] is not permitted"
