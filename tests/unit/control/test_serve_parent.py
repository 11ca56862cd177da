"""The parent: it passes signals on, takes control's status over, and restarts what died abnormally."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# Stands for control: says its number, then does what its line of the script says.
_CONTROL = """
import os, pathlib, signal, sys
home = pathlib.Path(sys.argv[sys.argv.index("--config") + 1])
runs = home / "runs"
count = len(runs.read_text()) if runs.exists() else 0
runs.write_text("x" * (count + 1))
told = []
for name in ("SIGTERM", "SIGHUP", "SIGINT"):
    signal.signal(getattr(signal, name), lambda number, _frame: told.append(number))
print("up", count, flush=True)
deed = (home / "script").read_text().split()[count]
if deed == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
elif deed == "wait":
    while not told:
        signal.pause()
    print("told", told[0], flush=True)
    sys.exit(0)
elif deed == "parent":
    os.read(int(sys.argv[sys.argv.index("--parent-fd") + 1]), 1)
    (home / "gone").write_text("gone")
    sys.exit(0)
else:
    sys.exit(int(deed))
"""
_PARENT = "import sys; from headgate.cli.serve import serve; sys.exit(serve(sys.argv[1]))"


def _start(home: Path, script: str) -> subprocess.Popen[str]:
    package = home / "fake" / "headgate"
    (package / "control").mkdir(parents=True)
    (package / "cli").mkdir()
    source = sys.modules["headgate"].__path__[0]
    (package / "__init__.py").touch()
    (package / "control" / "__init__.py").touch()
    (package / "control" / "main.py").write_text(_CONTROL)
    (package / "cli" / "__init__.py").touch()
    (package / "cli" / "serve.py").write_text((Path(source) / "cli" / "serve.py").read_text())
    (home / "script").write_text(script)
    return subprocess.Popen(  # noqa: S603  our own interpreter and code
        [sys.executable, "-c", _PARENT, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(home / "fake")},
    )


@pytest.mark.parametrize("status", [0, 2, 3, 1])
def test_a_chosen_status_is_the_parents_own(tmp_path: Path, status: int) -> None:
    with _start(tmp_path, str(status)) as parent:
        assert parent.wait() == status
    assert (tmp_path / "runs").read_text() == "x"


def test_a_killed_control_is_started_again(tmp_path: Path) -> None:
    with _start(tmp_path, "kill kill 0") as parent:
        assert parent.wait() == 0
    assert (tmp_path / "runs").read_text() == "xxx"


def test_a_control_that_always_dies_is_given_up(tmp_path: Path) -> None:
    with _start(tmp_path, "kill " * 9) as parent:
        assert parent.wait() == 128 + signal.SIGKILL
    assert (tmp_path / "runs").read_text() == "xxxxx"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_are_passed_on(tmp_path: Path, number: signal.Signals) -> None:
    with _start(tmp_path, "wait") as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up 0\n"
        parent.send_signal(number)
        assert parent.stdout.readline() == f"told {int(number)}\n"
        assert parent.wait() == 0


def test_control_learns_of_the_parents_end(tmp_path: Path) -> None:
    with _start(tmp_path, "parent") as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up 0\n"
        parent.kill()
        # The pipe ends when control does, after it has written its file.
        assert parent.stdout.read() == ""
    assert (tmp_path / "gone").read_text() == "gone"
