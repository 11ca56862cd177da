"""A worker process: it serves one listening socket until control says otherwise, or is gone.

Invariant: it announces itself only when it accepts connections, and every way out (a drain message, the end
of the channel, SIGTERM) is the same drain: nothing new is accepted, what is in flight finishes, the spool is
on disk. Everything is imported before the start message is awaited, so that a spare process starts in
milliseconds.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from headgate.app import WorkerApp, build
from headgate.config import snapshot
from headgate.control.channel import (
    Channel,
    Credentials,
    Drain,
    Drained,
    Message,
    Ready,
    Snapshot,
    SnapshotApplied,
    Start,
    receive_start,
)
from headgate.core import Ledger, LedgerShape
from headgate.edge.server import Server
from headgate.errors import ConfigError, HeadgateError
from headgate.observe import logs
from headgate.settle.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

LAG_INTERVAL_S = 0.5
_NS = 1_000_000_000
# A request leaves hardly a cycle behind, and with many open streams every collection walks all of their
# objects.
_GC_THRESHOLDS = (20_000, 20, 50)


class SegmentError(HeadgateError):
    """The ledger's segment is not the one that control made."""


class LoopLag:
    """How late the loop ran its last timer, measured every `LAG_INTERVAL_S`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, report: Callable[[int], None]) -> None:
        """`report` gets the lag in nanoseconds."""
        self._loop = loop
        self._report = report
        self._due_s = loop.time() + LAG_INTERVAL_S
        self._timer = loop.call_at(self._due_s, self._tick)

    def stop(self) -> None:
        """Measure no more."""
        self._timer.cancel()

    def _tick(self) -> None:
        now_s = self._loop.time()
        self._report(max(0, int((now_s - self._due_s) * _NS)))
        self._due_s = now_s + LAG_INTERVAL_S
        self._timer = self._loop.call_at(self._due_s, self._tick)


class Worker:
    """The process's one object: the application, its server and the channel to control."""

    def __init__(self, start: Start, listener: socket.socket) -> None:
        """Must be made on the loop that serves."""
        self._start = start
        self._listener = listener
        self._runtime = snapshot.read_snapshot(Path(start.snapshot_path))
        logs.set_level(self._runtime.telemetry.log_level)
        ledger = Ledger.open(start.ledger_path, start.boot, LedgerShape(*start.shape))
        if ledger is None:
            message = f"the segment {start.ledger_path} cannot be used"
            raise SegmentError(message)
        self._spool = Spool(Path(start.state_dir) / "spool", ledger.segment_id, start.worker)
        self._app: WorkerApp = build(self._runtime, ledger, start.worker, self._spool)
        self._server = Server(
            self._app.application, self._app.limits, self._app.render_error, panic_types=self._app.panic_types
        )
        self._stop: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._channel: Channel | None = None
        self._lost_reported = 0

    async def run(self, control: socket.socket) -> None:
        """Serve until told to stop, then drain."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._end)
        await self._app.start()
        await self._server.start(sock=self._listener)
        lag = LoopLag(loop, self._gauge)
        self._gauge(0)
        # What was imported and built lives as long as the process; a collection need never walk it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        self._channel = await Channel.open(control, self._heard, self._end)
        self._channel.send(Ready(self._runtime.generation, os.getpid()))
        timeout_s = await self._stop
        self._app.draining = True
        drained = await self._server.drain(timeout_s)
        await self._app.stop()
        lag.stop()
        self._gauge(0)
        self._spool.close()
        self._channel.send(Drained(drained.aborted))
        self._channel.close()

    def _heard(self, message: Message) -> None:
        match message:
            case Snapshot(generation=generation, path=path):
                self._apply(generation, Path(path))
            case Credentials(provider=provider, secret=secret, expires_ms=expires_ms):
                if not self._app.credentials.apply(provider, secret, expires_ms):
                    _log.warning("a credential for provider %s was not taken", provider)
            case Drain(timeout_s=timeout_s):
                if not self._stop.done():
                    self._stop.set_result(timeout_s)
            case _:
                _log.error("control sent what a worker does not understand")

    def _apply(self, generation: int, path: Path) -> None:
        try:
            runtime = snapshot.read_snapshot(path)
        except (ConfigError, OSError) as error:
            _log.error("configuration %d was not taken: %s", generation, error)
            return
        self._runtime = runtime
        self._app.apply(runtime)
        self._server.limits = self._app.limits
        logs.set_level(runtime.telemetry.log_level)
        self._gauge(0)
        if self._channel is not None:
            self._channel.send(SnapshotApplied(runtime.generation))

    def _end(self) -> None:
        if not self._stop.done():
            self._stop.set_result(self._runtime.server.shutdown_timeout_s)

    def _gauge(self, lag_ns: int) -> None:
        self._app.ledger.set_gauges(self._app.settler.in_flight, self._runtime.generation, lag_ns)
        if self._spool.lost > self._lost_reported:
            self._app.settler.metrics.spool_lost.add((), self._spool.lost - self._lost_reported)
            self._lost_reported = self._spool.lost


async def _serve(start: Start, listener: socket.socket, control: socket.socket) -> None:
    await Worker(start, listener).run(control)


def main(arguments: list[str]) -> int:
    """Serve by what control says on the inherited descriptor; returns the exit status."""
    # Ctrl-C reaches the whole group; control alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=int(arguments[0])) as control:
        try:
            first = receive_start(control)
        except ConnectionResetError:
            first = None
        if first is None:
            return 0
        start, (listener_fd, _seat_fd) = first
        logs.configure(f"worker-{start.worker}")
        _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        uvloop.run(_serve(start, socket.socket(fileno=listener_fd), control))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
