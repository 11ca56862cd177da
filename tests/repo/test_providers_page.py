"""The pages of providers say what the data says: every vendor once, every quirk, every group of models."""

from __future__ import annotations

import subprocess
import sys

import orjson
import pytest
from headgate.providers.catalog import CATALOG
from repo.papers import DOCS, quoted, rows, section
from repo.tree import ROOT

PAGE = DOCS / "providers.md"
KINDS = ("Makers of models", "Clouds", "Hosts of others' models", "Servers of your own", "Built in")
TOOL = ROOT / "tools" / "make_providers.py"


def table_of(heading: str) -> list[list[str]]:
    return rows(section(PAGE, heading))


def test_the_pages_are_as_the_tool_writes_them() -> None:
    done = subprocess.run([sys.executable, str(TOOL), "--check"], capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    assert (done.returncode, done.stderr) == (0, "")


def test_every_vendor_is_in_one_table_with_its_page_and_address() -> None:
    told = [cells for kind in KINDS for cells in table_of(kind)]
    assert sorted(quoted(cells[0])[0] for cells in told) == sorted(CATALOG)
    for cells in told:
        row = CATALOG[quoted(cells[0])[0]]
        assert row.kind == "echo" or cells[1] == f"[{row.title}]({row.source})"
        assert [name for name in quoted(cells[2]) if name != "region"] == (
            [row.base_url] if row.base_url else []
        )
        assert quoted(cells[3]) == ([row.env] if row.env else [])
        assert quoted(cells[4]) == list(row.prefixes)


def test_every_row_that_differs_from_openai_is_told() -> None:
    told = {quoted(cells[0])[0] for cells in table_of("Where a vendor's form is smaller")}
    assert {row.type for row in CATALOG.values() if row.quirks or row.lacks} <= told


def test_every_group_of_models_is_told() -> None:
    document = orjson.loads((ROOT / "python/headgate/data/models.json").read_bytes())
    wanted = [(group["vendor"], str(len(group["models"])), group["date"]) for group in document["groups"]]
    assert [(quoted(cells[0])[0], cells[1], cells[2]) for cells in table_of("Models")] == wanted


def test_the_readme_names_every_type() -> None:
    named = [kind for cells in table_of_readme() for kind in quoted(cells[1])]
    assert sorted(named) == sorted(CATALOG)
    assert [cells[0] for cells in table_of_readme()] == list(KINDS)


def table_of_readme() -> list[list[str]]:
    return rows(section(ROOT / "README.md", "Providers"))


@pytest.mark.parametrize("name", ["vendors.json", "models.json"])
def test_the_data_is_packed(name: str) -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '{ path = "python/headgate/data/*.json", format = ["sdist", "wheel"] }' in text
    assert (ROOT / "python" / "headgate" / "data" / name).is_file()
