"""How everything here is measured: rounds of many runs, the best round counts, beside a calibration loop.

Invariant: a pass of the calibration loop precedes every round, and the best pass is the unit; so what
disturbs the machine disturbs both, and one quiet moment is enough for either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches.support import Loop, calibrate

ROUNDS = 250
Timed = Callable[[Callable[[], object], int], None]
Blocks = Callable[[str, float], None]


@pytest.fixture
def timed(benchmark: BenchmarkFixture) -> Timed:
    """Measure a function that does its work so often per call."""

    def measure(work: Callable[[], object], runs: int) -> None:
        passes_s: list[float] = []
        benchmark.pedantic(work, setup=lambda: passes_s.append(calibrate()), rounds=ROUNDS, warmup_rounds=3)
        benchmark.extra_info.update(runs=runs, unit_s=min(passes_s))

    return measure


@pytest.fixture
def blocks(benchmark: BenchmarkFixture) -> Blocks:
    """Note a count of memory blocks under a name."""

    def note(name: str, count: float) -> None:
        benchmark.extra_info[f"blocks_{name}"] = count

    return note


@pytest.fixture
def loop() -> Iterator[Loop]:
    """A uvloop."""
    loop = Loop()
    yield loop
    loop.close()
