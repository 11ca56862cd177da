"""The reference pages are what the code says now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_reference_pages_are_fresh():
    command = [sys.executable, str(ROOT / "tools" / "make_reference.py"), "--check"]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  our own tool
    assert (ran.returncode, ran.stderr) == (0, "")
