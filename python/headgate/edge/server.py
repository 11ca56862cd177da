"""The edge's own server: a BlackSheep application straight on an asyncio protocol.

Invariant: `drain` returns only when no connection is left; every connection that joined has left exactly
once.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from blacksheep import Application

from headgate.deadlines import Deadlines
from headgate.edge.connection import NS, Connection
from headgate.edge.head import HeadParser
from headgate.edge.limits import Limits, Load
from headgate.edge.request_id import RequestIds
from headgate.edge.response import RenderError, render_edge_errors
from headgate.edge.writer import CommonLines

BACKLOG = 4096


class Drained(NamedTuple):
    """What a drain found: requests that finished in time, requests that were aborted."""

    finished: int
    aborted: int


class Server:
    """Serves one application on one or more sockets."""

    def __init__(
        self,
        app: Application,
        limits: Limits,
        render_error: RenderError,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        panic_types: tuple[type[BaseException], ...] = (),
    ) -> None:
        """`clock` counts nanoseconds; `panic_types` are failures outside Exception that are contained."""
        self.limits = limits
        self.render_error = render_error
        self.clock_ns = clock
        self.contained: tuple[type[BaseException], ...] = (Exception, *panic_types)
        self.handle = app.handle
        self.load = Load(limits.max_bodies_bytes)
        self.ids = RequestIds()
        self.heads = HeadParser(limits, self.ids)
        self.common = CommonLines(time.time)
        self.deadlines = Deadlines(self.now, on_tick=self.common.refresh)
        self.connections: set[Connection] = set()
        self.draining = False
        self._app = app
        self._listeners: list[asyncio.AbstractServer] = []
        self._empty: asyncio.Event = asyncio.Event()
        render_edge_errors(app, render_error)

    def now(self) -> float:
        """The clock in seconds."""
        return self.clock_ns() * NS

    @property
    def port(self) -> int:
        """The port of the first listener."""
        address: tuple[str, int] = self._listeners[0].sockets[0].getsockname()  # type: ignore[attr-defined]
        return address[1]

    async def start(
        self, *, sock: socket.socket | None = None, host: str | None = None, port: int | None = None
    ) -> None:
        """Start the application if it is not started, and listen on `sock` or on `host` and `port`.

        May be called again for another listener.
        """
        loop = asyncio.get_running_loop()
        if not self._app.started:
            await self._app.start()  # type: ignore[no-untyped-call]
        if not self._listeners:
            self.deadlines.start(loop)

        def accept() -> Connection:
            return Connection(self, loop)

        if sock is not None:
            listener = await loop.create_server(accept, sock=sock, backlog=BACKLOG)
        else:
            listener = await loop.create_server(accept, host, port or 0, backlog=BACKLOG)
        self._listeners.append(listener)

    async def drain(self, timeout_s: float) -> Drained:
        """Stop listening, close what is idle, let requests finish for `timeout_s`, then abort the rest."""
        self.draining = True
        for listener in self._listeners:
            listener.close()
        busy = sum([connection.drain() for connection in list(self.connections)])
        aborted = 0
        if not await self._emptied(timeout_s):
            aborted = sum(connection.busy for connection in self.connections)
            for connection in list(self.connections):
                connection.abort()
            await self._emptied(timeout_s)
        self.deadlines.stop()
        return Drained(max(0, busy - aborted), aborted)

    async def _emptied(self, timeout_s: float) -> bool:
        if not self.connections:
            return True
        self._empty.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def join(self, connection: Connection) -> bool:
        """Count a new connection; False when there are too many."""
        full = len(self.connections) >= self.limits.max_connections
        self.connections.add(connection)
        self.deadlines.add(connection)
        return not full

    def leave(self, connection: Connection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        self.deadlines.discard(connection)
        if not self.connections:
            self._empty.set()
