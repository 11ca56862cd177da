"""One task for a connection, which answers its requests one after the other.

Invariant: one request at a time is in its handler; while the next one is waited for, the last is forgotten.
A task for each request would cost 2 µs more. The price: a context variable that one request sets is seen by
the next of the same connection, so whoever sets one resets it.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from blacksheep import Response

from headgate.edge.body import Prepared, Relayed
from headgate.edge.request import EdgeRequest
from headgate.edge.response import Answer, direct, plan

if TYPE_CHECKING:
    from headgate.edge.server import Server

logger = logging.getLogger("headgate.edge")


class Client(Protocol):
    """Where answers go."""

    def send(self, request: EdgeRequest, response: Response, content: Prepared | Relayed) -> None:
        """Write one of the usual answers."""

    def answer(self, request: EdgeRequest, answer: Answer) -> None:
        """Write a planned answer that is there, or whose Source is."""

    async def stream(self, request: EdgeRequest, answer: Answer) -> None:
        """Write a body that is made part by part, as the client takes it."""

    def failed(self, request: EdgeRequest) -> None:
        """Nothing is known of the application's state."""

    def broken(self) -> None:
        """The task was cancelled: end the connection."""


class Runner:
    """Hands requests to the application, and its answers to the client."""

    __slots__ = ("_client", "_following", "_idle", "_loop", "_server", "_task")

    def __init__(self, server: "Server", loop: asyncio.AbstractEventLoop, client: Client) -> None:
        self._server = server
        self._loop = loop
        self._client = client
        self._task: asyncio.Task[None] | None = None
        self._idle: asyncio.Future[EdgeRequest] | None = None
        self._following: EdgeRequest | None = None

    def run(self, request: EdgeRequest) -> None:
        """Answer this request next: the one before it was answered, perhaps in this very call."""
        idle = self._idle
        if idle is not None:
            self._idle = None
            idle.set_result(request)
        elif self._task is None:
            # No factory is asked: this task is nobody else's. A name spares one made from a counter.
            self._task = asyncio.Task(self._run(request), loop=self._loop, name="connection")
        else:
            self._following = request

    def cancel(self) -> None:
        """The connection is lost: stop what works for it."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self, request: EdgeRequest) -> None:
        handle, contained, client = self._server.handle, self._server.contained, self._client
        response: Response | None
        while True:
            try:
                response = await handle(request)
                content = direct(request, response)
                if content is not None:
                    client.send(request, response, content)
                else:
                    await self._answer(request, plan(request, response))
            except asyncio.CancelledError:
                client.broken()
                raise
            except contained:
                logger.exception("request %s failed", request.request_id)
                client.failed(request)
            following, self._following = self._following, None
            if following is None:
                del request
                response = content = None
                self._idle = idle = self._loop.create_future()
                following = await idle
            request = following

    async def _answer(self, request: EdgeRequest, answer: Answer) -> None:
        if answer.stream is not None:
            await self._client.stream(request, answer)
        else:
            self._client.answer(request, answer)
