"""The gateway as an ASGI application: `uvicorn headgate.asgi:app`.

Invariant: every process of the server takes a seat at the same ledger, so limits never multiply; the first
one holds the state directory and keeps the books (RULINGS 8). The configuration is found as `headgate serve`
finds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

from headgate.app import build
from headgate.control.clerk import Clerk
from headgate.control.credentials.keeper import Keeper
from headgate.control.preparation import prepare_host, seat_count
from headgate.control.statedir import sit_down
from headgate.edge.asgi import AsgiApp, Message, Receive, Scope, Send, make_asgi
from headgate.errors import HeadgateError
from headgate.settle.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path

    from headgate.app import WorkerApp
    from headgate.control.channel import Credentials
    from headgate.control.statedir import Seat


class NoSeatError(HeadgateError):
    """More server processes than `server.workers` has places for."""


class Gateway:
    """An ASGI application that starts with its server's lifespan and drains with it."""

    def __init__(self, config: Path | None = None) -> None:
        """`config` None looks for HEADGATE_CONFIG and ./headgate.yaml."""
        self._config = config
        self._app: AsgiApp | None = None
        self._worker: WorkerApp | None = None
        self._spool: Spool | None = None
        self._seat: Seat | None = None
        self._clerk: Clerk | None = None
        self._keeper: Keeper | None = None
        self._hours: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope of the ASGI server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if self._app is None:
            self._app = await self.start()
        await self._app(scope, receive, send)

    async def start(self) -> AsgiApp:
        """Join the ledger and build the application.

        Raises:
            ConfigError: the configuration cannot be used.
            NoSeatError: all places are taken.
        """
        hosted = prepare_host(self._config)
        seats = seat_count(hosted.runtime.server.workers)
        self._seat = seat = sit_down(hosted.directory, seats)
        if seat is None:
            message = f"all {seats} places are taken; raise server.workers to the number of server processes"
            raise NoSeatError(message)
        if hosted.state is not None:
            self._clerk = clerk = Clerk(hosted.state, hosted.segment.ledger, seats, lambda: hosted.runtime)
            await clerk.reclaim(seat.index)
            self._hours = asyncio.get_running_loop().create_task(clerk.run())
        self._spool = Spool(hosted.directory / "spool", hosted.segment.ledger.segment_id, seat.index)
        self._worker = worker = build(hosted.runtime, hosted.segment.ledger, seat.index, self._spool)
        self._keeper = Keeper(lambda message: fill(worker, message))
        self._keeper.apply(hosted.runtime.providers)
        await worker.start()
        self._app = app = make_asgi(
            worker.application, worker.limits, worker.render_error, panic_types=worker.panic_types
        )
        return app

    async def stop(self) -> None:
        """Settle what is in flight, put the spool on disk, leave the seat."""
        if self._keeper is not None:
            await self._keeper.close()
        if self._worker is not None and self._spool is not None:
            await self._worker.stop()
            self._spool.close()
        if self._hours is not None and self._clerk is not None:
            self._hours.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._hours
            await self._clerk.close()
        if self._seat is not None:
            os.close(self._seat.lock_fd)
        self._app = self._worker = self._spool = self._seat = self._clerk = self._hours = self._keeper = None

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except HeadgateError as error:
            await send(_event("lifespan.startup.failed", str(error)))
            return
        await send(_event("lifespan.startup.complete"))
        await receive()
        await self.stop()
        await send(_event("lifespan.shutdown.complete"))


def fill(worker: WorkerApp, message: Credentials) -> None:
    """Give the application what a keeper fetched."""
    worker.credentials.apply(message.provider, message.secret, message.expires_ms)


def _event(kind: str, message: str = "") -> Message:
    return {"type": kind, "message": message} if message else {"type": kind}


app = Gateway()
