"""The checker of budgets and the checker of licences can both fail."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest
from repo.tree import ROOT


def load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.replace("/", "_"), ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


budgets = load("benches/budgets.py")
crates = load("tools/check_crates.py")
RULES = {
    "bans": {"deny": [{"crate": "tokio", "wrappers": ["aws"]}]},
    "licenses": {"allow": ["MIT", "Apache-2.0"]},
}


def problems(measured: float | None, ceiling: float | None) -> list[str]:
    figures = {} if measured is None else {"time": {"admit": measured}}
    ceilings = {} if ceiling is None else {"time": {"admit": ceiling}}
    return [row.problem for row in budgets.compare(figures, ceilings) if row.problem]


@pytest.mark.parametrize(("measured", "ceiling"), [(0.5, 1.0), (1.0, 1.0), (0.0, 0.0)])
def test_within_budget_is_no_problem(measured: float, ceiling: float) -> None:
    assert problems(measured, ceiling) == []


def test_over_budget_names_the_bench_the_figure_and_the_ceiling() -> None:
    (problem,) = problems(1.25, 1.0)
    assert problem == "time of admit: measured 1.25 units, ceiling 1"


@pytest.mark.parametrize(("measured", "ceiling"), [(None, 1.0), (1.0, None)])
def test_what_is_missing_is_a_problem(measured: float | None, ceiling: float | None) -> None:
    (problem,) = problems(measured, ceiling)
    assert "admit" in problem


def test_every_kind_of_budget_has_ceilings() -> None:
    assert list(budgets.read()) == list(budgets.KINDS)
    assert all(budgets.read().values())


@pytest.mark.parametrize(
    ("expression", "good"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0", True),
        ("GPL-3.0/MIT", True),
        ("MIT AND GPL-3.0", False),
        ("(MIT OR GPL-3.0) AND Apache-2.0", True),
        ("(MIT AND GPL-3.0) OR BSD-4-Clause", False),
        ("GPL-3.0-only", False),
        ("", False),
    ],
)
def test_licence_expressions_are_read(expression: str, good: bool) -> None:
    package = {"name": "a", "version": "1", "license": expression, "source": None}
    assert (crates.problems_of(package, set(), RULES) == []) is good


@pytest.mark.parametrize(
    ("crate", "source"), [("tokio", "registry+x"), ("fine", "git+https://example.com/x")]
)
def test_banned_crates_and_strange_sources_are_found(crate: str, source: str) -> None:
    package = {"name": crate, "version": "1", "license": "MIT", "source": source}
    assert len(crates.problems_of(package, set(), RULES)) == 1


def test_a_banned_crate_may_be_used_by_its_wrappers_alone() -> None:
    names = {"1": "tokio", "2": "aws", "3": "hyper"}
    nodes = [
        {"id": "1", "dependencies": []},
        {"id": "2", "dependencies": ["1"]},
        {"id": "3", "dependencies": []},
    ]
    packages = [
        {"id": number, "name": name, "version": "1", "license": "MIT", "source": None}
        for number, name in names.items()
    ]
    metadata = {"packages": packages, "resolve": {"nodes": nodes}}
    users = crates.users_of(metadata)["1"]
    assert crates.problems_of(packages[0], users, RULES) == []
    nodes[2]["dependencies"] = ["1"]
    users = crates.users_of(metadata)["1"]
    assert crates.problems_of(packages[0], users, RULES) == ["tokio 1: banned by deny.toml"]
