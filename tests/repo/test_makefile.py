"""One door: every target has its line of help, CI goes through it, and the papers name only what is there."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest
from repo.tree import ROOT, files, name

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PHONY = set(re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE))
PROMISED = {
    "run",
    "build",
    "test",
    "lint",
    "check",
    "fmt",
    "coverage",
    "bench",
    "bench-check",
    "fuzz",
    "audit",
    "wheel",
}
PAPERS = [path for path in files(".md") if path.parent == ROOT or "docs" in path.parts]


def test_help_is_the_default_and_names_every_target() -> None:
    said = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    listed = set(re.findall(r"^  make ([a-z-]+) +\S", said, re.MULTILINE))
    assert listed == PHONY
    assert listed >= PROMISED


def test_ci_goes_through_the_door() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    called = re.findall(r"^section [a-z-]+ (.+)$", ci, re.MULTILINE)
    assert called[-3:] == ["make lint", "make test", "make bench-check"]
    assert all(command.startswith("make ") for command in called)


@pytest.mark.parametrize("path", PAPERS, ids=name)
def test_papers_name_targets_that_exist(path: object) -> None:
    text = path.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    named = re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text, re.MULTILINE)
    assert set(named) <= PHONY


@pytest.mark.parametrize("path", PAPERS, ids=name)
def test_links_within_the_repository_lead_somewhere(path: object) -> None:
    text = path.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    assert [link for link in links if not (path.parent / link).exists()] == []  # type: ignore[attr-defined]


def test_readme_shows_the_two_commands_first() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"^```\w*\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert block is not None
    assert "make run" in block[1]
    assert "make test" in readme[: block.end() + 1000]


def test_the_changelog_has_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[?({re.escape(version)}|Unreleased)\]?", changelog, re.MULTILINE)


def test_the_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]
    assert project["version"] == cargo["version"]
    assert project["license"] == cargo["license"] == "Apache-2.0"


def test_all_extras_are_in_all() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    (everything,) = extras.pop("all")
    assert everything == f"headgate[{','.join(extras)}]"
