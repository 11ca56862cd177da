"""Liveness and readiness.

Invariant: /readyz is 503 only without config, while draining, or with no usable route (RULINGS 14).
"""

from collections.abc import Callable

import orjson
from blacksheep import Application, Request, Response

from headgate.api.answers import JSON
from headgate.edge.body import Prepared


def register(app: Application, not_ready: Callable[[], str | None]) -> None:
    """Add /healthz and /readyz; `not_ready` gives the reason why requests should go elsewhere."""

    async def alive(request: Request) -> Response:
        del request
        return Response(200, None, Prepared(JSON, b'{"status":"ok"}'))

    async def ready(request: Request) -> Response:
        del request
        reason = not_ready()
        if reason is None:
            return Response(200, None, Prepared(JSON, b'{"status":"ready"}'))
        return Response(503, None, Prepared(JSON, orjson.dumps({"status": "not ready", "reason": reason})))

    app.router.add_get("/healthz", alive)
    app.router.add_get("/readyz", ready)
