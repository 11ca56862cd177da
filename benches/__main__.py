"""`python -m benches [--check]`: measure everything and print it beside its budget; fail over it if asked."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benches import budgets, native

HERE = Path(__file__).resolve().parent
_TIMEOUT_S = "timeout=60"
RATIOS = tuple(
    (told, "relay_event")
    for told in (
        "pass_anthropic",
        "tell_anthropic",
        "tell_gemini",
        "tell_ollama",
        "tell_openai",
        "tell_padded",
        "tell_arguments",
    )
)
"""What is measured beside something else of the same run."""


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 1 when a figure is over its ceiling and `--check` was given."""
    parser = argparse.ArgumentParser(prog="benches", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail over budget")
    check = parser.parse_args(arguments).check
    measured, times_us = timed()
    program = native.build()
    measured |= {
        "allocations": native.allocations(program),
        "instructions": native.instructions(program),
    }
    rows = budgets.compare(measured, budgets.read())
    print(f"{'kind':13} {'name':28} {'measured':>12} {'ceiling':>12}")
    for row in rows:
        print(row.line())
    print()
    for name, time_us in times_us.items():
        print(f"{name:24} {time_us:10.3f} µs")
    problems = [row.problem for row in rows if row.problem]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if check and problems else 0


def timed() -> tuple[budgets.Table, dict[str, float]]:
    """Times in units of the calibration loop and blocks of memory; and the times in µs, for people."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "benchmarks.json"
        command = [sys.executable, "-m", "pytest", str(HERE), "-q", "--no-header", "-o", _TIMEOUT_S]
        quiet = ["-p", "no:cacheprovider", "--benchmark-quiet", f"--benchmark-json={file}"]
        ran = subprocess.run([*command, *quiet], check=False)  # noqa: S603  our own suite
        if ran.returncode:
            sys.exit(ran.returncode)
        return figures(json.loads(file.read_bytes())["benchmarks"])


def figures(benchmarks: list[dict[str, Any]]) -> tuple[budgets.Table, dict[str, float]]:
    """What pytest-benchmark wrote, by budget and name."""
    table: budgets.Table = {"time": {}, "blocks": {}}
    times_us = {"one unit": min(each["extra_info"]["unit_s"] for each in benchmarks) * 1e6}
    for each in benchmarks:
        name, info = each["name"].removeprefix("test_"), each["extra_info"]
        time_s = each["stats"]["min"] / info["runs"]
        table["time"][name] = time_s / info["unit_s"]
        times_us[name] = time_s * 1e6
        table["blocks"] |= {
            f"{name}_{key.removeprefix('blocks_')}": value
            for key, value in info.items()
            if key.startswith("blocks_")
        }
    times = table["time"]
    table["ratio"] = {f"{one}/{other}": times[one] / times[other] for one, other in RATIOS if one in times}
    return table, times_us


if __name__ == "__main__":
    sys.exit(main())
