"""One application, two servers (the edge's own and uvicorn), and a raw client.

Invariant: what a test asks of both servers is asked of the same application object.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httptools
import pytest
import uvicorn
import uvloop
from blacksheep import Application, Content, Request, Response, StreamedContent
from blacksheep.server.routing import Router
from headgate.edge import Limits, Prepared, Relayed, Server, Sink
from headgate.edge import server as server_module
from headgate.edge.asgi import make_asgi
from headgate.edge.connection import Connection

TIMEOUT_S = 5
TEXT = b"text/plain"


class FakePanic(BaseException):
    """Stands for a panic of the native module."""


class ScriptedSource:
    """A body under the test's control; records what the edge tells it."""

    def __init__(self) -> None:
        self.sink: Sink | None = None
        self.log: list[str] = []
        self.attached = asyncio.Event()
        self.left = asyncio.Event()
        self.paused = asyncio.Event()
        self.resumed = asyncio.Event()

    def attach(self, sink: Sink) -> None:
        self.sink = sink
        self.log.append("attach")
        self.attached.set()

    def pause(self) -> None:
        self.log.append("pause")
        self.paused.set()

    def resume(self) -> None:
        self.log.append("resume")
        self.resumed.set()

    def gone(self) -> None:
        self.log.append("gone")
        self.left.set()

    def emit(self, data: bytes) -> None:
        assert self.sink is not None
        self.sink.write(b"%x\r\n%b\r\n" % (len(data), data) if self.sink.chunked else data)

    def end(self) -> None:
        assert self.sink is not None
        if self.sink.chunked:
            self.sink.write(b"0\r\n\r\n")
        self.sink.finish()


@dataclass
class World:
    """What the application's handlers leave behind for the test."""

    source: ScriptedSource = field(default_factory=ScriptedSource)
    sized: int | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    seen: list[Request] = field(default_factory=list)


def render(status: int, code: str, message: str, path: bytes) -> tuple[bytes, bytes]:
    """OpenAI's error shape."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    text = message.replace('"', "'").encode()
    return (
        b"application/json",
        b'{"error":{"message":"%b","type":"%b","code":"%b","path":"%b"}}'
        % (text, kind.encode(), code.encode(), path.replace(b'"', b"'")),
    )


def make_app(world: World) -> Application:
    app = Application(router=Router())
    add_answers(app, world)
    add_waits(app, world)
    add_failures(app)
    return app


def add_answers(app: Application, world: World) -> None:
    """Routes that read and answer at once."""

    @app.router.get("/")
    @app.router.head("/")
    async def hello(request: Request) -> Response:
        world.seen.append(request)
        return Response(200, None, Content(TEXT, b"hello"))

    @app.router.post("/echo")
    async def echo(request: Request) -> Response:
        world.seen.append(request)
        return Response(200, [(b"x-kind", b"echo")], Prepared(TEXT, await request.body(), b"x-head: one\r\n"))

    @app.router.post("/read")
    async def read(request: Request) -> Response:
        return Response(200, None, Content(TEXT, await request.read() or b""))

    @app.router.post("/length")
    async def length(request: Request) -> Response:
        return Response(200, None, Content(TEXT, b"%d" % len(await request.body())))

    @app.router.post("/refuse")
    async def refuse(request: Request) -> Response:
        return Response(401, None, Content(TEXT, b"no"))

    @app.router.get("/none")
    async def none(request: Request) -> Response:
        return Response(204)


def add_waits(app: Application, world: World) -> None:
    """Routes whose answers come in parts, or when the test says so."""

    @app.router.get("/relay")
    @app.router.head("/relay")
    async def relay(request: Request) -> Response:
        return Response(
            200, None, Relayed(b"text/event-stream", world.source, b"x-head: two\r\n", world.sized)
        )

    @app.router.get("/wait")
    async def wait(request: Request) -> Response:
        world.started.set()
        try:
            await world.release.wait()
        except asyncio.CancelledError:
            world.cancelled.set()
            raise
        return Response(200, None, Content(TEXT, b"waited"))

    @app.router.get("/stream")
    async def stream(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            for part in (b"one ", b"two ", b"three"):
                yield part

        return Response(200, None, StreamedContent(TEXT, parts))


def add_failures(app: Application) -> None:
    """Routes whose handlers break."""

    @app.router.get("/boom")
    async def boom(request: Request) -> Response:
        raise RuntimeError("secret detail")

    @app.router.get("/panic")
    async def panic(request: Request) -> Response:
        raise FakePanic("secret detail")


@dataclass
class Reply:
    """One answer."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    whole: bool = False

    def __getitem__(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key == name]
        assert len(values) < 2, f"{name} twice"
        return values[0] if values else None

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode().lower(), value.decode()))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole = True


