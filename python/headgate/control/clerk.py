"""The bookkeeper's hours: it works on one thread, every second, and whenever a worker has died.

Invariant: when `reclaim` returns, nothing of the seat's last holder is held back: its records are in the log
or owed (kept until the disk takes them), its journal slots are replayed, its gauges are zero.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from headgate.control.bookkeeper import Bookkeeper
from headgate.control.journal import OpenSlot, interrupted
from headgate.observe import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.config.runtime import Runtime
    from headgate.control.statedir import Seat, StateDir
    from headgate.core import Ledger

_log = logging.getLogger(__name__)

T = TypeVar("T")

DRAIN_EVERY_S = 1.0
_SEAT_RETRY_S = 0.02


class Clerk:
    """Seats, journals and the spool, for as long as control lives."""

    def __init__(self, state: StateDir, ledger: Ledger, seats: int, runtime: Callable[[], Runtime]) -> None:
        """`runtime` gives the configuration of now."""
        self._state = state
        self._ledger = ledger
        self._seats = seats
        self._runtime = runtime
        self._books = Bookkeeper(state.path)
        self._thread = ThreadPoolExecutor(1, "bookkeeper")
        self._owed: list[tuple[str, bytes]] = []
        self._disk_works = True
        self._corrupt_reported = 0
        bounds = metrics.Bounds(frozenset(), frozenset())
        self._interrupted = metrics.Series(metrics.INTERRUPTED, ledger, bounds)
        self._corrupt = metrics.Series(metrics.SPOOL_CORRUPT, ledger, bounds)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self.tick()
            await asyncio.sleep(DRAIN_EVERY_S)

    async def tick(self) -> None:
        """Drain the spool, and settle seats whose holders ended without us seeing it."""
        for index in range(self._seats):
            if self._ledger.open_slots(index):
                seat = self._state.take_seat(index)
                if seat is not None:
                    await self._release(seat)
        await self._on_thread(self._work)

    async def take_seat(self) -> Seat:
        """A free seat, its last holder's affairs settled; waits while predecessors sit on all of them."""
        while True:
            for index in range(self._seats):
                seat = self._state.take_seat(index)
                if seat is not None:
                    await self.reclaim(index)
                    return seat
            await asyncio.sleep(_SEAT_RETRY_S)

    async def reclaim(self, seat: int) -> None:
        """Settle everything that the dead process of a seat left behind."""
        slots = [OpenSlot(*slot) for slot in self._ledger.open_slots(seat)]
        if slots:
            runtime, segment_id = self._runtime(), self._ledger.segment_id
            self._owed += [interrupted(segment_id, seat, slot, runtime) for slot in slots]
            await self._on_thread(self._work)
            for slot in slots:
                self._ledger.replay(seat, slot.slot, slot.used_tokens, time.monotonic_ns())
            _log.warning("seat %d: %d attempts were interrupted", seat, len(slots))
        self._ledger.clear_gauges(seat)

    async def pending_records(self) -> int:
        """Records in the spool that are not in the log yet."""
        return await self._on_thread(self._books.pending_records)

    async def close(self) -> None:
        """The last drain."""
        await self._on_thread(self._work)
        self._thread.shutdown()

    async def _release(self, seat: Seat) -> None:
        try:
            await self.reclaim(seat.index)
        finally:
            os.close(seat.lock_fd)

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _work(self) -> None:
        """One round; a failing disk is told once, and the next round tries again."""
        try:
            self._books.drain()
            if self._owed:
                owed, self._owed = self._owed, []
                try:
                    self._interrupted.add((), self._books.append(owed))
                except OSError:
                    self._owed = owed + self._owed
                    raise
        except OSError as error:
            if self._disk_works:
                _log.error("the usage log cannot be written: %s; records wait in the spool", error)
            self._disk_works = False
        else:
            self._disk_works = True
        if self._books.corrupt > self._corrupt_reported:
            self._corrupt.add((), self._books.corrupt - self._corrupt_reported)
            self._corrupt_reported = self._books.corrupt
