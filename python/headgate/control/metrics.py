"""One scrape: what the shared segment holds, and what only control can see.

Invariant: numbers of all workers are added up, dead ones included, because counters live in the segment;
gauges of a seat without a worker are zero, because its last holder's were cleared.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.observe import metrics
from headgate.observe.exposition import Scrape, render
from headgate.observe.metrics import Family, series_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.core import Ledger

_NS = 1_000_000_000
_PROC = Path("/proc")
# Fields of /proc/PID/stat after the command name (proc_pid_stat(5): utime 14, stime 15, starttime 22, rss
# 24).
_UTIME, _STIME, _STARTTIME, _RSS = 11, 12, 19, 21


def exposition(
    ledger: Ledger, seats: int, occupied: Mapping[str, int], pids: Mapping[str, int], pending_records: int
) -> bytes:
    """The text of a scrape.

    Args:
        ledger: the shared segment.
        seats: how many seats it has.
        occupied: seat by worker name.
        pids: process id by process name.
        pending_records: records in the spool.
    """
    scrape = Scrape(values=[(name, value) for name, value in ledger.counters()])
    scrape.histograms.extend(ledger.histograms())
    gauges = [ledger.gauges(seat) for seat in range(seats)]
    _add(scrape, metrics.INFLIGHT, (), sum(in_flight for in_flight, _, _ in gauges))
    _add(scrape, metrics.SPOOL_RECORDS, (), pending_records)
    for worker, seat in occupied.items():
        _in_flight, generation, lag_ns = gauges[seat]
        _add(scrape, metrics.LOOP_LAG, (worker,), lag_ns / _NS)
        _add(scrape, metrics.GENERATION, (worker,), generation)
    for process, pid in pids.items():
        _process(scrape, process, _PROC / str(pid))
    return render(scrape)


def _add(scrape: Scrape, family: Family, labels: tuple[str, ...], value: float) -> None:
    scrape.values.append((series_name(family, labels), value))


def _process(scrape: Scrape, process: str, proc: Path) -> None:
    try:
        fields = (proc / "stat").read_text("utf-8", "replace").rpartition(") ")[2].split(" ")
        descriptors = len(os.listdir(proc / "fd"))
    except OSError:
        # It ended between being listed and being read, or this system has no /proc.
        return
    ticks = os.sysconf("SC_CLK_TCK")
    labels = (process,)
    _add(scrape, metrics.PROCESS_CPU, labels, (int(fields[_UTIME]) + int(fields[_STIME])) / ticks)
    _add(scrape, metrics.PROCESS_RSS, labels, int(fields[_RSS]) * os.sysconf("SC_PAGE_SIZE"))
    _add(scrape, metrics.PROCESS_FDS, labels, descriptors)
    _add(scrape, metrics.PROCESS_START, labels, _boot_time_s() + int(fields[_STARTTIME]) / ticks)


def _boot_time_s() -> int:
    for line in (_PROC / "stat").read_text("ascii", "replace").splitlines():
        if line.startswith("btime "):
            return int(line.split(" ")[1])
    return 0
