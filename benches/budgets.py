"""Measured beside allowed: every figure has a ceiling in budgets.toml, every ceiling a figure.

Invariant: a missing figure or a missing ceiling fails like one that is too high, so nothing drops out unseen.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

BUDGETS = Path(__file__).resolve().parent / "budgets.toml"
Table = dict[str, dict[str, float]]
KINDS = {
    "time": "units",
    "blocks": "blocks",
    "allocations": "allocations",
    "instructions": "instructions",
    "ratio": "times",
}


class Row(NamedTuple):
    """One figure and its ceiling; None for what is missing."""

    kind: str
    name: str
    measured: float | None
    ceiling: float | None

    @property
    def problem(self) -> str | None:
        """Why this row fails; None when it is within budget."""
        what = f"{self.kind} of {self.name}"
        if self.ceiling is None:
            return f"{what}: measured {self.measured:g} {KINDS[self.kind]}, but budgets.toml has no ceiling"
        if self.measured is None:
            return f"{what}: budgets.toml allows {self.ceiling:g} {KINDS[self.kind]}, but nothing measured it"
        if self.measured > self.ceiling:
            return f"{what}: measured {self.measured:.4g} {KINDS[self.kind]}, ceiling {self.ceiling:g}"
        return None

    def line(self) -> str:
        """The row of the printed table."""
        measured = "-" if self.measured is None else f"{self.measured:.4g}"
        ceiling = "-" if self.ceiling is None else f"{self.ceiling:g}"
        verdict = "over" if self.problem else ""
        return f"{self.kind:13} {self.name:28} {measured:>12} {ceiling:>12}  {verdict}".rstrip()


def read() -> Table:
    """The ceilings."""
    return tomllib.loads(BUDGETS.read_text(encoding="utf-8"))


def compare(measured: Table, ceilings: Table) -> list[Row]:
    """All rows, in the order of the ceilings, then what has none."""
    rows = []
    for kind in KINDS:
        figures, allowed = measured.get(kind, {}), ceilings.get(kind, {})
        names = [*allowed, *(name for name in figures if name not in allowed)]
        rows += [Row(kind, name, figures.get(name), allowed.get(name)) for name in names]
    return rows
