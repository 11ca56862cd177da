"""The clerk: what a dead worker left is settled once, also when the disk fails at that moment."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from typing import TYPE_CHECKING

import orjson
import pytest
from headgate.config.runtime import CacheSettings, Key, Runtime, ServerSettings, Telemetry
from headgate.control.clerk import Clerk
from headgate.control.disk import Disk
from headgate.control.statedir import StateDir
from headgate.core import Ledger, LedgerShape, Limits
from headgate.record import Attempt
from headgate.settle.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

_SEATS = 3
_ACCOUNT = 4
_ONE_AT_A_TIME = Limits(0, 0, 1)
_RUNTIME = Runtime(
    generation=1,
    server=ServerSettings("127.0.0.1", 0, 1, 1, 1, 1, 1, 1),
    control_host="127.0.0.1",
    control_port=0,
    state_dir="",
    keys=(Key("kay", "0" * 64, "gnd_", "member", _ACCOUNT, (), 0, 0, 1, None, blocked=False),),
    providers=(),
    routes=(),
    cache=CacheSettings(enabled=False, max_bytes=0, default_ttl_s=0),
    telemetry=Telemetry("none", "info"),
)


class _Office:
    """A clerk over a real segment and directory."""

    def __init__(self, home: Path) -> None:
        self.state = StateDir(home)
        self.ledger = Ledger.create(str(home / "segment"), "boot", 77, LedgerShape(_SEATS, 8, 16, 64, 8))
        self.clerk = Clerk(self.state, self.ledger, _SEATS, lambda: _RUNTIME)

    def leave_open(self, seat: int) -> tuple[int, str]:
        """Admit a request on a seat and die; returns the slot and the record's id."""
        worker = self.ledger.attach(seat)
        admission = worker.admit(_ACCOUNT, _ONE_AT_A_TIME, 10, time.monotonic_ns(), 1_700_000_000_000)
        assert admission.refused is None
        worker.attempt(admission.slot, 1, 0)
        worker.progress(admission.slot, 6, 3)
        worker.set_gauges(1, 1, 5)
        return admission.slot, Attempt(77, seat, admission.slot, admission.sequence, 1).record_id()

    def admits(self) -> bool:
        """Whether the key's one place is free."""
        worker = self.ledger.attach(2)
        admission = worker.admit(_ACCOUNT, _ONE_AT_A_TIME, 1, time.monotonic_ns(), 1)
        if admission.refused is None:
            worker.settle(admission.slot, 0, time.monotonic_ns())
        return admission.refused is None

    def log(self) -> list[dict[str, object]]:
        """The records of the usage log."""
        path = self.state.path / "usage.jsonl"
        return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []

    def count(self, name: str) -> int:
        """A counter's value."""
        return dict(self.ledger.counters()).get(name, 0)


def _play(home: Path, scene: Callable[[_Office], Awaitable[None]]) -> None:
    async def play() -> None:
        office = _Office(home)
        await scene(office)
        await office.clerk.close()
        office.state.release()

    asyncio.run(play())


def test_an_open_slot_becomes_one_interrupted_record(tmp_path: Path) -> None:
    async def scene(office: _Office) -> None:
        _slot, record_id = office.leave_open(0)
        assert not office.admits()
        await office.clerk.reclaim(0)
        await office.clerk.reclaim(0)
        (record,) = office.log()
        assert (record["id"], record["outcome"], record["key"]) == (record_id, "interrupted", "kay")
        assert (record["prompt_tokens"], record["completion_tokens"]) == (6, 3)
        assert record["started_ms"] == 1_700_000_000_000
        assert office.admits()
        assert office.ledger.gauges(0) == (0, 0, 0)
        assert office.count("headgate_interrupted_total") == 1

    _play(tmp_path, scene)


def test_a_slot_whose_record_the_worker_wrote_is_only_closed(tmp_path: Path) -> None:
    async def scene(office: _Office) -> None:
        _slot, record_id = office.leave_open(0)
        spool = Spool(office.state.spool, 77, 0)
        spool.append(orjson.dumps({"id": record_id, "outcome": "ok"}))
        spool.close()
        await office.clerk.reclaim(0)
        assert office.log() == [{"id": record_id, "outcome": "ok"}]
        assert office.admits()
        assert office.count("headgate_interrupted_total") == 0

    _play(tmp_path, scene)


def test_a_full_disk_delays_the_record_and_holds_nothing_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: Disk, _path: Path, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def scene(office: _Office) -> None:
        office.leave_open(0)
        with monkeypatch.context() as patch:
            patch.setattr(Disk, "append", full)
            await office.clerk.reclaim(0)
            assert office.admits()
            await office.clerk.tick()
            assert office.log() == []
        await office.clerk.tick()
        assert [record["outcome"] for record in office.log()] == ["interrupted"]

    _play(tmp_path, scene)


def test_a_tick_settles_a_dead_seat_and_leaves_a_living_one(tmp_path: Path) -> None:
    async def scene(office: _Office) -> None:
        office.leave_open(0)
        living = office.state.take_seat(0)
        assert living is not None
        await office.clerk.tick()
        assert office.log() == []
        os.close(living.lock_fd)
        await office.clerk.tick()
        assert len(office.log()) == 1
        assert office.state.take_seat(0) is not None

    _play(tmp_path, scene)


def test_a_seat_is_given_with_its_past_settled(tmp_path: Path) -> None:
    async def scene(office: _Office) -> None:
        office.leave_open(0)
        seat = await office.clerk.take_seat()
        assert seat.index == 0
        assert len(office.log()) == 1
        assert (await office.clerk.take_seat()).index == 1

    _play(tmp_path, scene)
