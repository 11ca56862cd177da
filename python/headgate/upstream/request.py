"""The bytes of an upstream request's head.

Invariant: the caller's credentials, cookies, hop-by-hop and x-headgate-* headers never go upstream; only the
vendor headers of `FORWARDED` do (RULINGS 22).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.core import VERSION
from headgate.exchange import CHAT, ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate.config.runtime import Provider
    from headgate.exchange import Endpoint

FORWARDED = frozenset(
    {
        b"openai-organization",
        b"openai-project",
        b"openai-beta",
        b"idempotency-key",
        b"http-referer",
        b"x-title",
    }
)


def heads(provider: Provider) -> dict[Endpoint, bytes]:
    """By endpoint, what is the same in the heads of all requests; endpoints that it lacks are out."""
    if provider.dialect == "anthropic":
        return {CHAT: _head(provider, "/messages")}
    has = (endpoint for endpoint in ENDPOINTS if endpoint.label not in provider.lacks)
    return {endpoint: _head(provider, endpoint.path) for endpoint in has}


def _head(provider: Provider, path: str) -> bytes:
    host = f"[{provider.host}]" if ":" in provider.host else provider.host
    port = "" if provider.port == (443 if provider.tls else 80) else f":{provider.port}"
    lines = [
        f"POST {provider.base_path}{path} HTTP/1.1",
        f"host: {host}{port}",
        *(f"{name}: {value}" for name, value in provider.headers),
        "content-type: application/json",
        "accept-encoding: identity",
        f"user-agent: headgate/{VERSION}",
        "",
    ]
    return "\r\n".join(lines).encode("latin-1")


def forwarded(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The caller's vendor headers as header lines."""
    lines = [b"%b: %b\r\n" % (name, value) for name, value in headers if name in FORWARDED]
    return b"".join(lines) if lines else b""
