"""Worker processes are started here, by exec, with next to nothing imported.

Invariant: a spawned worker needs no more than its end of a socketpair; it ends when the other end is closed.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import NamedTuple


class Spawned(NamedTuple):
    """A worker process that imports its code and waits for its start message."""

    process: subprocess.Popen[bytes]
    sock: socket.socket


def spawn() -> Spawned:
    """Start a worker process."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            [sys.executable, "-m", "headgate.worker", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
        )
    return Spawned(process, ours)
