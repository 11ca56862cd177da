"""What may stand in no file, and what every module says first."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from repo.tree import ROOT, files, name

FORBIDDEN = {
    "a mark of unfinished work": re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b"),
    "a path of one machine": re.compile(r"(?<![\w.])/(ro" r"ot|wo" r"rk|ho" r"me/\w+)/"),
    "the host of a package registry": re.compile(
        r"\b(py" r"pi\.org|pythonho" r"sted\.org|npm" r"js\.|crates\." r"io)\b"
    ),
    "commented-out Rust": re.compile(r"^\s*// *(let |if .*\{$|\w+\(.*\);$)", re.MULTILINE),
    "a merge's leftovers": re.compile(r"^(<{7}|>{7}) ", re.MULTILINE),
}
SLEEP = re.compile(r"\bsleep\((?!0\))")
# Others' words: lock files, and this file, which has to name what it looks for.
APART = ("Cargo.lock", Path(__file__).name)


def text_files() -> list[Path]:
    found = []
    for path in files():
        if path.name not in APART and "golden" not in path.parts:
            try:
                path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            found.append(path)
    return found


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_forbidden_is_in_the_tree(what: str) -> None:
    found = [
        f"{name(path)}: {match[0]!r}"
        for path in text_files()
        for match in FORBIDDEN[what].finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == [], what


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a mark of unfinished work", "# TODO later"),
        ("a path of one machine", "see /work/x"),
        ("the host of a package registry", "https://py" + "pi.org/simple"),
        ("commented-out Rust", "    // let x = 1;"),
        ("a merge's leftovers", "<<<<<<< ours"),
    ],
)
def test_the_patterns_find_what_they_are_for(what: str, text: str) -> None:
    assert FORBIDDEN[what].search(text)


def test_every_module_says_first_what_it_promises() -> None:
    silent = []
    for path in files(".py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if tree.body and not ast.get_docstring(tree):
            silent.append(name(path))
    rust = [path for path in files(".rs") if not path.read_text(encoding="utf-8").startswith("//! ")]
    assert silent + [name(path) for path in rust] == []


def test_no_test_waits_for_time_to_pass() -> None:
    tests = [path for path in files(".py") if "tests" in path.relative_to(ROOT).parts]
    assert [name(path) for path in tests if SLEEP.search(path.read_text(encoding="utf-8"))] == []


def test_no_file_is_big_that_need_not_be() -> None:
    big = [name(path) for path in files() if path.stat().st_size > 600_000 and path.suffix != ".ranks"]
    assert big == []
