"""The entry point: exit codes, no stack traces, and a short way to `serve`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from headgate.cli import main as entry
from headgate.cli.main import plain_serve
from headgate.errors import ConfigError

NO = None


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], (None, None)),
        (["-c", "a.yaml"], (Path("a.yaml"), None)),
        (["--config", "a.yaml", "--workers", "2"], (Path("a.yaml"), 2)),
        (["--config=a=b.yaml", "--workers=256"], (Path("a=b.yaml"), 256)),
        (["--help"], NO),
        (["-c"], NO),
        (["--workers", "0"], NO),
        (["--workers", "x"], NO),
        (["--workers=257"], NO),
        (["-c", "--workers"], NO),
        (["extra"], NO),
        (["-c", "a", "-c", "b"], NO),
        (["-c=a"], NO),
        (["--workers", "²"], NO),
    ],
)
def test_plain_serve_is_understood_and_the_rest_is_left_to_typer(arguments: list[str], options: object):
    assert plain_serve(["serve", *arguments]) == options


@pytest.mark.parametrize(
    "arguments", [["serve", "-c", "a.yaml", "--workers", "2"], ["serve", "-ca.yaml", "--workers", "2"]]
)
def test_serve_gets_its_options_either_way(arguments, headgate, monkeypatch: pytest.MonkeyPatch):
    called = []
    monkeypatch.setattr(entry, "serve", lambda config, workers: called.append((str(config), workers)) or 3)
    assert headgate(*arguments).code == 3
    assert called == [("a.yaml", 2)]


@pytest.mark.parametrize(
    "arguments",
    [["bogus"], ["check", "--bogus"], ["serve", "--workers", "0"], ["keys", "create"], ["serve", "x"], []],
)
def test_wrong_usage_is_2(arguments, headgate):
    ran = headgate(*arguments)
    assert ran.code == 2
    assert "Usage: headgate" in ran.err + ran.out
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "arguments", [["-h"], ["--help"], ["check", "-h"], ["serve", "--help"], ["keys", "create", "--help"]]
)
def test_help_is_0(arguments, headgate):
    assert headgate(*arguments).code == 0


def test_an_error_is_one_message(headgate, monkeypatch: pytest.MonkeyPatch):
    def fail(_config: object, _workers: object) -> int:
        message = "headgate.yaml:3: foo: unknown key"
        raise ConfigError(message)

    monkeypatch.setattr(entry, "serve", fail)
    assert headgate("serve") == (1, "", "headgate.yaml:3: foo: unknown key\n")


def test_an_interrupt_is_130(headgate, monkeypatch: pytest.MonkeyPatch):
    def interrupt(_config: object, _workers: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "serve", interrupt)
    assert headgate("serve").code == 130


def test_the_way_to_serve_imports_nothing_heavy():
    script = (
        "import sys, headgate.cli.main, headgate.cli.serve;"
        "sys.exit(' '.join({'typer', 'click', 'rich', 'pydantic', 'yaml', 'blacksheep'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", script]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  our own words
    assert ran.stderr.strip() == ""


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m headgate.cli.main config schema | head -c 1; exit ${{PIPESTATUS[0]}}"
    shell = ["bash", "-c", command]
    ran = subprocess.run(shell, check=False, capture_output=True, text=True)  # noqa: S603  our own words
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "{", "")