class Client:
    """A raw connection, with a reader of answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.pending = b""

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def flush(self) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await self.writer.drain()

    async def rest(self) -> bytes:
        """Everything until the server closes; a reset counts as a failure."""
        async with asyncio.timeout(TIMEOUT_S):
            return self.pending + await self.reader.read()

    async def reply(self, *, head_only: bool = False) -> Reply:
        """The next answer; exactly its bytes are taken."""
        async with asyncio.timeout(TIMEOUT_S):
            head = await self._until(b"\r\n\r\n")
            reply = Reply()
            parser = httptools.HttpResponseParser(reply)
            parser.feed_data(head)
            reply.status = parser.get_status_code()
            if head_only or reply.status < 200:
                return reply
            while not reply.whole:
                byte = await self._some(1)
                if not byte:
                    break
                parser.feed_data(byte)
            return reply

    async def _until(self, mark: bytes) -> bytes:
        data = b""
        while not data.endswith(mark):
            byte = await self._some(1)
            assert byte, f"closed after {data!r}"
            data += byte
        return data

    async def _some(self, size: int) -> bytes:
        return await self.reader.read(size)

    def close(self) -> None:
        self.writer.close()


class WatchedServer(Server):
    """A server whose connections tell when their state may have changed."""

    def __init__(self, *args: Any, **extra: Any) -> None:  # noqa: ANN401  the server's own
        super().__init__(*args, **extra)
        self._awaited: list[tuple[Callable[[], object], asyncio.Event]] = []

    def changed(self) -> None:
        for condition, holds in self._awaited:
            if condition():
                holds.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition on the connections."""
        awaited = (condition, asyncio.Event())
        self._awaited.append(awaited)
        self.changed()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await awaited[1].wait()
        finally:
            self._awaited.remove(awaited)


class WatchedConnection(Connection):
    """Tells its server after everything that the client or the application does to it."""

    _server: WatchedServer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server.changed()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._server.changed()

    def eof_received(self) -> bool:
        goes_on = super().eof_received()
        self._server.changed()
        return goes_on

    def _wanted(self) -> None:
        super()._wanted()
        self._server.changed()


@dataclass
class Served:
    """A running server, its world, and a way to connect."""

    port: int
    world: World
    server: WatchedServer | None
    clients: list[Client] = field(default_factory=list)

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    def leave(self) -> None:
        """Close what the test left open."""
        for client in self.clients:
            client.close()

    async def ask(self, data: bytes) -> Reply:
        client = await self.connect()
        client.send(data)
        try:
            return await client.reply(head_only=data.startswith(b"HEAD "))
        finally:
            client.close()


Serve = Callable[..., AbstractAsyncContextManager[Served]]


@asynccontextmanager
async def serve_edge(
    limits: Limits | None = None, clock: Callable[[], int] | None = None
) -> AsyncIterator[Served]:
    world = World()
    extra = {} if clock is None else {"clock": clock}
    server = WatchedServer(make_app(world), limits or Limits(), render, panic_types=(FakePanic,), **extra)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server_module, "Connection", WatchedConnection)
        await server.start(host="127.0.0.1", port=0)
        served = Served(server.port, world, server)
        try:
            yield served
        finally:
            await server.drain(0.2)
            served.leave()
        assert server.load.bodies_bytes == 0, "body bytes were not given back"
        assert not server.connections


@asynccontextmanager
async def serve_uvicorn(limits: Limits | None = None) -> AsyncIterator[Served]:
    world = World()
    asgi = make_asgi(make_app(world), limits or Limits(), render, panic_types=(FakePanic,))
    config = uvicorn.Config(
        asgi, log_level="critical", http="httptools", lifespan="on", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    sock = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server._serve(sockets=[sock]))
    async with asyncio.timeout(TIMEOUT_S):
        while not server.started:
            assert not task.done(), "uvicorn did not start"
            await asyncio.sleep(0)
    served = Served(sock.getsockname()[1], world, None)
    try:
        yield served
    finally:
        served.leave()
        server.should_exit = True
        await task


@pytest.hookimpl
def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def edge() -> Serve:
    return serve_edge


@pytest.fixture(params=[serve_edge, serve_uvicorn], ids=["edge", "uvicorn"])
def serve(request: pytest.FixtureRequest) -> Serve:
    return request.param
