"""The control listener's application: /metrics, /healthz, /readyz.

Invariant: on a listener that other machines reach, /metrics needs an admin key (RULINGS 27); the comparison
takes the same time for every wrong key.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, NamedTuple

import orjson
from blacksheep import Application, Request, Response, Router

from headgate.edge.body import Prepared
from headgate.observe.exposition import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_JSON = b"application/json"
_BEARER = b"bearer "
_SERVER_ERROR = 500


class Sources(NamedTuple):
    """What the endpoints ask of control."""

    scrape: Callable[[], Awaitable[bytes]]
    not_ready: Callable[[], str | None]
    admin_digests: Callable[[], list[str]]
    open_metrics: bool


def build(sources: Sources) -> Application:
    """The application."""
    # Without a router of its own an application shares one with every other in the process.
    app = Application(router=Router(), show_error_details=False)

    async def metrics(request: Request) -> Response:
        if not sources.open_metrics and not _is_admin(request, sources.admin_digests()):
            return _refusal(401, "authentication_error", "invalid_api_key", "Metrics need an admin key here.")
        return Response(200, None, Prepared(CONTENT_TYPE.encode(), await sources.scrape()))

    async def alive(request: Request) -> Response:
        del request
        return Response(200, None, Prepared(_JSON, b'{"status":"ok"}'))

    async def ready(request: Request) -> Response:
        del request
        reason = sources.not_ready()
        if reason is None:
            return Response(200, None, Prepared(_JSON, b'{"status":"ready"}'))
        return Response(503, None, Prepared(_JSON, orjson.dumps({"status": "not ready", "reason": reason})))

    async def unknown(request: Request) -> Response:
        del request
        return _refusal(
            404, "invalid_request_error", "not_found", "There is nothing here. See /metrics and /readyz."
        )

    app.router.add_get("/metrics", metrics)
    app.router.add_get("/healthz", alive)
    app.router.add_get("/readyz", ready)
    app.router.fallback = unknown
    return app


def render_error(status: int, code: str, message: str, path: bytes) -> tuple[bytes, bytes]:
    """The edge's own refusals on this listener."""
    del path
    kind = "server_error" if status >= _SERVER_ERROR else "invalid_request_error"
    return _JSON, _error(kind, code, message)


def _is_admin(request: Request, digests: list[str]) -> bool:
    header = request.get_first_header(b"authorization") or b""
    if not header.lower().startswith(_BEARER):
        return False
    digest = hashlib.sha256(header[len(_BEARER) :].strip()).hexdigest()
    return any(hmac.compare_digest(digest, known) for known in digests)


def _refusal(status: int, kind: str, code: str, message: str) -> Response:
    return Response(status, None, Prepared(_JSON, _error(kind, code, message)))


def _error(kind: str, code: str, message: str) -> bytes:
    return orjson.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})
