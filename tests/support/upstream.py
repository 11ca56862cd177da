"""A provider under the test's control: it answers by a script, byte by byte.

Invariant: what a script says is exactly what is on the wire; nothing is added, nothing is answered unasked.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

PATIENCE_S = 8.0
_LINGER_NOT = struct.pack("ii", 1, 0)


class End(Enum):
    """What a script may do instead of sending; without one, the connection waits for its next request."""

    RESET = "TCP reset"
    CLOSE = "clean end"
    HANG = "nothing more until the other side leaves"


class Gate:
    """A point in scripts that the test opens."""

    def __init__(self) -> None:
        self._opened: Future[None] = Future()
        self._arrivals = threading.Semaphore(0)

    def reached(self, times: int = 1) -> None:
        """Return when scripts have come here so many times more."""
        for _ in range(times):
            assert self._arrivals.acquire(timeout=PATIENCE_S), "no script came to the gate"

    def open(self) -> None:
        """Let scripts pass, now and later."""
        if not self._opened.done():
            self._opened.set_result(None)

    async def passed(self) -> None:
        """The script's side."""
        self._arrivals.release()
        await asyncio.shield(asyncio.wrap_future(self._opened))


Step = bytes | Gate | End


@dataclass
class Received:
    """A request as the provider saw it, and how its connection fares."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    nth: int
    """Which request of its connection this is, from 1."""
    sent_bytes: int = 0
    """Bytes that the sockets took from the script."""
    closed: threading.Event = field(default_factory=threading.Event)
    """Set when the connection is gone."""

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        return cast("dict[str, Any]", json.loads(self.body))

    @property
    def model(self) -> str:
        """The model that is asked."""
        return str(self.json.get("model", ""))


Script = Iterable[Step] | Callable[[Received], Iterable[Step]]


class Upstream:
    """An HTTP/1.1 server in a thread; used as a context manager.

    Attributes:
        handshakes: of each TLS connection, whether it resumed a session.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """Plain HTTP without `tls`."""
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._scripts: dict[str, list[Script]] = {}
        self._received: list[Received] = []
        self._news = threading.Condition()
        self._wires: set[_Wire] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.connections = 0
        self.handshakes: list[bool] = []

    @property
    def url(self) -> str:
        """The base URL of its API."""
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}/v1"

    def __enter__(self) -> Upstream:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(PATIENCE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def script(self, model: str, *scripts: Script) -> None:
        """What requests for `model` get, one script each in turn; the last one stays."""
        self._scripts[model] = list(scripts)

    def requests(self, model: str) -> list[Received]:
        """What was asked of a model so far."""
        with self._news:
            return [request for request in self._received if request.model == model]

    def request(self, model: str, nth: int = 1) -> Received:
        """The nth request for a model, waited for."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.requests(model)) >= nth, PATIENCE_S), "not asked"
        return self.requests(model)[nth - 1]

    def close_idle(self) -> None:
        """Close every open connection, as a provider does with those that were idle for long."""
        asyncio.run_coroutine_threadsafe(self._close_wires(), self._loop).result(PATIENCE_S)

    def take(self, request: Received) -> Script:
        """The wire's side: note a request, and what it gets."""
        with self._news:
            self._received.append(request)
            self._news.notify_all()
        scripts = self._scripts.get(request.model)
        assert scripts, f"no script for {request.model!r}"
        return scripts.pop(0) if len(scripts) > 1 else scripts[0]

    async def _listen(self) -> None:
        # One family: a name that also resolves to ::1 must not be refused there half of the time.
        self._server = await self._loop.create_server(
            lambda: _Wire(self, self._wires), "127.0.0.1", 0, ssl=self._tls, backlog=2048
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._close_wires()

    async def _close_wires(self) -> None:
        wires = list(self._wires)
        for wire in wires:
            wire.abort()
        await asyncio.gather(*(wire.gone.wait() for wire in wires))


class _Wire(asyncio.Protocol):
    """One connection: requests in, scripts out."""

    def __init__(self, upstream: Upstream, wires: set[_Wire]) -> None:
        self._upstream = upstream
        self._wires = wires
        self._buffer = b""
        self._count = 0
        self._number = 0
        self._request: Received | None = None
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._wires.add(self)
        self._upstream.connections += 1
        self._number = self._upstream.connections
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secured = transport.get_extra_info("ssl_object")
        if secured is not None:
            self._upstream.handshakes.append(secured.session_reused)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._take()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wires.discard(self)
        if self._request is not None:
            self._request.closed.set()
        if self._task is not None:
            self._task.cancel()
        self.gone.set()

    def abort(self) -> None:
        """Close without a word."""
        assert self._transport is not None
        self._transport.abort()

    def _take(self) -> None:
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if self._request is not None or not found:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _version = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        self._count += 1
        request = Received(method, path, headers, rest[:length], self._number, self._count)
        self._request = request
        script = self._upstream.take(request)
        steps = script(request) if callable(script) else script
        self._task = asyncio.get_running_loop().create_task(self._play(request, steps))

    async def _play(self, request: Received, steps: Iterable[Step]) -> None:
        for step in steps:
            if isinstance(step, Gate):
                await step.passed()
            elif isinstance(step, End):
                await self._end(step)
                return
            else:
                await self._send(request, step)
        self._request = None
        self._take()

    async def _send(self, request: Received, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)
        # A turn of the loop for each step, so that steps leave as writes of their own.
        await asyncio.sleep(0)
        await self._writable.wait()
        request.sent_bytes += len(data)

    async def _end(self, end: End) -> None:
        assert self._transport is not None
        if end is End.RESET:
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            self._transport.abort()
        elif end is End.CLOSE:
            self._transport.close()
        await self.gone.wait()
