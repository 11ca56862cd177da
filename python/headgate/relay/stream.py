"""The client's end of a streamed answer: what the edge attaches to, and what the attempts write into.

Invariant: the client sees a whole stream, or one that ends with an error event and no [DONE]; the relay ends
once.
Two points matter (RULINGS 16): *begun*, when status and head may go out, and *committed*, when content did.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from headgate.core import keep_alive, stream_error
from headgate.ports import Listener, Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.errors import RequestError
    from headgate.exchange import Endpoint

KEEP_ALIVE_S = 15.0
BUFFER_BYTES = 64 * 1024


class Sink(Writer, Protocol):
    """The client's side, given by the edge."""

    chunked: bool

    def finish(self) -> None:
        """The response is over."""

    def abort(self) -> None:
        """The response is broken beyond telling."""


class Upstream(Protocol):
    """Where the bytes come from: a provider's connection, or the echo model."""

    sink: Writer | None
    read_at: float
    first_token_ns: int

    @property
    def mid_event(self) -> bool:
        """Part of an event is on the wire: no comment may be put here."""

    def relay_to(self, sink: Writer, listener: Listener) -> None:
        """Pass on what came and what comes; tell the listener how it ended."""

    def pause(self) -> None:
        """Stop reading."""

    def resume(self) -> None:
        """Read on."""

    def abort(self) -> None:
        """Close at once."""


class StreamRelay:
    """One streamed answer, over all its attempts."""

    __slots__ = (
        "_buffer",
        "_buffered_bytes",
        "_clock",
        "_connection",
        "_endpoint",
        "_finished",
        "_paused",
        "_sink",
        "_told",
        "begun",
        "cancel",
        "chunked",
        "deadline",
        "gone_away",
        "keep_alive_s",
        "outcome",
    )

    def __init__(
        self,
        clock: Callable[[], float],
        endpoint: Endpoint,
        *,
        chunked: bool,
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        self.chunked = chunked
        self._endpoint = endpoint
        self._told = False
        self.keep_alive_s = keep_alive_s
        self._clock = clock
        self._sink: Sink | None = None
        self._buffer: list[bytes] = []
        self._buffered_bytes = 0
        self._connection: Upstream | None = None
        self._paused = False
        self._finished = False
        self.gone_away = False
        self.cancel: Callable[[], object] | None = None
        loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[RequestError | None] = loop.create_future()
        self.outcome: asyncio.Future[RequestError | None] | None = None
        self.deadline = clock() + keep_alive_s

    # --- the edge's side (a Source)

    def attach(self, sink: Sink) -> None:
        """The head was written: what waits goes out, and the upstream writes to `sink` from now on."""
        self._sink = sink
        buffer, self._buffer = self._buffer, []
        for part in buffer:
            sink.write(part)
        connection = self._connection
        if connection is not None and connection.sink is self:
            connection.sink = sink
            if not self._paused:
                connection.resume()
        if self._finished:
            sink.finish()

    def pause(self) -> None:
        """The client is slow: hold the provider back."""
        self._paused = True
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """The client caught up."""
        self._paused = False
        if self._connection is not None:
            self._connection.resume()

    def gone(self) -> None:
        """The client left: close the provider at once."""
        self.gone_away = True
        if self._connection is not None:
            self._connection.abort()
        elif self.cancel is not None:
            self.cancel()
        self._resolve(None)

    # --- the pipeline's side

    def start(self, connection: Upstream) -> asyncio.Future[RequestError | None]:
        """Pass a judged connection's bytes on; the future tells how the stream ended."""
        self._connection = connection
        self.outcome = asyncio.get_running_loop().create_future()
        if not self.begun.done():
            self.begun.set_result(None)
        connection.relay_to(self._sink or self, self)
        if self._paused:
            connection.pause()
        if self.gone_away:
            self.gone()
        return self.outcome

    @property
    def early_sink(self) -> Sink | None:
        """The client's side when its head went out before any upstream answered."""
        return self._sink

    def ended(self, error: RequestError | None) -> None:
        """The upstream's side is over (a `Listener`)."""
        connection = self._connection
        self._told |= connection is not None and bool(connection.first_token_ns)
        if error is not None and connection is not None and not connection.mid_event:
            # Another attempt may follow: a client that leaves then must end that one, not this.
            self._connection = None
        self._resolve(error)

    def write(self, data: bytes) -> None:
        """Keep bytes until the edge attaches; more than 64 KiB holds the provider back."""
        if self._sink is not None:
            self._sink.write(data)
            return
        self._buffer.append(data)
        self._buffered_bytes += len(data)
        if self._buffered_bytes > BUFFER_BYTES and self._connection is not None:
            self._connection.pause()

    def fail(self, error: RequestError) -> None:
        """End with an error: its own status if nothing was sent, else an error event and no [DONE].

        In the middle of an event that is too large to hold there is no place for one: the connection is
        broken off.
        """
        if not self.begun.done():
            self.begun.set_result(error)
            self._finished = True
            return
        if self._sink is not None and self._connection is not None and self._connection.mid_event:
            self._finished = True
            self._sink.abort()
            return
        names = (error.type, error.code)
        self.write(stream_error(self._endpoint.number, self.chunked, self._told, error.message, names))
        self.finish()

    def finish(self) -> None:
        """All bytes were written, terminal chunk included."""
        if self._finished:
            return
        self._finished = True
        self.deadline = float("inf")
        self._connection = None
        if self._sink is not None and not self.gone_away:
            self._sink.finish()

    def expired(self, now: float) -> None:
        """Nothing was sent for a while: begin, or send a comment, so that nothing in between gives up."""
        connection = self._connection
        last = connection.read_at if connection is not None else 0.0
        if last + self.keep_alive_s > now:
            self.deadline = last + self.keep_alive_s
            return
        self.deadline = now + self.keep_alive_s
        if not self.begun.done():
            self.begun.set_result(None)
        quiet = connection is None or not connection.mid_event
        if self._endpoint.comments and not self._paused and quiet:
            self.write(keep_alive(self.chunked))

    def _resolve(self, error: RequestError | None) -> None:
        if self.outcome is not None and not self.outcome.done():
            self.outcome.set_result(error)
        if not self.begun.done():
            self.begun.cancel()
