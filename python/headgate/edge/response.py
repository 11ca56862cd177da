"""From a BlackSheep response to what has to be written.

Invariant: an `Answer` says one way of framing: a length, chunks, or the end of the connection.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, NamedTuple, cast

from blacksheep import Application, Request, Response
from blacksheep.contents import StreamedContent

from headgate.edge import writer
from headgate.edge.body import Prepared, Relayed, let_go
from headgate.edge.limits import EdgeError
from headgate.edge.request import EdgeRequest

if TYPE_CHECKING:
    from headgate.edge.server import Server

RETRY_AFTER = b"retry-after: 1\r\n"
UNAVAILABLE = 503
RenderError = Callable[[int, str, str, bytes], tuple[bytes, bytes]]
"""(status, code, message, path) -> (content type, body)."""


class Answer(NamedTuple):
    """What to write: `body` whole, or `relayed`, or `stream` with `chunk` framing."""

    status: int
    framing: writer.Framing
    lines: bytes
    body: bytes = b""
    relayed: Relayed | None = None
    stream: Callable[[], AsyncIterator[bytes]] | None = None
    chunk: bool = False
    until_close: bool = False


def direct(request: EdgeRequest, response: Response) -> Prepared | Relayed | None:
    """The body, where the answer needs no plan: it has one, and a length or chunks frame it."""
    content = response.content
    if request.method == "HEAD" or response.status in writer.BODILESS or response.status < writer.FIRST_FINAL:
        return None
    if isinstance(content, Prepared):
        return content if content.type else None
    if isinstance(content, Relayed) and content.type and (request.chunked or content.sized is not None):
        return content
    return None


def plan(request: EdgeRequest, response: Response) -> Answer:
    """How `response` answers `request`."""
    content = response.content
    status = response.status
    values = response.headers.values
    lines = writer.header_lines(values) if values else b""
    if content is None or writer.bodiless(status):
        bare = writer.bodiless(status)
        let_go(content)
        return Answer(status, writer.Framing(None, None if bare else 0, bare), lines)
    if isinstance(content, Prepared):
        lines += content.head
    elif isinstance(content, StreamedContent):
        return _later(request, status, content, lines)
    framing = writer.Framing(content.type, content.length)
    return Answer(status, framing, lines, b"" if request.method == "HEAD" else content.body)


async def pump(
    answer: Answer, write: Callable[[bytes], None], full: Callable[[], asyncio.Future[None] | None]
) -> None:
    """Write `answer.stream` part by part; waits while `full` has something to wait for."""
    if answer.stream is None:
        return
    async for part in answer.stream():
        if part:
            write(b"%x\r\n%b\r\n" % (len(part), part) if answer.chunk else part)
        waiter = full()
        if waiter is not None:
            await waiter
    if answer.chunk:
        write(b"0\r\n\r\n")


def _later(request: EdgeRequest, status: int, content: StreamedContent, lines: bytes) -> Answer:
    length = content.length if content.length >= 0 else None
    until_close = length is None and not request.chunked
    framing = writer.Framing(content.type, length, until_close)
    if isinstance(content, Relayed):
        return Answer(status, framing, lines + content.head, relayed=content, until_close=until_close)
    if request.method == "HEAD":
        return Answer(status, framing, lines)
    chunk = length is None and request.chunked
    parts = cast("Callable[[], AsyncIterator[bytes]]", content.get_parts)  # BlackSheep's stub is wrong
    return Answer(status, framing, lines, stream=parts, chunk=chunk, until_close=until_close)


def edge_error(server: "Server", error: EdgeError, data: bytes) -> bytes:
    """A whole answer made by the edge itself; `data`, what was received, tells the path."""
    target = data[:2048].partition(b"\r\n")[0].split(b" ")
    path = target[1].partition(b"?")[0] if len(target) > 1 else b""
    content_type, body = server.render_error(error.status, error.code, error.message, path)
    lines = writer.CLOSE + (RETRY_AFTER if error.status == UNAVAILABLE else b"")
    framing = writer.Framing(content_type, len(body))
    head = writer.head(server.common.start(error.status), framing, lines, server.ids.new())
    return head if data.startswith(b"HEAD ") else head + body


def error_response(render: RenderError, error: EdgeError, path: bytes) -> Response:
    """The same refusal, where the application's handler met it."""
    content_type, body = render(error.status, error.code, error.message, path)
    lines = RETRY_AFTER if error.status == UNAVAILABLE else b""
    return Response(error.status, None, Prepared(content_type, body, lines))


def internal_error(render: RenderError, request: EdgeRequest) -> Response:
    """500, without a word about the cause."""
    content_type, body = render(500, "internal", "Something went wrong inside the gateway.", request.raw_path)
    return Response(500, None, Prepared(content_type, body))


def render_edge_errors(app: Application, render_error: RenderError) -> None:
    """Let `app` answer an EdgeError of a body with `render_error`, unless it has its own handler."""

    async def handler(_app: Application, request: Request, error: EdgeError) -> Response:
        return error_response(render_error, error, cast("EdgeRequest", request).raw_path)

    if EdgeError not in app.exceptions_handlers:
        app.exceptions_handlers[EdgeError] = handler
