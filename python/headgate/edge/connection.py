"""One client connection: heads in, tasks started, answers out, in order.

Invariant: at most one request is in its handler; bytes behind it stay raw in a bounded queue; after a refusal
nothing more is interpreted. Every request ends in `_over` (answered) or `connection_lost` (client gone),
never in both.
"""

import asyncio
from typing import TYPE_CHECKING, cast

from blacksheep import Content, Response

from headgate.deadlines import NEVER
from headgate.edge import writer
from headgate.edge.body import Prepared, Relayed, Source, let_go
from headgate.edge.head import check_partial
from headgate.edge.limits import BodyTimeout, ClientGone, EdgeError, OverCapacity, Refused
from headgate.edge.pending import PendingBody
from headgate.edge.phase import BUSY, CLOSED, DRAIN, HEAD, IDLE, LINGER
from headgate.edge.probe import Probe, harmless_bytes
from headgate.edge.request import BodyContent, EdgeRequest
from headgate.edge.response import Answer, edge_error, internal_error, plan, pump
from headgate.edge.runner import Runner
from headgate.edge.sinks import ClientSink, sink_for

if TYPE_CHECKING:
    from headgate.edge.server import Server

HEAD_END = b"\r\n\r\n"
DRAIN_BYTES = 64 * 1024
REFUSED_BYTES = 2048
NS = 1e-9


