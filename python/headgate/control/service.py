"""Control at work: workers supervised, configuration watched, books kept, until told to stop.

Invariant: the order of the end is fixed: listeners closed, workers drained, journals replayed, spool drained,
directory released; it is walked once, whoever asks (SIGTERM, SIGINT, the end of the parent), within
`server.shutdown_timeout`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import uvloop

from headgate.config.env import environ
from headgate.config.reload import Reloader, Watcher
from headgate.control import sockets
from headgate.control.channel import Credentials, Start
from headgate.control.clerk import Clerk
from headgate.control.credentials.keeper import Keeper
from headgate.control.greeting import base_url, greeting
from headgate.control.preparation import Options, Prepared, prepare, publish
from headgate.control.statedir import StateDirHeldError, write_whole
from headgate.control.supervisor import Phase, Supervisor
from headgate.errors import ConfigError
from headgate.observe import logs, metrics

if TYPE_CHECKING:
    from headgate.control.spawn import Spawned
    from headgate.control.statedir import Seat
    from headgate.edge.server import Server

_log = logging.getLogger(__name__)

STATUS_CONFIG = 1
STATUS_TAKEN = 3
_POLL_S = 0.25
_FOR_THE_REST_S = 1.5


def run(options: Options, spare: list[Spawned]) -> int:
    """Serve until told to stop; returns the exit status."""
    logs.configure("control")
    try:
        prepared = prepare(options)
    except ConfigError as error:
        return _refuse(str(error), STATUS_CONFIG)
    except (StateDirHeldError, sockets.AddressInUseError) as error:
        return _refuse(str(error), STATUS_TAKEN)
    return uvloop.run(_serve(prepared, options, spare))


async def _serve(prepared: Prepared, options: Options, spare: list[Spawned]) -> int:
    control = Control(prepared, spare)
    await control.run(options.parent_fd)
    return 0


def _refuse(message: str, status: int) -> int:
    sys.stderr.write(f"headgate: {message}\n")
    return status


class Control:
    """The control process's one object; it is also what the supervisor's `Hooks` ask."""

    def __init__(self, prepared: Prepared, spare: list[Spawned]) -> None:
        """Must be made on the loop."""
        self._prepared = prepared
        self._runtime = prepared.runtime
        self._segment = prepared.segment
        self._seats = prepared.segment.shape[0]
        ledger = prepared.segment.ledger
        self._clerk = Clerk(prepared.state, ledger, self._seats, lambda: self._runtime)
        self._supervisor = Supervisor(self, prepared.listeners, spare)
        self._keeper = Keeper(self._supervisor.broadcast)
        self._restarts = metrics.Series(metrics.RESTARTS, ledger, metrics.Bounds(frozenset(), frozenset()))
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._server: Server | None = None
        self._failure: BaseException | None = None

    async def run(self, parent_fd: int | None) -> None:
        """Serve, and return after an orderly end."""
        self._listen_to_signals(parent_fd)
        for warning in self._prepared.warnings:
            _log.warning("%s", warning)
        logs.set_level(self._runtime.telemetry.log_level)
        self._supervisor.start()
        # A turn of the loop hands the first worker its start before control imports its own application.
        await asyncio.sleep(0)
        self._keeper.apply(self._runtime.providers)
        helpers = [asyncio.create_task(work) for work in (self._announce(), self._watch(), self._clerk.run())]
        for helper in helpers:
            helper.add_done_callback(self._helper_ended)
        await self._stop.wait()
        await self._end(helpers)
        if self._failure is not None:
            raise self._failure

    async def take_seat(self) -> Seat:
        """A free place in the ledger."""
        return await self._clerk.take_seat()

    async def reclaim(self, seat: int) -> None:
        """Settle what a dead worker left."""
        await self._clerk.reclaim(seat)

    def start_message(self, seat: int) -> Start:
        """What a new worker is told."""
        segment, state = self._segment, self._prepared.state
        return Start(
            seat, str(state.path), segment.path, segment.boot, list(segment.shape), str(state.snapshot)
        )

    def greetings(self) -> list[Credentials]:
        """What a new worker is told after that."""
        return self._keeper.current()

    def worker_died(self) -> None:
        """Count a death."""
        self._restarts.add()

    def _listen_to_signals(self, parent_fd: int | None) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        if parent_fd is not None:
            # Nothing is ever written there: readable means that the parent is gone.
            loop.add_reader(parent_fd, self._parent_gone, parent_fd)

    def _helper_ended(self, helper: asyncio.Task[None]) -> None:
        """A helper that fails ends control in order; the parent starts the next one."""
        if not helper.cancelled() and (error := helper.exception()) is not None:
            self._failure = error
            self._stop.set()

    def _parent_gone(self, parent_fd: int) -> None:
        asyncio.get_running_loop().remove_reader(parent_fd)
        _log.warning("the parent process is gone; stopping")
        self._stop.set()

    async def _announce(self) -> None:
        """Open the control listener and, once a worker accepts connections, say where."""
        await self._open_control_listener()
        await self._supervisor.wait_ready(1)
        prepared, server = self._prepared, self._runtime.server
        url = base_url(server.host, sockets.port_of(prepared.listeners[0]))
        control_url = base_url(self._runtime.control_host, sockets.port_of(prepared.control_listener))
        endpoints = {"listen": url, "control": control_url, "pid": os.getpid()}
        write_whole(prepared.state.endpoints, orjson.dumps(endpoints, option=orjson.OPT_APPEND_NEWLINE))
        if prepared.admin.made is not None:
            prepared.state.keep_admin_digest(prepared.admin.digest)
        with contextlib.suppress(OSError):
            sys.stdout.write(greeting(self._runtime, url, control_url, prepared.admin.made))
            sys.stdout.flush()

    async def _open_control_listener(self) -> None:
        # Imported when the first worker has its start message and does not wait for control any more.
        from headgate.control.api import app  # noqa: PLC0415  as said above
        from headgate.edge.limits import Limits  # noqa: PLC0415  as said above
        from headgate.edge.server import Server  # noqa: PLC0415  as said above

        sources = app.Sources(
            scrape=self._scrape,
            not_ready=self._not_ready,
            admin_digests=lambda: [key.digest for key in self._runtime.keys if key.role == "admin"],
            open_metrics=sockets.is_loopback(self._runtime.control_host),
        )
        self._server = Server(app.build(sources), Limits(), app.render_error)
        await self._server.start(sock=self._prepared.control_listener)

    async def _scrape(self) -> bytes:
        from headgate.control.metrics import exposition  # noqa: PLC0415  as the application it belongs to

        places = self._supervisor.places
        occupied = {f"worker-{place.number}": place.seat for place in places if place.seat is not None}
        pids = {"control": os.getpid(), **self._supervisor.pids()}
        pending = await self._clerk.pending_records()
        return exposition(self._segment.ledger, self._seats, occupied, pids, pending)

    def _not_ready(self) -> str | None:
        if self._stop.is_set():
            return "draining"
        if not any(place.phase is Phase.READY for place in self._supervisor.places):
            return "no worker is ready"
        return None if self._runtime.routes else "no usable route"

    async def _watch(self) -> None:
        """Reload on SIGHUP and when the file changed."""
        path = self._prepared.loaded.path
        watcher = Watcher(path)
        reloader = Reloader(path, environ(), Path.cwd(), self._prepared.accounts)
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._reload.wait(), _POLL_S)
            if self._reload.is_set():
                self._reload.clear()
                watcher.taken()
                await self._swap(reloader)
            elif watcher.poll(time.monotonic()):
                await self._swap(reloader)

    async def _swap(self, reloader: Reloader) -> None:
        admin = self._prepared.admin
        made = None if admin.configured else admin.digest
        outcome = await asyncio.to_thread(reloader.attempt, self._runtime, made, time.time())
        for warning in outcome.warnings:
            _log.warning("%s", warning)
        runtime = outcome.runtime
        if runtime is None:
            _log.error("%s", outcome.error)
            return
        _workers, _slots, accounts, *_rest = self._segment.shape
        if self._prepared.accounts.size > accounts:
            _log.error("the running configuration stays: %d keys need a restart to fit", len(runtime.keys))
            return
        publish(self._prepared.state, self._segment, self._prepared.accounts, runtime)
        self._runtime = runtime
        logs.set_level(runtime.telemetry.log_level)
        self._supervisor.publish(runtime.generation, str(self._prepared.state.snapshot))
        # A provider that moved has an empty handle, though its credential is the one it was.
        self._keeper.apply(runtime.providers)
        for message in self._keeper.current():
            self._supervisor.broadcast(message)
        _log.info("configuration %d is in use", runtime.generation)

    async def _end(self, helpers: list[asyncio.Task[None]]) -> None:
        total_s = self._runtime.server.shutdown_timeout_s
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        await self._keeper.close()
        self._prepared.state.endpoints.unlink(missing_ok=True)
        await self._supervisor.drain(max(total_s / 2, total_s - _FOR_THE_REST_S))
        await self._clerk.close()
        if self._server is not None:
            await self._server.drain(0)
        self._prepared.state.release()
