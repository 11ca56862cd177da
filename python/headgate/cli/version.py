"""`headgate version`."""

from __future__ import annotations

import platform
from importlib import metadata, util

from headgate.cli import output


def headgate_version() -> str:
    """The installed version; a tree that was never installed has none."""
    try:
        return metadata.version("headgate")
    except metadata.PackageNotFoundError:
        return "not installed"


def version(*, as_json: bool) -> None:
    """Print the versions."""
    facts = {
        "headgate": headgate_version(),
        "core": "present" if util.find_spec("headgate._core") else "not built",
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    if as_json:
        output.write_json(facts)
    else:
        output.write_lines([f"{name} {value}" for name, value in facts.items()])
