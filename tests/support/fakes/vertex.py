"""A strict Vertex AI: Gemini's methods and Anthropic's Messages at Google's addresses.

Invariant: Anthropic's body names its version and no model, which is in the path; callers show a Bearer
token.
Source: cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference,
cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude,
docs.anthropic.com/en/api/claude-on-vertex-ai,
cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from support import wire
from support.fakes import anthropic, plays
from support.fakes.gemini import Gemini
from support.fakes.gemini_proto import parse
from support.fakes.server import JSON, Refused, events, members, need, read, sse, vector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.upstream import Received, Step

VERSIONS = ("vertex-2023-10-16", anthropic.NEW)
_PATH = re.compile(
    r"/v1(?:beta1)?/projects/[^/]+/locations/[^/]+/publishers/(google|anthropic)/models/([^/:]+):(\w+)"
)


class Vertex(Gemini):
    """The service."""

    def answer(self, request: Received) -> Iterable[Step]:
        """A method of a model of Google's or Anthropic's."""
        right = request.headers.get("authorization") == f"Bearer {self.key}"
        need(right, "Request had invalid authentication credentials. Expected OAuth 2 access token.", 401)
        found = _PATH.fullmatch(urlsplit(request.path).path)
        need(found, "Not Found", 404)
        assert found
        model, method = unquote(found[2]), found[3]
        if found[1] == "google":
            return self.method(request, model, method)
        try:
            return self.predict(request, read(request), model, method)
        except Refused as refused:
            if refused.status in (404, 429):
                raise
            self.refusals.append(refused.message)
            return wire.answer(anthropic.error(refused.status, refused.message), refused.status)

    def method(self, request: Received, model: str, method: str) -> Iterable[Step]:
        """As Gemini's, but for what Vertex has its own form for."""
        if method == "predict":
            return self.embed(request, read(request))
        if method == "countTokens":
            return self.count(request, parse(read(request), "CountVertex"))
        return super().method(request, model, method)

    def predict(self, request: Received, body: JSON, model: str, method: str) -> Iterable[Step]:
        """Anthropic's Messages."""
        need(method in ("rawPredict", "streamRawPredict"), "Not Found", 404)
        version = str(body.get("anthropic_version"))
        need(version in VERSIONS, f"anthropic_version: Input should be one of {', '.join(VERSIONS)}")
        if model == "count-tokens":
            anthropic.asked({**body, "max_tokens": 4096}, model, version, ("model", "anthropic_version"))
            self.keep(request, body)
            return wire.answer({"input_tokens": 14})
        need("model" not in body, "model: Extra inputs are not permitted")
        need(request.headers.get("anthropic-version") is None, "anthropic-version: belongs to the body")
        asked = anthropic.asked(body, model, version, ("anthropic_version",))
        need(not asked.stream or method == "streamRawPredict", "stream: streamRawPredict streams")
        play = self.perform(request, body, asked)
        if not asked.stream:
            return wire.answer(anthropic.message(play, model, asked.json_tool))
        texts = (sse(event, event["type"]) for event in anthropic.stream(play, model, asked.json_tool))
        failed = {"type": "error", "error": {"type": "overloaded_error", "message": plays.MIDFAIL}}
        return events(texts, play, sse(failed, "error"))

    def embed(self, request: Received, body: JSON) -> Iterable[Step]:
        """Embeddings, in the form that predictions have."""
        members(body, "", ("instances", "parameters"), _unknown)
        members(
            body.get("parameters") or {}, "parameters.", ("autoTruncate", "outputDimensionality"), _unknown
        )
        rows = []
        for each in body.get("instances") or []:
            members(each, "instances.", ("content", "task_type", "title"), _unknown)
            need(each.get("content"), "The text content is empty.")
            rows.append(
                vector(each["content"], (body.get("parameters") or {}).get("outputDimensionality") or 4)
            )
        need(rows, "Empty instances.")
        self.keep(request, body)
        statistics = {"token_count": 3, "truncated": False}
        return wire.answer(
            {"predictions": [{"embeddings": {"values": row, "statistics": statistics}} for row in rows]}
        )


def _unknown(where: str, name: str) -> str:
    return f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field."
