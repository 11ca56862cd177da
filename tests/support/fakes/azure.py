"""A strict Azure OpenAI: OpenAI's dialects at Azure's addresses.

Invariant: below /openai/deployments the deployment is the model and api-version is named; below
/openai/v1 neither is.
Source: learn.microsoft.com/azure/ai-foundry/openai/reference, …/openai/api-version-lifecycle,
…/openai/how-to/switching-endpoints.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from support import wire
from support.fakes.responses import Responses
from support.fakes.server import Refused, need, read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.upstream import Received, Step

_DEPLOYED = re.compile(r"/openai/deployments/([^/]+)/(chat/completions|embeddings)")
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_CODES = {401: "401", 404: "DeploymentNotFound", 429: "429"}


class Azure(Responses):
    """The service."""

    def answer(self, request: Received) -> Iterable[Step]:
        """Chat, embeddings or a response, by deployment or by model."""
        self.authenticate(request)
        parts = urlsplit(request.path)
        version = parse_qs(parts.query).get("api-version", [""])[0]
        body = read(request)
        deployed = _DEPLOYED.fullmatch(parts.path)
        if deployed:
            need(_VERSION.fullmatch(version), "Resource not found", 404)
            model = unquote(deployed[1])
            if deployed[2] == "embeddings":
                return self.embed(request, {"model": model, **body})
            return self.chat(request, body | {"model": model}, model)
        new = ("", "v1", "preview", "latest")
        need(version in new or not parts.path.startswith("/openai/v1/"), "API version not supported")
        if parts.path == "/openai/v1/chat/completions":
            return self.chat(request, body, str(body.get("model", "")))
        if parts.path == "/openai/v1/embeddings":
            return self.embed(request, body)
        need(parts.path in ("/openai/v1/responses", "/openai/responses"), "Resource not found", 404)
        need(version or parts.path != "/openai/responses", "Resource not found", 404)
        return self.respond(request)

    def authenticate(self, request: Received) -> None:
        """Refuse those who show neither the key nor a token."""
        key = request.headers.get("api-key")
        token = request.headers.get("authorization")
        message = "Access denied due to invalid subscription key or wrong API endpoint."
        need((key == self.key) if key is not None else token == f"Bearer {self.key}", message, 401)

    def refusal(self, refused: Refused) -> Iterable[Step]:
        """Azure's error object, where it is not OpenAI's."""
        if refused.status not in _CODES:
            return super().refusal(refused)
        error = {"code": _CODES[refused.status], "message": refused.message}
        return wire.answer({"error": error}, refused.status, refused.headers)
