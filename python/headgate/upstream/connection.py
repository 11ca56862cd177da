"""One upstream connection: an asyncio transport around the native reader.

Invariant: exactly one answer is awaited at a time, and whoever awaits it hears of its end once: the future of
`begin` resolves when the answer can be judged (whole, or its first bytes are there), the listener hears of a
relay's end.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

from headgate.errors import Failure, RequestError
from headgate.upstream.outbox import send

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.config.runtime import Provider, Timeouts
    from headgate.core import Reader
    from headgate.plan import Step
    from headgate.ports import Listener, Writer
    from headgate.upstream.outbox import Outbox

READY, HEAD, COMMITTED, DONE, FAILED, OUTGOING, GOOD = 1, 2, 4, 8, 16, 32, 64
ENDED = DONE | FAILED
CHUNKED, CAPTURE = 2, 8

TRAILING_S = 1.0
"""How long the end of a body is waited for after the stream's own end; then the connection is not kept."""

_BROKEN = {
    "truncated": (Failure.UPSTREAM_TRUNCATED, "The provider's stream ended before it was complete."),
    "error_event": (Failure.UPSTREAM_ERROR, "The provider reported an error in the stream."),
    "no_response": (Failure.UPSTREAM_RESET, "The provider closed the connection without an answer."),
    "tls": (Failure.UPSTREAM_CONNECT, "The TLS connection to the provider failed."),
}
_GARBAGE = (Failure.UPSTREAM_GARBAGE, "The provider's answer could not be read.")


