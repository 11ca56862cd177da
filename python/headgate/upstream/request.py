"""The bytes of an upstream request's head.

Invariant: the caller's credentials, cookies, hop-by-hop and x-headgate-* headers never go upstream; only the
vendor headers of `FORWARDED` do (RULINGS 22).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from headgate.core import VERSION
from headgate.exchange import CHAT, COMPLETIONS, EMBED_CONTENT, EMBEDDINGS, RESPONSES

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

_PATHS = {
    ("openai", "chat"): "/chat/completions",
    ("openai", "completions"): "/completions",
    ("openai", "embeddings"): "/embeddings",
    ("responses", "chat"): "/responses",
    ("anthropic", "chat"): "/messages",
    ("anthropic", "count"): "/messages/count_tokens",
    ("ollama", "chat"): "/api/chat",
    ("ollama", "embeddings"): "/api/embed",
    ("ollama_generate", "chat"): "/api/generate",
}
_LABELS = {(known.dialect, known.action): known.label for known in (CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES)}
"""What the catalogue calls what a vendor lacks."""
_GEMINI = {
    "chat": ("generateContent", "streamGenerateContent?alt=sse"),
    "count": ("countTokens", "countTokens"),
    "embeddings": ("batchEmbedContents", "batchEmbedContents"),
}


def heads(provider: Provider, endpoint: Endpoint, model: str) -> tuple[str, bytes, bytes] | None:
    """The dialect that the provider is spoken to in, and the heads for a whole answer and for a stream.

    None where the provider has no such endpoint.
    """
    dialect = endpoint.dialect if endpoint.dialect in provider.dialects else provider.dialects[0]
    if _LABELS.get((dialect, endpoint.action)) in provider.lacks:
        return None
    if dialect == "gemini" and endpoint.action in _GEMINI:
        actions = _GEMINI[endpoint.action]
        if endpoint is EMBED_CONTENT:
            actions = ("embedContent", "embedContent")
        whole, stream = (f"/models/{quote(model, safe='')}:{action}" for action in actions)
    elif (dialect, endpoint.action) in _PATHS:
        whole = stream = _PATHS[dialect, endpoint.action]
    else:
        return None
    return dialect, _head(provider, whole), _head(provider, stream)


def _head(provider: Provider, path: str) -> bytes:
    host = f"[{provider.host}]" if ":" in provider.host else provider.host
    port = "" if provider.port == (443 if provider.tls else 80) else f":{provider.port}"
    # Ollama's own API stands beside the one that it shares with others.
    base = provider.base_path.removesuffix("/v1") if path.startswith("/api/") else provider.base_path
    headers = [(name, f"{name}: {value}") for name, value in provider.headers]
    lines = [
        f"POST {base}{path} HTTP/1.1",
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
