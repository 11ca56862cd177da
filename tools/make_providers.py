"""Writes docs/providers.md and the README's table of providers from the data; --check fails when stale.

Invariant: nothing is said of a vendor or a model that is not in python/headgate/data.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from headgate.providers.catalog import CATALOG, Vendor

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "providers.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- providers: written by tools/make_providers.py -->", "<!-- end of providers -->"
_NOTICE = "<!-- Written by tools/make_providers.py; do not edit. -->"
_INTRODUCTION = """\
A provider's `type` says where it is, how its key is sent, and what it is asked in. Each is a row of
[vendors.json](../python/headgate/data/vendors.json), checked against the page that its name links to.

```yaml
providers:
  - {name: openrouter, api_key: "${OPENROUTER_API_KEY}", models: [openai/gpt-oss-120b]}
  - {name: office, type: vllm, base_url: "http://10.0.0.5:8000/v1", models: [our-model]}
```

Without `providers` in the configuration, each variable below that is set makes one with the models whose
prefix is listed; a vendor without prefixes hosts the models of others, and has to be configured. Any other
server that speaks OpenAI's protocol is an `openai_compatible` with a `base_url`."""
_SMALLER = """\
A vendor that speaks OpenAI's protocol may know less of it than OpenAI. Its row says so. An endpoint that it
has not is refused with 400 before anything is sent."""
_MODELS = """\
Sizes and prices of models are in [models.json](../python/headgate/data/models.json), each group with its page
and the day it was read. Of a model that is not there nothing is guessed."""


CLOUDS = frozenset({"azure", "vertex", "bedrock"})
_BY_REGION = frozenset({"vertex", "bedrock"})


def _makes_models(row: Vendor) -> bool:
    return row.needs_key and any("/" not in prefix for prefix in row.prefixes)


KINDS: dict[str, Callable[[Vendor], bool]] = {
    "Makers of models": _makes_models,
    "Clouds": lambda row: row.type in CLOUDS,
    "Hosts of others' models": lambda row: (
        row.needs_key and not _makes_models(row) and row.type not in CLOUDS
    ),
    "Servers of your own": lambda row: not row.needs_key and row.kind == "http" and row.type not in CLOUDS,
    "Built in": lambda row: row.kind == "echo",
}


def page() -> str:
    """The page of all providers."""
    lines = ["# Providers", "", _NOTICE, "", *_INTRODUCTION.splitlines()]
    for kind, belongs in KINDS.items():
        lines += ["", f"## {kind}", "", "| type | vendor | address | variable | models | asked in |"]
        lines += ["|---|---|---|---|---|---|", *(_row(row) for row in CATALOG.values() if belongs(row))]
    lines += ["", "## Where a vendor's form is smaller", "", *_SMALLER.splitlines(), ""]
    lines += ["| type | maximum | instructions | refused or unheeded | endpoints it lacks | notes |"]
    lines += ["|---|---|---|---|---|---|", *_smaller()]
    lines += [
        "",
        "## Models",
        "",
        *_MODELS.splitlines(),
        "",
        "| type | models | read | from |",
        "|---|---|---|---|",
    ]
    lines += _groups()
    return "\n".join(lines) + "\n"


def table() -> str:
    """The README's table, with its marks."""
    lines = [BEGIN, "| | types |", "|---|---|"]
    for kind, belongs in KINDS.items():
        lines.append(f"| {kind} | {', '.join(f'`{row.type}`' for row in CATALOG.values() if belongs(row))} |")
    return "\n".join([*lines, END])


def readme() -> str:
    """The README with its table as it should be."""
    before, begin, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit("README.md has lost the marks of its table of providers")
    return before + table() + after


def _row(row: Vendor) -> str:
    vendor = row.title if row.kind == "echo" else f"[{row.title}]({row.source})"
    absent = "" if row.kind == "echo" else "by `region`" if row.type in _BY_REGION else "required"
    address = f"`{row.base_url}`" if row.base_url else absent
    cells = (f"`{row.type}`", vendor, address, _code([row.env] if row.env else []))
    return _line(*cells, _code(row.prefixes), ", ".join(row.dialects))


def _smaller() -> Iterator[str]:
    for row in CATALOG.values():
        if not (row.quirks or row.lacks or row.notes):
            continue
        refused = [name.removeprefix("no_") for name in row.quirks if name.startswith("no_")]
        limit = [] if row.max_tokens == "either" else [row.max_tokens]
        role = "system only" if row.instructions == "system" else ""
        yield _line(f"`{row.type}`", _code(limit), role, _code(refused), ", ".join(row.lacks), row.notes)


def _groups() -> Iterator[str]:
    data = ROOT / "python" / "headgate" / "data" / "models.json"
    groups: list[dict[str, Any]] = json.loads(data.read_bytes())["groups"]
    for group in groups:
        source = group["source"]
        host, *_, last = source.partition("://")[2].split("/")
        yield _line(
            f"`{group['vendor']}`", str(len(group["models"])), group["date"], f"[{host} … {last}]({source})"
        )


def _code(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description="Write the pages of providers from the data.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a page is stale")
    check = parser.parse_args().check
    stale = 0
    for path, text in ((PAGE, page()), (README, readme())):
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            stale = 1
            sys.stderr.write(f"{path.relative_to(ROOT)} is stale; run tools/make_providers.py\n")
        else:
            path.write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
