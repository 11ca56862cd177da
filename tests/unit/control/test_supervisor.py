"""The supervisor: deaths are events, sockets stay, a drain ends everything; the worker here is a toy."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop
from headgate.control import sockets
from headgate.control.channel import Message, Snapshot, Start
from headgate.control.spawn import Spawned
from headgate.control.statedir import Seat, StateDir
from headgate.control.supervisor import Phase, Place, Supervisor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_WORKER = """
import asyncio, os, socket, sys
from headgate.control.channel import Channel, Drain, Drained, Ready, Snapshot, SnapshotApplied, receive_start

async def serve(start, listener, control):
    stop = asyncio.get_running_loop().create_future()
    def heard(message):
        if isinstance(message, Drain):
            stop.done() or stop.set_result(None)
        elif isinstance(message, Snapshot):
            channel.send(SnapshotApplied(message.generation))
    async def answer(reader, writer):
        writer.write(b"%d %d" % (os.getpid(), start.worker))
        writer.close()
    await asyncio.start_server(answer, sock=listener)
    channel = await Channel.open(control, heard, lambda: stop.done() or stop.set_result(None))
    channel.send(Ready(1, os.getpid()))
    await stop
    channel.send(Drained(0))
    channel.close()

MODE = sys.argv[2]
if MODE == "dies":
    sys.exit(1)
control = socket.socket(fileno=int(sys.argv[1]))
found = receive_start(control)
if found:
    start, (listener, seat) = found
    asyncio.run(serve(start, socket.socket(fileno=listener), control))
