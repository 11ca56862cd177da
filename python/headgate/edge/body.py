"""Bodies of answers: whole ones with their header lines rendered already, and relayed ones that arrive later.

Invariant: a Source sees exactly one of `finish`/`abort` by itself or `gone` from the other side, and `gone`
at once.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Protocol

from blacksheep import Content
from blacksheep.contents import StreamedContent

QUEUE_HIGH_BYTES = 64 * 1024
QUEUE_LOW_BYTES = 16 * 1024


class Sink(Protocol):
    """The client's side, given to a Source.

    `chunked`: the Source writes chunk-framed bytes, whole chunks in every write, the terminal chunk included.
    """

    chunked: bool

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""

    def finish(self) -> None:
        """All bytes are written, the terminal chunk included; the answer is over."""

    def abort(self) -> None:
        """The body is broken: what was written goes out, then the connection closes without a clean end."""


class Source(Protocol):
    """A body that arrives later."""

    def attach(self, sink: Sink) -> None:
        """Called once, right after the head was written; what is buffered goes out now."""

    def pause(self) -> None:
        """The client's side is full."""

    def resume(self) -> None:
        """The client's side has room again."""

    def gone(self) -> None:
        """The client left, or does not want the body; nothing more is written."""


class Prepared(Content):
    """A whole body whose header lines (`name: value` and CR LF each) are rendered already.

    The edge adds content-type, content-length, date, connection and x-request-id; `head` must not have them.
    """

    __slots__ = ("head",)

    def __init__(self, content_type: bytes, body: bytes, head: bytes = b"") -> None:
        Content.__init__(self, content_type, body)
        self.head = head


class BodyBroken(Exception):
    """A relayed body ended without its end; makes an ASGI server drop the connection."""


async def _unused() -> AsyncGenerator[bytes, None]:
    yield b""


class Relayed(StreamedContent):
    """A body that the edge connects transport to transport.

    `sized` is its length in bytes where it is known; then the Source writes that many bytes, unframed.
    """

    __slots__ = ("head", "sized", "source")

    def __init__(
        self, content_type: bytes, source: Source, head: bytes = b"", sized: int | None = None
    ) -> None:
        super().__init__(content_type, _unused, -1 if sized is None else sized)
        self.head = head
        self.source = source
        self.sized = sized

    async def get_parts(self) -> AsyncGenerator[bytes, None]:  # type: ignore[override]  # its stub is wrong
        """The body for any ASGI server: unframed parts, the Source held back while the server is slow.

        Raises:
            BodyBroken: the Source gave up.
        """
        sink = QueueSink(self.source)
        self.source.attach(sink)
        try:
            while (part := await sink.next()) is not None:
                yield part
        finally:
            sink.leave()

    stream = get_parts  # type: ignore[assignment]  # as above

    async def read(self) -> bytes:
        """The whole body, for middlewares and tests."""
        return b"".join([part async for part in self.get_parts()])


def let_go(content: Content | None) -> None:
    """Nobody will take this body."""
    if isinstance(content, Relayed):
        content.source.gone()


class QueueSink:
    """A bounded queue between a Source and a coroutine."""

    __slots__ = ("_ended", "_parts", "_paused", "_queued", "_source", "_waiter", "broken", "chunked")

    def __init__(self, source: Source) -> None:
        self.chunked = False
        self.broken = False
        self._source = source
        self._parts: deque[bytes] = deque()
        self._queued = 0
        self._paused = False
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    def write(self, data: bytes) -> None:
        """Queue bytes; the Source is paused above QUEUE_HIGH_BYTES."""
        if self._ended or not data:
            return
        self._parts.append(data)
        self._queued += len(data)
        if self._queued > QUEUE_HIGH_BYTES and not self._paused:
            self._paused = True
            self._source.pause()
        self._wake()

    def finish(self) -> None:
        """The body is whole."""
        self._ended = True
        self._wake()

    def abort(self) -> None:
        """The body is broken."""
        self._ended = self.broken = True
        self._wake()

    def leave(self) -> None:
        """The reader stops; the Source is told unless it had ended."""
        if not self._ended:
            self._ended = True
            self._source.gone()

    async def next(self) -> bytes | None:
        """The next part, None at the end.

        Raises:
            BodyBroken: after the last part of a body that was aborted.
        """
        while not self._parts:
            if self.broken:
                raise BodyBroken
            if self._ended:
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        part = self._parts.popleft()
        self._queued -= len(part)
        if self._paused and self._queued <= QUEUE_LOW_BYTES:
            self._paused = False
            if not self._ended:
                self._source.resume()
        return part

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
