"""Every command and snippet of the README is run, as it stands but for the port.

Invariant: a command that no test knows how to run fails `test_every_command_is_run`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
from e2e.processes.serving import Serving
from repo.papers import blocks, commands
from repo.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

README = ROOT / "README.md"
ADDRESS = "http://127.0.0.1:8080"
ADMIN_KEY = "admin-key-of-the-readme-test"
COMMANDS = [command for block in blocks(README, "sh") for command in commands(block)]
MAKE = [command for command in COMMANDS if command.startswith("make ")]
CURL = [command for command in COMMANDS if command.startswith("curl ")]
SERVE = [command for command in COMMANDS if command.startswith(".venv/bin/headgate serve")]
ONCE = [command for command in COMMANDS if command.startswith(".venv/bin/headgate ") and command not in SERVE]
PATIENCE_S = 8


def environment(**more: str) -> dict[str, str]:
    """Our environment without providers' keys, which would make providers, and without make's own."""
    kept = {
        name: value for name, value in os.environ.items() if not re.search("_API_KEY$|^OLLAMA|^MAKE", name)
    }
    return {**kept, "HEADGATE_ADMIN_KEY": ADMIN_KEY, "HEADGATE_KEY": ADMIN_KEY, **more}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory like a checkout: the built command, and the README's own configuration."""
    path = tmp_path_factory.mktemp("readme")
    (path / ".venv").mkdir()
    (path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (config,) = blocks(README, "yaml")
    (path / "headgate.yaml").write_text(f"{config}\n{listeners()}", encoding="utf-8")
    return path


def listeners() -> str:
    """Ports that the system chooses."""
    return "server: {listen: 127.0.0.1:0, workers: 1}\ncontrol: {listen: 127.0.0.1:0}\n"


@contextmanager
def served(command: str, home: Path, **variables: str) -> Iterator[str]:
    """The address of a gateway that `command` starts in `home`."""
    process = subprocess.Popen(  # noqa: S602 - the README's own command line
        f"exec {command}",
        shell=True,
        cwd=home,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with Serving(home, process) as serving:
        yield serving.ready().endpoints["listen"]


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of what `make run` serves: its configuration, on ports that the system chooses."""
    home = tmp_path_factory.mktemp("quickstart")
    text = (ROOT / "configs" / "quickstart.yaml").read_text(encoding="utf-8")
    text = re.sub(r"(listen: 127\.0\.0\.1):\d+", r"\1:0", text).replace("../.headgate", ".headgate")
    (home / "quickstart.yaml").write_text(text, encoding="utf-8")
    command = f"{Path(sys.executable).parent}/headgate serve -c quickstart.yaml --workers 1"
    with served(command, home) as address:
        yield address


def run(command: str, home: Path, **variables: str) -> str:
    """What a command prints; it must succeed."""
    ran = subprocess.run(  # noqa: S602 - the README's own command line
        command,
        shell=True,
        cwd=home,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def test_every_command_is_run() -> None:
    assert sorted(COMMANDS) == sorted(MAKE + CURL + SERVE + ONCE)
    assert COMMANDS[:2] == ["make run", "make test"]
    assert all((MAKE, CURL, SERVE, ONCE))


@pytest.mark.parametrize("command", MAKE)
def test_make_knows_the_target(command: str) -> None:
    assert run(command.replace("make ", "make --dry-run ", 1), ROOT)


def test_make_run_serves_the_quickstart_where_the_readme_says() -> None:
    assert "serve -c configs/quickstart.yaml" in run("make --dry-run run", ROOT)
    assert "listen: 127.0.0.1:8080" in (ROOT / "configs" / "quickstart.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", CURL)
def test_curl_is_answered(command: str, quickstart: str, tmp_path: Path) -> None:
    assert ADDRESS in command
    answer = orjson.loads(run(command.replace(ADDRESS, quickstart), tmp_path))
    assert answer["choices"][0]["message"]["content"] == "Hello"


def test_the_python_snippet_prints_the_answer(quickstart: str, tmp_path: Path) -> None:
    (snippet,) = blocks(README, "python")
    assert ADDRESS in snippet
    script = tmp_path / "snippet.py"
    script.write_text(snippet.replace(ADDRESS, quickstart), encoding="utf-8")
    assert run(f"{sys.executable} snippet.py", tmp_path) == "Hello"


@pytest.mark.parametrize("command", ONCE)
def test_a_command_does_its_work(command: str, home: Path) -> None:
    printed = run(command, home, OPENAI_API_KEY="not-a-real-key")
    assert "headgate.yaml: good" in printed or "key_hash: " in printed


@pytest.mark.parametrize("command", SERVE)
def test_the_readmes_configuration_serves(command: str, home: Path) -> None:
    with served(command, home, OPENAI_API_KEY="not-a-real-key") as address:
        models = run(f'curl -s {address}/v1/models -H "Authorization: Bearer $HEADGATE_KEY"', home)
    assert [model["id"] for model in orjson.loads(models)["data"]] == [
        "gpt-4o-mini",
        "text-embedding-3-small",
        "echo",
    ]