class Connection(asyncio.Protocol):
    """A socket to a provider; made by the pool, lent to one attempt at a time."""

    __slots__ = (
        "_clock",
        "_loop",
        "_lost",
        "_outbox",
        "_phase",
        "_start",
        "_total_at",
        "_waiter",
        "deadline",
        "first_token_ns",
        "idle_since",
        "listener",
        "parked",
        "parts",
        "passed",
        "paused",
        "provider",
        "read_at",
        "reader",
        "sink",
        "timeouts",
        "transport",
        "unsent",
        "used",
    )

    def __init__(
        self,
        reader: Reader,
        loop: asyncio.AbstractEventLoop,
        outbox: Outbox,
        lost: Callable[[Connection], None],
    ) -> None:
        """`lost` is told when the socket is gone."""
        self.reader = reader
        self._outbox = outbox
        self.unsent = b""
        self._lost = lost
        self._loop = loop
        self._clock = loop.time
        self._waiter: asyncio.Future[None] | None = None
        self.transport: asyncio.Transport | None = None
        self.sink: Writer | None = None
        self.listener: Listener | None = None
        self.parts: list[bytes] = []
        self.parked: Callable[[], None] | None = None
        self.used = False
        self.passed = False
        self.paused = False
        self.idle_since = 0.0
        self.read_at = 0.0
        self.first_token_ns = 0
        self.deadline = float("inf")
        self._start = 0.0
        self._total_at = float("inf")
        self._phase = "connect"
        self.timeouts: Timeouts | None = None
        self.provider: Provider | None = None

    # --- transport callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the TLS handshake when there is one."""
        self.transport = cast("asyncio.Transport", transport)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Pass bytes through the reader: one native call, one write."""
        reader = self.reader
        out = reader.feed(data)
        self.read_at = self._clock()
        if out is not None:
            sink = self.sink
            if sink is not None:
                sink.write(out)
            else:
                self.parts.append(out)
        flags = reader.flags
        if self.first_token_ns == 0 and flags & COMMITTED:
            self.first_token_ns = time.monotonic_ns()
        if flags & OUTGOING or self._phase == "connect":
            # The last word of a handshake may be the provider's (TLS 1.2): then there is nothing to write.
            self._flush()
        waiter = self._waiter
        if waiter is not None and (
            flags & ENDED or self.parts or (self.sink is not None and out is not None)
        ):
            self._waiter = None
            self.passed = out is not None
            if not waiter.done():
                waiter.set_result(None)
        if flags & ENDED:
            if self.listener is not None:
                self._end()
            elif self.parked is not None and not reader.trailing:
                self._free()

    def eof_received(self) -> bool:
        """The provider closed its side; the transport may close."""
        self._closed()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, cleanly or not."""
        self.transport = None
        self._lost(self)
        self._closed()

    # --- one answer

    def handshake(self) -> asyncio.Future[None]:
        """Resolves when TLS is up, or has failed."""
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def begin(self, request: bytes, step: Step, total_at: float, sink: Writer | None) -> asyncio.Future[None]:
        """Send a request that the reader is armed for; bytes of the answer pass to `sink`.

        The future resolves when the answer can be judged. `total_at`: the loop's second at which all is late.
        """
        self._waiter = waiter = self._loop.create_future()
        if self.parts:
            self.parts = []
        self.sink = sink
        self.passed = False
        self.first_token_ns = 0
        self.timeouts = step.timeouts
        self._start = self.read_at = now = self._clock()
        self._total_at = total_at
        self._phase = "first byte"
        # The first look is at the shortest phase: which phase it is in by then, `expired` sees.
        look_at = now + step.look_s
        self.deadline = look_at if look_at < total_at else total_at
        if self.transport is None:
            waiter.set_result(None)
        else:
            self.unsent = request
            self._outbox.put(self)
        return waiter

    def judge(self) -> bool:
        """Whether there is an answer; False when a kept connection was closed before any byte of one came.

        Raises:
            RequestError: there is none, or it broke before any of it was passed on.
        """
        flags = self.reader.flags
        if flags & HEAD and not flags & FAILED:
            return True
        if self.used and not flags & HEAD and self.reader.failure == "no_response":
            return False
        error = self.error()
        if error is not None and not self.passed:
            self.abort()
            raise error
        return True

    def relay_to(self, sink: Writer, listener: Listener) -> None:
        """Hand what came and what comes to `sink`; `listener` hears of the end, perhaps at once."""
        self.sink = sink
        self.listener = listener
        parts, self.parts = self.parts, []
        for part in parts:
            sink.write(part)
        if self.reader.flags & ENDED:
            self._end()

    def error(self) -> RequestError | None:
        """What went wrong with the answer so far, None when nothing did."""
        reader = self.reader
        if not reader.flags & FAILED:
            return None if reader.flags & (DONE | HEAD) else RequestError(*_BROKEN["no_response"])
        failure, message = _BROKEN.get(reader.failure or "", _GARBAGE)
        if reader.failure == "truncated" and not reader.relaying:
            message = "The provider closed the connection in the middle of its answer."
        if reader.failure == "error_event" and reader.error_event:
            message = reader.error_event
        return RequestError(failure, message)

    def usage(self) -> tuple[int, int, int, int] | None:
        """Prompt, completion, cached and reasoning tokens as the provider told them."""
        return self.reader.usage()

    @property
    def mid_event(self) -> bool:
        """Part of an event is on the wire."""
        return self.reader.mid_event

    def abort(self) -> None:
        """Close at once: the provider must stop producing."""
        self.listener = None
        self.sink = None
        self.deadline = float("inf")
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.abort()

    def park(self, free: Callable[[], None]) -> None:
        """The client has everything; call `free` when the last bytes of the body have come."""
        self.parked = free
        self.deadline = self._clock() + TRAILING_S

    def pause(self) -> None:
        """Stop reading: the client is slower than the provider."""
        if self.transport is not None and not self.paused:
            self.paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self.paused:
            self.paused = False
            self.read_at = self._clock()
            if self.transport is not None:
                self.transport.resume_reading()

    # --- deadlines

    def expired(self, now: float) -> None:
        """The sweeper's call at `deadline`: fail the phase that is late, or set the next deadline."""
        if self.parked is not None:
            self.parked = None
            self.abort()
            return
        due = min(self._due(now), self._total_at)
        if now < due:
            self.deadline = min(due, self._next_look(now))
            return
        if due == self._total_at:
            self._phase = "whole answer"
        self.deadline = float("inf")
        late = RequestError(
            Failure.UPSTREAM_TIMEOUT, f"The provider was too slow: {self._phase} did not come in time."
        )
        waiter, self._waiter = self._waiter, None
        listener, self.listener = self.listener, None
        self.abort()
        if waiter is not None and not waiter.done():
            waiter.set_exception(late)
        elif listener is not None:
            listener.ended(late)

    def _next_look(self, now: float) -> float:
        """When a phase that begins after `now` could be late at the earliest."""
        timeouts = self.timeouts
        if timeouts is None:
            return float("inf")
        first_token_at = self._start + timeouts.first_token_s
        idle_at = now + timeouts.idle_s
        return min(first_token_at, idle_at) if first_token_at > now else idle_at

    def _due(self, now: float) -> float:
        reader, timeouts = self.reader, self.timeouts
        if timeouts is None:
            return float("inf")
        if not reader.flags & HEAD:
            return self._start + timeouts.first_byte_s
        if reader.relaying and not reader.flags & COMMITTED:
            self._phase = "first token"
            return self._start + timeouts.first_token_s
        self._phase = "next part"
        return (now if self.paused else self.read_at) + timeouts.idle_s

    # --- ends

    def _flush(self) -> None:
        # Sealed before this, so it goes before this: TLS counts its records.
        send(self)
        data = self.reader.outgoing()
        if data is not None and self.transport is not None:
            self.transport.write(data)
        if self._phase == "connect" and self.reader.flags & (READY | FAILED):
            waiter, self._waiter = self._waiter, None
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    def _free(self) -> None:
        free, self.parked = self.parked, None
        self.deadline = float("inf")
        if free is not None:
            free()

    def _closed(self) -> None:
        if self.parked is not None:
            self.parked = None
            self.abort()
            return
        out = self.reader.eof()
        if out is not None:
            (self.sink.write if self.sink is not None else self.parts.append)(out)
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        if self.listener is not None:
            self._end()

    def _end(self) -> None:
        listener, self.listener = self.listener, None
        self.sink = None
        self.deadline = float("inf")
        if listener is not None:
            listener.ended(self.error())
