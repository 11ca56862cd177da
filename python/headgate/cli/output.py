"""How commands print: columns for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence


def write_json(value: object) -> None:
    """Indented JSON on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_lines(lines: Sequence[str]) -> None:
    """Lines on standard output."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def table(title: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned columns under a title; the first row is the head; no rows but the head give nothing."""
    if len(rows) <= 1:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return ["", title, *(f"  {line}" for line in lines)]
