"""What one run of the core costs in instructions and allocations, counted by rust/bench.

Invariant: a count is the difference of two runs that differ only in how often the case was run, so start-up
is not in it; counts do not depend on the machine's speed.
"""

from __future__ import annotations

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FEW, MANY = 20, 120
_COLLECTED = re.compile(r"Collected : (\d+)")


def build() -> Path:
    """Compile the counting program; beside what else cargo made."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute() / "bench"
    manifest = ROOT / "rust" / "bench" / "Cargo.toml"
    _run("cargo", "build", "--release", "--locked", "--manifest-path", manifest, "--target-dir", target)
    return target / "release" / "headgate-bench"


def allocations(program: Path) -> dict[str, float]:
    """Allocations of one run of each case."""
    lines = _run(program, "allocations").stdout.splitlines()
    return {name: float(count) for name, count in map(str.split, lines)}


def instructions(program: Path) -> dict[str, float]:
    """Instructions of one run of each case, under callgrind."""
    cases = _run(program, "list").stdout.split()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = pool.map(partial(_instructions, program), cases)
        return dict(zip(cases, counts, strict=True))


def _instructions(program: Path, case: str) -> float:
    few, many = (_collected(program, case, times) for times in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def _collected(program: Path, case: str, times: int) -> int:
    valgrind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
    said = _run(*valgrind, program, "run", case, str(times)).stderr
    found = _COLLECTED.search(said)
    if found is None:
        message = f"callgrind did not say how much it collected: {said}"
        raise RuntimeError(message)
    return int(found[1])


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  our own programs
