"""Entry point of the control process.

Invariant: the first worker is started before anything heavy is imported, so that its imports and control's
run side by side (RULINGS 2); whatever goes wrong afterwards, it ends with control, because its channel does.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from headgate.control.spawn import spawn


def main(arguments: list[str]) -> int:
    """Run control; returns 0 when stopped, 1 for the configuration, 3 for an address or directory taken."""
    # Until there is something to reload, SIGHUP must not be the end.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    parser = argparse.ArgumentParser(prog="headgate serve")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--parent-fd", type=int)
    options = parser.parse_args(arguments)
    first = spawn()
    from headgate.control.preparation import Options  # noqa: PLC0415  after the worker's start, as said above
    from headgate.control.service import run  # noqa: PLC0415  as above

    return run(Options(options.config, options.workers, options.parent_fd), [first])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
