"""The bytes of an upstream request's head.

Invariant: the caller's credentials, cookies, hop-by-hop and x-headgate-* headers never go upstream; only the
vendor headers of `FORWARDED` do (RULINGS 22). A head begins with its request line and its `host`, which a
signature covers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.core import VERSION
from headgate.exchange import CHAT, COMPLETIONS, EMBED_CONTENT, EMBEDDINGS, RESPONSES
from headgate.upstream.paths import path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate.config.runtime import Provider
    from headgate.exchange import Endpoint

FORWARDED = frozenset(
    {
        b"openai-organization",
        b"openai-project",
        b"openai-beta",
        b"anthropic-beta",
        b"anthropic-version",
        b"idempotency-key",
        b"http-referer",
        b"x-title",
    }
)

_ACTIONS = {
    ("openai", "chat"): ("openai", "chat/completions"),
    ("openai", "completions"): ("openai", "completions"),
    ("openai", "embeddings"): ("openai", "embeddings"),
    ("responses", "chat"): ("openai", "responses"),
    ("anthropic", "chat"): ("anthropic", "messages"),
    ("anthropic", "count"): ("anthropic", "messages/count_tokens"),
    ("gemini", "chat"): ("gemini", "generateContent"),
    ("gemini", "count"): ("gemini", "countTokens"),
    ("gemini", "embeddings"): ("gemini", "batchEmbedContents"),
    ("ollama", "chat"): ("ollama", "chat"),
    ("ollama", "embeddings"): ("ollama", "embed"),
    ("ollama_generate", "chat"): ("ollama", "generate"),
    ("bedrock", "chat"): ("bedrock", "converse"),
    ("bedrock", "count"): ("bedrock", "count-tokens"),
    ("bedrock", "embeddings"): ("titan", "invoke"),
}
"""What is spoken and asked for, in the words of `upstream.paths`, by dialect and action of an endpoint."""
_ABSENT = frozenset(
    {("vertex", "gemini", "embeddings"), ("bedrock", "anthropic", "count"), ("vertex", "anthropic", "count")}
)
"""What a hosted model has not, or in a shape of its own."""
_LABELS = {(known.dialect, known.action): known.label for known in (CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES)}
"""What the catalogue calls what a vendor lacks."""


def heads(provider: Provider, endpoint: Endpoint, model: str) -> tuple[str, bytes, bytes] | None:
    """The dialect that the provider is spoken to in, and the heads for a whole answer and for a stream.

    None where the provider has no such endpoint.
    """
    dialect = endpoint.dialect if endpoint.dialect in provider.dialects else provider.dialects[0]
    found = _ACTIONS.get((dialect, endpoint.action))
    absent = (provider.hosting, dialect, endpoint.action) in _ABSENT
    if found is None or absent or _LABELS.get((dialect, endpoint.action)) in provider.lacks:
        return None
    wire, action = found
    if endpoint is EMBED_CONTENT and dialect == "gemini":
        action = "embedContent"
    whole, stream = (path(provider, wire, model, action, stream=flag) for flag in (False, True))
    return dialect, _head(provider, whole), _head(provider, stream)


def _head(provider: Provider, target: str) -> bytes:
    host = f"[{provider.host}]" if ":" in provider.host else provider.host
    port = "" if provider.port == (443 if provider.tls else 80) else f":{provider.port}"
    headers = [(name, f"{name}: {value}") for name, value in provider.headers]
    lines = [
        f"POST {target} HTTP/1.1",
        f"host: {host}{port}",
        *(line for name, line in headers if name not in provider.usual),
        "content-type: application/json",
        "accept-encoding: identity",
        f"user-agent: headgate/{VERSION}",
        # Last, where the core takes a version away for the caller's.
        *(line for name, line in headers if name in provider.usual),
        "",
    ]
    return "\r\n".join(lines).encode("latin-1")


def forwarded(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The caller's vendor headers as header lines."""
    lines = [b"%b: %b\r\n" % (name, value) for name, value in headers if name in FORWARDED]
    return b"".join(lines) if lines else b""
