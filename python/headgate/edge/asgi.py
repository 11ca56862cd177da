"""The same application under any ASGI server: same requests, same bodies, same refusals.

Invariant: only the inbox calls `receive`, so a disconnect is seen at once whether the body was read or not.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from blacksheep import Application, Response

from headgate.edge import writer
from headgate.edge.limits import BodyTimeout, BodyTooLarge, ClientGone, Limits, Load, OverCapacity
from headgate.edge.request import CHUNKED, BodyContent, EdgeRequest, edge_request, note_headers
from headgate.edge.request_id import RequestIds
from headgate.edge.response import (
    Answer,
    RenderError,
    error_response,
    internal_error,
    plan,
    render_edge_errors,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger("headgate.edge")


class Inbox:
    """The receiving side of one ASGI request: the body, then the disconnect."""

    __slots__ = ("_body", "_limits", "_load", "_receive", "ended", "gone", "held", "over")

    def __init__(self, receive: Receive, limits: Limits, load: Load) -> None:
        self._receive = receive
        self._limits = limits
        self._load = load
        self._body = bytearray()
        self.ended = False
        self.gone = False
        self.over = asyncio.Event()
        self.held = 0

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            EdgeError: there is none.
        """
        try:
            async with asyncio.timeout(self._limits.body_timeout_s):
                while not self.ended:
                    self._take(await self._receive())
        except TimeoutError:
            raise BodyTimeout("The request body did not arrive in time") from None
        self.over.set()
        return bytes(self._body)

    async def disconnected(self) -> None:
        """Wait until the client is gone; only after the body, since both come through one `receive`."""
        while not self.gone:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.gone = True

    def release(self) -> None:
        """Give back what was counted."""
        self._load.give(self.held)
        self.held = 0

    def _take(self, message: Message) -> None:
        if message["type"] == "http.disconnect":
            self.gone = True
            raise ClientGone("The client closed before the request body was whole")
        part = message.get("body", b"")
        if len(self._body) + len(part) > self._limits.max_body_bytes:
            raise BodyTooLarge(f"The request body is larger than {self._limits.max_body_bytes} bytes")
        if not self._load.take(len(part)):
            raise OverCapacity("Too many request bodies are in flight; try again")
        self.held += len(part)
        self._body += part
        self.ended = not message.get("more_body", False)


class _Host:
    """One application with what its requests share."""

    __slots__ = ("app", "contained", "ids", "limits", "load", "render_error")

    def __init__(
        self,
        app: Application,
        limits: Limits,
        render_error: RenderError,
        panic_types: tuple[type[BaseException], ...],
    ) -> None:
        self.app = app
        self.limits = limits
        self.render_error = render_error
        self.contained: tuple[type[BaseException], ...] = (Exception, *panic_types)
        self.ids = RequestIds()
        self.load = Load(limits.max_bodies_bytes)
        render_edge_errors(app, render_error)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if not self.app.started:
            await self.app.start()  # type: ignore[no-untyped-call]
        inbox = Inbox(receive, self.limits, self.load)
        request = self._request(scope, inbox)
        try:
            await self._serve(request, inbox, send)
        finally:
            inbox.release()

    async def _serve(self, request: EdgeRequest, inbox: Inbox, send: Send) -> None:
        work = asyncio.ensure_future(self._answer(request, inbox, send))
        watch = asyncio.ensure_future(_watch(inbox, work))
        try:
            await work
        except asyncio.CancelledError:
            work.cancel()
            if not inbox.gone:
                raise
        finally:
            watch.cancel()

    async def _answer(self, request: EdgeRequest, inbox: Inbox, send: Send) -> None:
        answer = plan(request, await self._handle(request))
        inbox.over.set()
        await _send(request, answer, send)

    async def _handle(self, request: EdgeRequest) -> Response:
        if request.body_length > self.limits.max_body_bytes:
            error = BodyTooLarge(f"The request body is larger than {self.limits.max_body_bytes} bytes")
            return error_response(self.render_error, error, request.raw_path)
        try:
            return await self.app.handle(request)
        except self.contained:
            logger.exception("request %s failed", request.request_id)
            return internal_error(self.render_error, request)

    def _request(self, scope: Scope, inbox: Inbox) -> EdgeRequest:
        path = scope.get("raw_path") or scope["path"].encode()
        root = scope.get("root_path", "").encode()
        if root and path.startswith(root):
            path = path[len(root) :] or b"/"
        headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        fields = dict(headers)
        request = edge_request(scope["method"], (path, scope["query_string"]), headers)
        request.scope = scope  # type: ignore[assignment]  # BlackSheep's type is narrower than ASGI's
        request.received_ns = time.monotonic_ns()
        request.chunked = scope.get("http_version") != "1.0"
        request.keep_alive = True
        request.expects = False
        note_headers(request, headers)
        request.request_id = self.ids.accept(fields.get(b"x-request-id"))
        length = fields.get(b"content-length", b"")
        request.body_length = int(length) if length.isdigit() else CHUNKED * (b"transfer-encoding" in fields)
        request.whole = None
        request.reader = inbox
        if not request.body_length and scope.get("http_version", "1.1") in ("1.1", "1.0"):
            request.whole = b""
            inbox.over.set()
        else:
            request.content = BodyContent(request)
        return request


async def _watch(inbox: Inbox, work: "asyncio.Future[None]") -> None:
    """Stop the work for a client that left; an unread body hides the disconnect, since both come in order."""
    await inbox.over.wait()
    await inbox.disconnected()
    work.cancel()


async def _send(request: EdgeRequest, answer: Answer, send: Send) -> None:
    headers = writer.parse_lines(answer.lines + writer.SECURITY)
    if answer.framing.content_type:
        headers.append((b"content-type", answer.framing.content_type))
    if answer.framing.length is not None:
        headers.append((b"content-length", b"%d" % answer.framing.length))
    headers.append((b"x-request-id", request.request_id.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    relayed = answer.relayed
    if relayed is not None and request.method == "HEAD":
        relayed.source.gone()
    elif relayed is not None:
        await _send_parts(relayed.get_parts(), send)
    elif answer.stream is not None:
        await _send_parts(answer.stream(), send)
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


async def _send_parts(parts: AsyncIterator[bytes], send: Send) -> None:
    try:
        async for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
    finally:
        if isinstance(parts, AsyncGenerator):
            await parts.aclose()


def make_asgi(
    app: Application,
    limits: Limits,
    render_error: RenderError,
    *,
    panic_types: tuple[type[BaseException], ...] = (),
) -> AsgiApp:
    """The application as an ASGI callable, lifespan included; `panic_types` as for `Server`."""
    return _Host(app, limits, render_error, panic_types)