class Connection(asyncio.Protocol):
    """An asyncio protocol over one accepted socket."""

    __slots__ = (
        "_answered", "_at", "_begun_ns", "_half_closed", "_head", "_held", "_keep", "_limits", "_loop",
        "_parse", "_paused", "_pending", "_pipelined", "_queue", "_request", "_runner", "_server", "_sink",
        "_source", "_transport", "_writable", "deadline", "phase",
    )  # fmt: skip

    _transport: asyncio.Transport

    def __init__(self, server: "Server", loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self._limits = server.limits
        self._parse = server.heads.parse
        self.phase = IDLE
        self.deadline = NEVER
        self._queue = b""
        self._head = bytearray()
        self._at = self._pipelined = self._held = self._begun_ns = 0
        self._request: EdgeRequest | None = None
        self._pending: PendingBody | None = None
        self._runner = Runner(server, loop, self)
        self._source: Source | None = None
        self._sink: ClientSink | None = None
        self._writable: asyncio.Future[None] | None = None
        self._keep = self._answered = self._half_closed = self._paused = False

    # Transport callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class, not a subclass
        self._transport.set_write_buffer_limits(high=self._limits.write_high_bytes)
        self.deadline = self._server.now() + self._limits.idle_timeout_s
        if not self._server.join(self):
            self._refuse(OverCapacity("Too many connections; try again"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: whatever still works for it is stopped now."""
        self.phase = CLOSED
        self.deadline = NEVER
        sink, source = self._sink, self._source
        self._sink = self._source = None
        if sink is not None:
            sink.close()
        if source is not None:
            source.gone()
        self._runner.cancel()
        if self._writable is not None and not self._writable.done():
            self._writable.cancel()
        self._forget()
        self._queue = b""
        self._server.leave(self)

    def eof_received(self) -> bool:
        """The client shut its side; an answer that is due is still delivered."""
        self._half_closed = True
        if self.phase is not BUSY:
            return False
        if self._pending is not None:
            self._pending.fail(ClientGone("The client closed before the request body was whole"))
        self._probe()
        return True

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        phase = self.phase
        if phase is IDLE:
            self._begun_ns = self._server.clock_ns()
            self._begin(data, 0)
        elif phase is LINGER or phase is CLOSED:
            return
        elif phase is HEAD:
            self._continue_head(data)
        else:
            self._more(data)

    def pause_writing(self) -> None:
        """The client reads too slowly: hold the source back, and do not wait forever."""
        self._writable = self._loop.create_future()
        if self._source is not None:
            self._source.pause()
        if self.phase is BUSY:
            self.deadline = self._server.now() + self._limits.idle_timeout_s

    def resume_writing(self) -> None:
        """The client has read."""
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)
        if self._source is not None:
            self._source.resume()
        if self.phase is BUSY:
            self.deadline = NEVER
        elif self.phase is IDLE:
            self._next()

    # Reading

    def _begin(self, data: bytes, at: int) -> None:
        """A request starts at `at`."""
        try:
            found = self._parse(data, at, self._begun_ns)
            if found is None:
                self._partial(data[at:])
                return
            request, end = found
            last = end + request.body_length
            if end < last <= len(data):
                if not self._server.load.take(last - end):
                    raise OverCapacity("Too many request bodies are in flight; try again")
                self._held = last - end
                body = request.whole = data[end:last]
                request.content = Content(None, body)  # type: ignore[arg-type]  # the header tells
            elif last != end:
                last = self._receive(request, data, end)
            if last != len(data):
                self._keep_rest(data, last)
        except EdgeError as error:
            self._refuse(error, data[at : at + REFUSED_BYTES])
            return
        self.phase = BUSY
        self.deadline = NEVER
        self._request = request
        self._runner.run(request)

    def _receive(self, request: EdgeRequest, data: bytes, end: int) -> int:
        """Make a body that is not all there, or chunked, a pending one; returns where the next request is."""
        pending = PendingBody(request.body_length, self._limits, self._server.load, self._wanted)
        rest = pending.feed(data[end:])
        if pending.error is not None:
            pending.release()
            raise pending.error
        self._pending = pending
        request.reader = pending
        request.content = BodyContent(request)
        return len(data) - len(rest)

    def _partial(self, data: bytes) -> None:
        self.phase = HEAD
        self.deadline = self._begun_ns * NS + self._limits.header_timeout_s
        self._pipelined = 0
        self._resume()
        if data:
            self._continue_head(data)

    def _continue_head(self, data: bytes) -> None:
        """Collect a head that comes in parts; hopeless ones are refused before they are whole."""
        head = self._head
        seen = len(head)
        head += data
        if head.find(HEAD_END, max(0, seen - 3)) >= 0:
            self._head = bytearray()
            self._begin(bytes(head), 0)
            return
        try:
            check_partial(head, max(0, seen - 1), self._limits)
        except Refused as error:
            self._refuse(error, bytes(head))

    def _more(self, data: bytes) -> None:
        """Bytes while a request is under way: its body first, then the next request."""
        pending = self._pending
        if pending is None or pending.complete:
            self._enqueue(data)
            return
        rest = pending.feed(data)
        if rest:
            self._enqueue(rest)
        if self.phase is DRAIN:
            if pending.error is not None or pending.received_bytes > DRAIN_BYTES:
                self._close()
            elif pending.complete:
                self._forget()
                self._next()
        elif pending.complete:
            if self._writable is None:
                self.deadline = NEVER
        elif not pending.wanted and pending.received_bytes > DRAIN_BYTES:
            self._pause()

    def _wanted(self) -> None:
        """The application waits for the body."""
        pending, request = self._pending, self._request
        if pending is None or request is None or pending.complete:
            return
        self.deadline = self._server.now() + self._limits.body_timeout_s
        if request.expects and not pending.received_bytes and not self._answered and self.phase is BUSY:
            self._transport.write(writer.CONTINUE)
            request.expects = False
        self._resume()

    def _enqueue(self, data: bytes) -> None:
        """Keep bytes of later requests raw, behind those that are there."""
        self._keep_rest(self._queue[self._at :] + data if self._queue else data, 0)

    def _keep_rest(self, data: bytes, at: int) -> None:
        """What follows `at` waits its turn; an estimate of the number of requests decides on reading."""
        if data is not self._queue:
            self._queue = data
            self._pipelined = data.count(HEAD_END, at)
        self._at = at
        if len(data) - at > self._limits.max_queued_bytes or self._pipelined > self._limits.max_pipelined:
            self._pause()

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    # Answering

    def failed(self, request: EdgeRequest) -> None:
        """Nothing is known of the application's state: say 500 if nothing was said, and close."""
        if self._answered or self.phase is not BUSY:
            self.broken()
            return
        request.keep_alive = False
        self.answer(request, plan(request, internal_error(self._server.render_error, request)))

    def send(self, request: EdgeRequest, response: Response, content: Prepared | Relayed) -> None:
        """The usual answers, without a plan."""
        values = response.headers.values
        lines = writer.header_lines(values) + content.head if values else content.head
        if self.phase is not BUSY:
            let_go(content)
            return
        server = self._server
        if (
            request.keep_alive
            and request.chunked
            and self._pending is None
            and not (server.draining or self._half_closed)
        ):
            self._answered = self._keep = True
        else:
            lines += self._end_line(request, until_close=False)
        start = server.common.start(response.status)
        if isinstance(content, Prepared):
            self._transport.write(writer.whole(start, content, lines, request.request_id))
            self._over()
        else:
            self._transport.write(writer.begun(start, content, lines, request.request_id))
            self._relay(request, content)

    def answer(self, request: EdgeRequest, answer: Answer) -> None:
        """Write a planned answer that is there, or whose Source is."""
        if self.phase is not BUSY:
            let_go(answer.relayed)
            return
        head = self._render_head(request, answer)
        if answer.relayed is None:
            self._transport.write(head + answer.body if answer.body else head)
            self._over()
            return
        self._transport.write(head)
        self._relay(request, answer.relayed)

    def _render_head(self, request: EdgeRequest, answer: Answer) -> bytes:
        lines = answer.lines + self._end_line(request, until_close=answer.until_close)
        start = self._server.common.start(answer.status)
        return writer.head(start, answer.framing, lines, request.request_id)

    def _end_line(self, request: EdgeRequest, *, until_close: bool) -> bytes:
        """Decide whether the connection goes on after this answer; the header line that says so."""
        self._answered = True
        self._keep = request.keep_alive and not until_close and self._keeps(request)
        if not self._keep:
            return writer.CLOSE
        return b"" if request.chunked else writer.KEEP

    def _keeps(self, request: EdgeRequest) -> bool:
        if self._server.draining or (self._half_closed and not self._queue):
            return False
        pending = self._pending
        if pending is None or pending.complete:
            return True
        # A client that waits for 100-continue may or may not send the body now: so it is the end.
        return pending.error is None and not request.expects and 0 <= pending.remaining <= DRAIN_BYTES

    def _relay(self, request: EdgeRequest, content: Relayed) -> None:
        source = content.source
        if request.method == "HEAD":
            source.gone()
            self._over()
            return
        sink = sink_for(self, self._transport.write, content.sized, chunked=request.chunked)
        self._source, self._sink = source, sink
        source.attach(sink)
        if self._writable is not None and self._source is source:
            source.pause()

    def relay_finished(self) -> None:
        """The Source has written all."""
        self._source = self._sink = None
        self._over()

    def relay_broken(self) -> None:
        """The Source gave up: the client sees no clean end."""
        self._source = self._sink = None
        clean_end_is_close = self._request is None or not self._request.chunked
        self._forget()
        if clean_end_is_close:
            self._transport.abort()
        else:
            self._transport.close()

    async def stream(self, request: EdgeRequest, answer: Answer) -> None:
        """A body that BlackSheep's own generators make, part by part as the client takes it."""
        if self.phase is not BUSY or answer.stream is None:
            return
        self._transport.write(self._render_head(request, answer))
        await pump(answer, self._transport.write, lambda: self._writable)
        self._over()

    def _over(self) -> None:
        """The answer is written."""
        pending = self._pending
        if pending is None and self._keep and not self._queue:
            if self._held:
                self._server.load.give(self._held)
                self._held = 0
            self._request = None
            self._answered = False
            self.phase = IDLE
            self._wait()
        elif not self._keep:
            whole = (pending is None or pending.complete) and not self._queue
            self._forget()
            self._close(linger=not whole)
        elif pending is not None and not pending.complete:
            self.phase = DRAIN
            self.deadline = self._server.now() + self._limits.body_timeout_s
            self._request = None
            self._resume()
        else:
            self._next()

    def _forget(self) -> None:
        """Drop the request, and what was counted for it."""
        if self._pending is not None:
            self._pending.release()
            self._pending = None
        if self._held:
            self._server.load.give(self._held)
            self._held = 0
        self._request = None

    def _next(self) -> None:
        """Go on with the next request in the queue, or wait for one."""
        self._forget()
        self._answered = False
        self.phase = IDLE
        if not self._queue:
            self._wait()
        elif self._writable is None:
            queue, at = self._queue, self._at
            self._begun_ns = self._server.clock_ns()
            self._pipelined -= 1
            self._begin(queue, at)
            if self._queue is queue and self._at == at:
                self._queue = b""
                self._pipelined = self._at = 0
            if self._half_closed and self.phase is HEAD:
                self._close()
            elif len(self._queue) - self._at <= self._limits.max_queued_bytes // 2 and self._pipelined <= 0:
                self._resume()

    def _wait(self) -> None:
        if self._half_closed or self._server.draining:
            self._close()
            return
        self.deadline = self._server.clock_ns() * NS + self._limits.idle_timeout_s
        if self._paused:
            self._resume()

    def _refuse(self, error: EdgeError, data: bytes = b"") -> None:
        """Answer for the edge itself and close; nothing that follows is interpreted."""
        self._keep = False
        self._transport.write(edge_error(self._server, error, data))
        self._forget()
        self._close(linger=True)

    # Ending

    def _close(self, *, linger: bool = False) -> None:
        """Close after what is written; with `linger` the client can read it though it is still sending.

        Closing a socket with unread input resets it, and the reset destroys the answer on its way.
        """
        self._queue = b""
        if not linger or self._half_closed or self._transport.is_closing():
            self.phase = CLOSED if self._transport.is_closing() else LINGER
            self.deadline = self._server.now() + self._limits.linger_timeout_s
            self._transport.close()
            return
        self.phase = LINGER
        self.deadline = self._server.now() + self._limits.linger_timeout_s
        self._transport.write_eof()
        self._resume()

    def broken(self) -> None:
        """Nothing more can be answered."""
        if not self._transport.is_closing() or self.phase is not CLOSED:
            self._transport.abort()

    def expired(self, now: float) -> None:
        """A deadline has passed; called by the sweeper."""
        self.deadline = NEVER
        phase = self.phase
        if phase is HEAD:
            self._refuse(Refused(408, "header_timeout", "The request head did not arrive in time"))
        elif phase is BUSY and self._writable is None and self._pending is not None and not self._answered:
            self._pending.fail(BodyTimeout("The request body did not arrive in time"))
        else:
            self._transport.abort() if self._writable or phase is not IDLE else self._transport.close()

    def drain(self) -> bool:
        """The server is stopping: True if a request is under way and will be finished first."""
        if self.phase is IDLE:
            self._close()
        return self.busy

    @property
    def busy(self) -> bool:
        """A request is under way."""
        return self.phase is HEAD or self.phase is BUSY

    def abort(self) -> None:
        """Stop now, whatever is under way."""
        self._transport.abort()

    def _probe(self) -> None:
        """The client shut its side while its request is under way: find out whether it is still there."""
        request = self._request
        if request is None:
            return
        harmless = harmless_bytes(request, self._sink, answered=self._answered)
        if harmless is None:
            self._transport.abort()  # a relay must not run for nobody
        else:
            Probe(self._loop, self._transport, lambda: self._request is request).start(harmless)
