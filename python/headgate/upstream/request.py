"""The bytes of an upstream request's head.

Invariant: the caller's credentials, cookies, hop-by-hop and x-headgate-* headers never go upstream; only the
vendor headers of `FORWARDED` do (RULINGS 22).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.core import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate.config.runtime import Provider

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


def request_head(provider: Provider, path: str) -> bytes:
    """Everything of the head that is the same for all requests to one endpoint of a provider."""
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
