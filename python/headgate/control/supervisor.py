"""The supervisor: N workers at all times, each with its own listening socket.

Invariant: a worker's channel ends when its process does (the kernel closes it), so a death is an event and
not a poll; the replacement gets the same socket, and starts serving only after its predecessor's records and
journal slots are settled. A worker that served is replaced at once; one that dies before it is ready for the
second time in a row makes the next wait, at most `MAX_BACKOFF_S`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import subprocess
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from headgate.control.channel import (
    Channel,
    Drain,
    Drained,
    Message,
    Ready,
    Snapshot,
    SnapshotApplied,
    Start,
    send_start,
)
from headgate.control.spawn import Spawned, spawn

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Sequence

    from headgate.control.statedir import Seat

_log = logging.getLogger(__name__)

MAX_BACKOFF_S = 5.0
_FIRST_BACKOFF_S = 0.1
_KILL_AFTER_S = 1.0


class Phase(Enum):
    """What a place's worker is doing."""

    STARTING = "starting"
    """Spawned; becomes READY on its message, or LOST when its channel ends."""
    READY = "ready"
    """Accepts connections; becomes LOST when its channel ends."""
    LOST = "lost"
    """Its process is gone or going; becomes STARTING when replaced."""


@dataclass(slots=True)
class Place:
    """One listening socket and the worker that serves it at the moment."""

    number: int
    listener: socket.socket
    phase: Phase = Phase.LOST
    spawned: Spawned | None = None
    channel: Channel | None = None
    seat: int | None = None
    generation: int = 0
    stillborn: int = 0


class Hooks(Protocol):
    """What the supervisor asks of the rest of control."""

    async def take_seat(self) -> Seat:
        """A free place in the ledger."""

    async def reclaim(self, seat: int) -> None:
        """Settle everything that the dead process of a seat left behind."""

    def start_message(self, seat: int) -> Start:
        """The first message for a worker on this seat, by the configuration of now."""

    def greetings(self) -> Sequence[Message]:
        """What a new worker is told after that."""

    def worker_died(self) -> None:
        """Count a death."""


@dataclass(slots=True)
class Supervisor:
    """Keeps one worker at each listener."""

    hooks: Hooks
    listeners: list[socket.socket]
    spare: list[Spawned] = field(default_factory=list)
    spawn: Callable[[], Spawned] = spawn
    places: list[Place] = field(init=False, default_factory=list)
    _stop: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(init=False, default_factory=set)
    _changed: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def start(self) -> None:
        """Give every listener a worker; `spare` processes that run already are used first."""
        self.places = [Place(number, listener) for number, listener in enumerate(self.listeners)]
        for place in self.places:
            self._go(self._fill(place))

    def publish(self, generation: int, path: str) -> None:
        """Tell all workers of a new configuration."""
        self.broadcast(Snapshot(generation, path))

    def broadcast(self, message: Message) -> None:
        """Tell all workers something."""
        for place in self.places:
            if place.channel is not None:
                place.channel.send(message)

    async def wait(self, condition: Callable[[list[Place]], bool]) -> None:
        """Return when `condition` holds; it is asked again after every change of a place."""
        while not condition(self.places):
            self._changed.clear()
            await self._changed.wait()

    async def wait_ready(self, count: int) -> None:
        """Return when `count` workers accept connections."""
        await self.wait(lambda places: sum(place.phase is Phase.READY for place in places) >= count)

    async def drain(self, timeout_s: float) -> None:
        """Close the listeners, let the workers finish for `timeout_s`, and return when no process is left."""
        self._stop.set()
        for listener in self.listeners:
            listener.close()
        for place in self.places:
            if place.channel is not None:
                place.channel.send(Drain(timeout_s))
        await self._dismiss_spare()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s + _KILL_AFTER_S)
        while self._tasks:
            for place in self.places:
                if place.spawned is not None:
                    _log.error("worker %d did not end in time and is killed", place.number)
                    # Popen never signals a process that it has reaped.
                    place.spawned.process.kill()
            await asyncio.wait(self._tasks, timeout=_KILL_AFTER_S)

    def pids(self) -> dict[str, int]:
        """Process ids by worker name."""
        return {
            f"worker-{place.number}": place.spawned.process.pid
            for place in self.places
            if place.spawned is not None
        }

    def _go(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("supervisor task failed", exc_info=error)

    def _note(self) -> None:
        self._changed.set()

    async def _fill(self, place: Place) -> None:
        """Run workers at a place until the end; one coroutine per place keeps its deaths in order."""
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            ended = loop.create_future()
            spawned = self.spare.pop() if self.spare else self.spawn()
            place.spawned, place.phase = spawned, Phase.STARTING
            # The process imports its code while the seat is found and its last holder's books are closed.
            if place.seat is not None:
                await self.hooks.reclaim(place.seat)
                place.seat = None
            await self._hand_over(place, spawned, ended)
            await ended
            place.stillborn = place.stillborn + 1 if place.phase is Phase.STARTING else 0
            place.phase, place.channel = Phase.LOST, None
            await self._bury(spawned)
            self._note()
            if not self._stop.is_set():
                self.hooks.worker_died()
                await self._back_off(place)
        if place.seat is not None:
            await self.hooks.reclaim(place.seat)
            place.seat = None
        place.spawned = None
        self._note()

    async def _hand_over(self, place: Place, spawned: Spawned, ended: asyncio.Future[None]) -> None:
        seat = await self.hooks.take_seat()
        place.seat = seat.index
        start = self.hooks.start_message(seat.index)
        try:
            if not self._stop.is_set():
                send_start(spawned.sock, start, (place.listener.fileno(), seat.lock_fd))
        except OSError:
            # It died while importing; the end of its channel says so below.
            _log.warning("worker %d died before its start", place.number)
        finally:
            # From here the lock lives with the worker alone.
            os.close(seat.lock_fd)
        place.channel = await Channel.open(
            spawned.sock,
            lambda message: self._heard(place, message),
            functools.partial(ended.set_result, None),
        )
        for message in self.hooks.greetings():
            place.channel.send(message)
        if self._stop.is_set():
            place.channel.close()

    def _heard(self, place: Place, message: Message) -> None:
        match message:
            case Ready(generation=generation):
                place.phase, place.generation = Phase.READY, generation
            case SnapshotApplied(generation=generation):
                place.generation = generation
            case Drained(cut=cut) if cut:
                _log.warning("worker %d cut %d requests at the end of its drain", place.number, cut)
            case _:
                pass
        self._note()

    async def _bury(self, spawned: Spawned) -> None:
        # The channel ends before the process does; one that lingers has lost its loop and is killed.
        try:
            await asyncio.to_thread(spawned.process.wait, _KILL_AFTER_S)
        except subprocess.TimeoutExpired:
            spawned.process.kill()
            await asyncio.to_thread(spawned.process.wait)
        _log.log(
            logging.INFO if self._stop.is_set() else logging.ERROR,
            "worker process %d ended with status %d",
            spawned.process.pid,
            spawned.process.returncode,
        )

    async def _back_off(self, place: Place) -> None:
        if place.stillborn > 1:
            delay_s = min(MAX_BACKOFF_S, _FIRST_BACKOFF_S * 2.0 ** (place.stillborn - 2))
            _log.error("worker %d does not get ready; the next one starts in %.1f s", place.number, delay_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), delay_s)

    async def _dismiss_spare(self) -> None:
        while self.spare:
            spawned = self.spare.pop()
            spawned.sock.close()
            await self._bury(spawned)