"""


class _Nursery:
    """Spawns fake workers; `mode` is looked at by each."""

    def __init__(self) -> None:
        self.mode = "serves"
        self.count = 0

    def spawn(self) -> Spawned:
        self.count += 1
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603  our own interpreter and code
                [sys.executable, "-c", _WORKER, str(theirs.fileno()), self.mode], pass_fds=(theirs.fileno(),)
            )
        return Spawned(process, ours)


class _Hooks:
    """Seats from a real directory; remembers the order of what happened."""

    def __init__(self, home: Path) -> None:
        self.state = StateDir(home)
        self.events: list[str] = []
        self.said: list[Message] = []

    async def take_seat(self) -> Seat:
        for index in range(8):
            seat = self.state.take_seat(index)
            if seat is not None:
                self.events.append(f"seat {index}")
                return seat
        raise AssertionError

    async def reclaim(self, seat: int) -> None:
        self.events.append(f"reclaim {seat}")

    def start_message(self, seat: int) -> Start:
        return Start(seat, "", "", "", [0, 0, 0, 0, 0], "")

    def greetings(self) -> list[Message]:
        return self.said

    def worker_died(self) -> None:
        self.events.append("died")


class _Stage:
    """A supervisor over fake workers."""

    def __init__(self, home: Path, count: int) -> None:
        self.nursery = _Nursery()
        self.hooks = _Hooks(home)
        self.listeners = sockets.shared("127.0.0.1", 0, count)
        self.port = sockets.port_of(self.listeners[0])
        self.supervisor = Supervisor(self.hooks, self.listeners, spawn=self.nursery.spawn)

    async def ask(self) -> tuple[int, int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        pid, seat = (await reader.read()).split()
        writer.close()
        return int(pid), int(seat)


def _play(home: Path, count: int, scene: Callable[[_Stage], Awaitable[None]]) -> None:
    async def play() -> None:
        stage = _Stage(home, count)
        stage.supervisor.start()
        try:
            async with asyncio.timeout(8):
                await scene(stage)
        finally:
            await stage.supervisor.drain(1.0)
            stage.hooks.state.release()

    uvloop.run(play())


def _pids(places: list[Place]) -> list[int]:
    return [place.spawned.process.pid for place in places if place.spawned is not None]


def test_a_killed_worker_is_replaced_within_a_second(tmp_path: Path) -> None:
    async def scene(stage: _Stage) -> None:
        await stage.supervisor.wait_ready(1)
        pid, seat = await stage.ask()
        killed_s = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        # The connection waits in the same socket's queue for the next worker: nothing is refused meanwhile.
        next_pid, next_seat = await stage.ask()
        assert time.monotonic() - killed_s < 1.0
        assert (next_pid != pid, next_seat) == (True, seat)
        assert stage.hooks.events == ["seat 0", "died", "reclaim 0", "seat 0"]

    _play(tmp_path, 1, scene)


def test_a_new_worker_is_told_what_the_others_know(tmp_path: Path) -> None:
    async def scene(stage: _Stage) -> None:
        stage.hooks.said = [Snapshot(7, "p")]
        await stage.supervisor.wait(lambda places: places[0].generation == 7)
        stage.supervisor.broadcast(Snapshot(8, "p"))
        await stage.supervisor.wait(lambda places: places[0].generation == 8)
        os.kill(_pids(stage.supervisor.places)[0], signal.SIGKILL)
        await stage.supervisor.wait(lambda places: places[0].generation == 7)

    _play(tmp_path, 1, scene)


def test_only_the_dead_workers_place_changes(tmp_path: Path) -> None:
    async def scene(stage: _Stage) -> None:
        await stage.supervisor.wait_ready(3)
        before = _pids(stage.supervisor.places)
        os.kill(before[1], signal.SIGKILL)
        await stage.supervisor.wait(lambda places: places[1].phase is not Phase.READY)
        await stage.supervisor.wait_ready(3)
        after = _pids(stage.supervisor.places)
        assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True]

    _play(tmp_path, 3, scene)


def test_all_workers_learn_of_a_new_configuration(tmp_path: Path) -> None:
    async def scene(stage: _Stage) -> None:
        await stage.supervisor.wait_ready(2)
        stage.supervisor.publish(7, "path")
        await stage.supervisor.wait(lambda places: all(place.generation == 7 for place in places))

    _play(tmp_path, 2, scene)


def test_a_worker_that_never_gets_ready_is_not_restarted_in_a_rush(tmp_path: Path) -> None:
    async def scene(stage: _Stage) -> None:
        await stage.supervisor.wait_ready(1)
        stage.nursery.mode = "dies"
        os.kill(_pids(stage.supervisor.places)[0], signal.SIGKILL)
        await stage.supervisor.wait(lambda places: places[0].stillborn == 3)
        died_s = time.monotonic()
        stage.nursery.mode = "serves"
        await stage.supervisor.wait_ready(1)
        assert time.monotonic() - died_s >= 0.2
        assert stage.nursery.count == 5

    _play(tmp_path, 1, scene)


def test_a_drain_leaves_no_process_and_no_listener(tmp_path: Path) -> None:
    pids: list[int] = []
    ports: list[int] = []

    async def scene(stage: _Stage) -> None:
        await stage.supervisor.wait_ready(2)
        pids.extend(_pids(stage.supervisor.places))
        ports.append(stage.port)

    _play(tmp_path, 2, scene)
    assert [_is_alive(pid) for pid in pids] == [False, False]
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", ports[0])) != 0


def test_a_drain_during_start_leaves_no_process(tmp_path: Path) -> None:
    pids: list[int] = []

    async def play() -> None:
        stage = _Stage(tmp_path, 2)
        stage.supervisor.start()
        await asyncio.sleep(0)
        pids.extend(_pids(stage.supervisor.places))
        await stage.supervisor.drain(1.0)
        stage.hooks.state.release()

    uvloop.run(play())
    assert len(pids) == 2
    assert [_is_alive(pid) for pid in pids] == [False, False]


def test_a_stopped_worker_is_killed_when_its_time_is_up(tmp_path: Path) -> None:
    async def scene(stage: _Stage) -> None:
        await stage.supervisor.wait_ready(1)
        os.kill(_pids(stage.supervisor.places)[0], signal.SIGSTOP)
        began_s = time.monotonic()
        await stage.supervisor.drain(0.1)
        assert time.monotonic() - began_s < 3

    _play(tmp_path, 1, scene)


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
