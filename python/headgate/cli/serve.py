"""`headgate serve`: the tiny parent that keeps the control process alive.

Invariant: it imports next to nothing, holds no state and prints nothing, so there is nothing in it that could
die. Control learns of the parent's end by the end of a pipe; the parent ends with control's own status.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import FrameType

_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# Statuses that control chooses itself: done, wrong usage, address or state directory taken.
_CHOSEN = frozenset({0, 2, 3})
_YOUNG_S = 5.0
_MAX_YOUNG = 5
_FIRST_BACKOFF_S = 0.1
_SIGNAL_STATUS = 128


class _Parent:
    """Runs control until it ends on purpose."""

    def __init__(self, arguments: list[str]) -> None:
        self._arguments = arguments
        self._control: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._told_to_stop = False

    def run(self) -> int:
        for number in _FORWARDED:
            signal.signal(number, self._forward)
        deaths = 0
        while True:
            born_s = time.monotonic()
            code = self._run_once()
            young = time.monotonic() - born_s < _YOUNG_S
            deaths = deaths + 1 if young else 0
            # One that fails at its start would fail again; one that was killed or ran for long would not.
            hopeless = young and (code > 0 or deaths >= _MAX_YOUNG)
            if code in _CHOSEN or self._told_to_stop or hopeless:
                return code if code >= 0 else _SIGNAL_STATUS - code
            if deaths:
                time.sleep(_FIRST_BACKOFF_S * 2.0 ** (deaths - 1))

    def _run_once(self) -> int:
        """Control's exit status, or minus the signal that ended it."""
        reading, writing = os.pipe()
        command = [
            sys.executable,
            "-m",
            "headgate.control.main",
            "--parent-fd",
            str(reading),
            *self._arguments,
        ]
        try:
            self._control = subprocess.Popen(command, pass_fds=(reading,))  # noqa: S603  our own module
            os.close(reading)
            while self._early:
                self._control.send_signal(self._early.pop())
            return self._control.wait()
        finally:
            self._control = None
            os.close(writing)

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGHUP:
            self._told_to_stop = True
        if self._control is None:
            self._early.append(number)
        else:
            self._control.send_signal(number)


def serve(config: str | os.PathLike[str] | None = None, workers: int | None = None) -> int:
    """Serve until told to stop; returns the exit status.

    `config` is a path (the usual search without one), `workers` replaces `server.workers`.
    """
    arguments: list[str] = []
    if config is not None:
        arguments += ["--config", os.fspath(config)]
    if workers is not None:
        arguments += ["--workers", str(workers)]
    return _Parent(arguments).run()
