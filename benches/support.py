"""The pieces that are measured, put together in this process: no socket, no second process, no network.

Invariant: the code under measurement is the worker's own, built by the composition root; only the transport
below it is a stand-in.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import uvloop
from headgate.app import build
from headgate.config.accounts import AccountTable
from headgate.config.compile import compile_runtime
from headgate.config.loader import load
from headgate.core import Ledger, LedgerShape, Tokenizer
from headgate.edge.connection import Connection
from headgate.edge.server import Server
from headgate.settle.spool import Spool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from contextlib import AbstractAsyncContextManager

    from headgate.config.runtime import Runtime

DATA = Path(__file__).resolve().parent.parent / "python" / "headgate" / "data"
SHAPE = (1, 256, 64, 4096, 64)
KEY = "bench-key-0123456789abcdef"
CONFIG = f"""
server: {{workers: 1}}
rate_limits: {{default_rpm: 0, default_tpm: 0}}
cache: {{enabled: false}}
telemetry: {{access_log: none}}
providers: [{{name: echo, type: echo}}]
routes: [{{model_alias: gpt-4o-mini, targets: [{{provider: echo, model: echo}}]}}]
keys: [{{name: bench, key: {KEY}, role: member, rpm: 100000000, tpm: 2000000000}}]
"""
CALIBRATION_STEPS = 100
_LOOPS = 50
_MASK = 0xFFFF
Result = TypeVar("Result")


def calibrate() -> float:
    """Seconds that 100 steps of a fixed loop take in this interpreter, on this machine, now: one unit."""
    began_s = time.perf_counter()
    total = 0
    for step in range(CALIBRATION_STEPS * _LOOPS):
        total = (total + step * step) & _MASK
    return (time.perf_counter() - began_s) / _LOOPS


def tokenizer() -> Tokenizer:
    """Exact counts over the tables of the package."""
    return Tokenizer(str(DATA / "o200k.ranks"), str(DATA / "cl100k.ranks"))


def ledger(home: Path) -> Ledger:
    """A segment of its own."""
    return Ledger.create(str(home / "ledger"), "bench", 1, LedgerShape(*SHAPE))


def runtime(home: Path) -> Runtime:
    """One key with both buckets, one model, and the built-in echo behind it."""
    path = home / "headgate.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    accounts = AccountTable()
    compiled, _ = compile_runtime(
        load(path, {}, home), generation=1, admin_digest=None, accounts=accounts, now_s=time.time()
    )
    return compiled


class Wire(asyncio.Transport):
    """A client's connection that is always writable; keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.watched = False
        self.held_blocks = 0
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.watched:
            self.held_blocks = sys.getallocatedblocks()
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True

    def write_eof(self) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


class Served:
    """A server with one connected client, and requests sent through it one after another."""

    def __init__(self, server: Server) -> None:
        self.wire = Wire()
        self.answered = 0
        self._connection = Connection(server, asyncio.get_running_loop())
        self._connection.connection_made(self.wire)

    async def ask(self, request: bytes, end: bytes = b"") -> None:
        """Send a request and return when something that ends with `end` was written."""
        written = self.wire.written
        written.clear()
        self._connection.data_received(request)
        # A turn of the loop costs less than a future, and what is measured should be the gateway.
        while not written or not written[-1].endswith(end):  # noqa: ASYNC110  as said above
            await asyncio.sleep(0)
        self.answered += 1

    async def repeat(self, request: bytes, end: bytes, times: int) -> None:
        """Ask so often."""
        for _ in range(times):
            await self.ask(request, end)

    async def held(self, request: bytes, end: bytes) -> int:
        """Blocks of memory that one request holds when its answer is written."""
        self.wire.watched = True
        before = sys.getallocatedblocks()
        await self.ask(request, end)
        self.wire.watched = False
        return self.wire.held_blocks - before

    def leave(self) -> None:
        """Disconnect."""
        self._connection.connection_lost(None)


@asynccontextmanager
async def gateway(home: Path) -> AsyncIterator[Served]:
    """A worker's application on the edge, answering with echo."""
    directory = home / "spool"
    directory.mkdir()
    spool = Spool(directory, 1, 0)
    app = build(runtime(home), ledger(home), 0, spool)
    server = Server(app.application, app.limits, app.render_error, panic_types=app.panic_types)
    await app.start()
    async with served(server) as client:
        yield client
    await app.stop()
    spool.close()
    records = sum(file.read_bytes().count(b"\n") for file in directory.iterdir())
    assert records == client.answered


@asynccontextmanager
async def served(server: Server) -> AsyncIterator[Served]:
    """One client of a server; it listens, on a port that nobody uses, as it would in a worker."""
    await server.start(host="127.0.0.1")
    client = Served(server)
    try:
        yield client
    finally:
        client.leave()
        await server.drain(1.0)


class Loop:
    """A uvloop on which a benchmark runs its rounds."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)

    def run(self, work: Coroutine[None, None, Result]) -> Result:
        """Run to the end."""
        return self._runner.run(work)

    @contextmanager
    def within(self, make: Callable[[], AbstractAsyncContextManager[Served]]) -> Iterator[Served]:
        """What a context on this loop gives; `make` is called on it."""
        stack = AsyncExitStack()

        async def enter() -> Served:
            return await stack.enter_async_context(make())

        try:
            yield self.run(enter())
        finally:
            self.run(stack.aclose())

    def close(self) -> None:
        """Close the loop."""
        self._runner.close()


def kept_blocks(run: Callable[[int], object], times: int = 1000) -> float:
    """Blocks of memory per run that are left behind, garbage that only a collection frees included."""
    run(times // 10)
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        run(times)
        return (sys.getallocatedblocks() - before) / times
    finally:
        gc.enable()
