"""Writes docs/reference/{configuration,environment,cli}.md from the code; --check fails when they are stale.

Invariant: the pages hold nothing that is not in the models, the declared variables or the commands.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from headgate.cli.commands import app
from headgate.config.env import VARIABLES
from headgate.config.schema import json_schema
from headgate.providers.catalog import CATALOG, NOT_YET
from headgate.providers.hosting import BEDROCK, VERTEX, hostings

PAGES = Path(__file__).resolve().parent.parent / "docs" / "reference"
_NOTICE = "<!-- Written by tools/make_reference.py; do not edit. -->"
_WIDTH = 100
_INTRODUCTION = """\
One file, YAML or JSON (`.json`), found by `-c`, `HEADGATE_CONFIG`, or `./headgate.yaml`. Without a file the
defaults below hold. It is strict: an unknown key is an error that names line, path and the nearest key.
Values may hold `${NAME}`, `${NAME:-default}` (for an unset or empty variable) and `$$` for one `$`; keys may
not. Durations: `100ms`, `10s`, `5m`, `1h30m`, `1d`. Sizes: `64KiB`, `32MiB` (1024) and `1GB` (1000).
Paths are relative to the file. `headgate check` shows what a file says or what is wrong with it;
`headgate config schema` prints its JSON Schema; `configs/full.yaml` shows every key.

A change of the file, or SIGHUP, is taken up while requests go on: compiled first, then swapped whole; a bad
file changes nothing and is reported. `server.listen`, `server.workers`, `control.listen` and `state_dir`
change only with a restart."""
Schema = dict[str, Any]


def pages() -> dict[str, str]:
    """The text of every page by its file name."""
    return {"configuration.md": configuration(), "environment.md": environment(), "cli.md": cli()}


def configuration() -> str:
    """Every key, then the types of providers."""
    schema = json_schema()
    lines = [
        "# Configuration",
        "",
        _NOTICE,
        "",
        *_INTRODUCTION.splitlines(),
        "",
        *_section("", schema, schema["$defs"]),
        "## Types of providers",
        "",
        "| type | what it is | base_url | key in the environment | models by prefix |",
        "|---|---|---|---|---|",
        *_vendors(),
        "",
        f"Not supported yet: {', '.join(NOT_YET)}.",
    ]
    return "\n".join(lines) + "\n"


def environment() -> str:
    """Every variable that Headgate reads."""
    rows = [f"| `{variable.name}` | {variable.description} | {variable.default} |" for variable in VARIABLES]
    lines = [
        "# Environment",
        "",
        _NOTICE,
        "",
        "These are all the variables that Headgate reads by itself.",
        "A configuration file may name any other by `${NAME}`.",
        "",
        "| variable | what it does | when it is absent |",
        "|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def cli() -> str:
    """The help of every command."""
    lines = ["# Command line", "", _NOTICE]
    for names, help_text in _helps(typer.main.get_command(app), ("headgate",)):
        lines += ["", f"## {' '.join(names)}", "", "```", help_text.rstrip(), "```"]
    return "\n".join(lines) + "\n"


def _section(prefix: str, section: Schema, definitions: Schema) -> Iterator[str]:
    """A table of the section's own keys, then the sections in it."""
    name = prefix or "The document"
    yield f"## {name if not prefix else f'`{prefix}`'}"
    yield ""
    yield section["description"].replace("\n", " ")
    yield ""
    yield "| key | type | default | what it does |"
    yield "|---|---|---|---|"
    inner: list[tuple[str, Schema]] = []
    for key, field in section["properties"].items():
        default = _default(key, field, section)
        reference, many = _reference(field)
        meaning = field.get("description") or definitions[reference or ""]["description"]
        yield f"| `{key}` | {_type(field)} | {default} | {meaning.replace(chr(10), ' ')} |"
        if reference:
            path = f"{prefix}.{key}" if prefix else key
            inner.append((path + ("[]" if many else ""), definitions[reference]))
    yield ""
    for path, definition in inner:
        yield from _section(path, definition, definitions)


def _reference(field: Schema) -> tuple[str | None, bool]:
    """The section that a field holds, and whether it is a list of them."""
    if "$ref" in field:
        return field["$ref"].rsplit("/", 1)[1], False
    if "items" in field:
        return _reference(field["items"])[0], True
    for choice in field.get("anyOf", ()):
        found = _reference(choice)
        if found[0]:
            return found
    return None, False


def _type(field: Schema) -> str:
    if "$comment" in field:
        return str(field["$comment"])
    if "enum" in field or "const" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if "anyOf" in field:
        return " or ".join(_type(choice) for choice in field["anyOf"] if choice.get("type") != "null")
    if "$ref" in field:
        return "mapping"
    if field.get("type") == "array":
        inner = _type(field["items"])
        return f"list of {'mappings' if inner == 'mapping' else 'texts'}"
    return {"object": "mapping of texts", "string": "text"}[field["type"]]


def _default(key: str, field: Schema, section: Schema) -> str:
    if key in section.get("required", ()):
        return "required"
    value = field.get("default")
    return (
        ""
        if value is None or isinstance(value, (dict, list))
        else f"`{str(value).lower() if isinstance(value, bool) else value}`"
    )


def _vendors() -> Iterator[str]:
    for row in CATALOG.values():
        base_url = f"`{row.base_url}`" if row.base_url else _no_address(row.type)
        env = f"`{row.env}`" if row.env else ""
        prefixes = ", ".join(f"`{prefix}`" for prefix in row.prefixes)
        yield f"| `{row.type}` | [{row.title}]({row.source}) | {base_url} | {env} | {prefixes} |".replace(
            f"[{row.title}](docs/reference/configuration.md)", row.title
        )


def _no_address(type_: str) -> str:
    if type_ == "echo":
        return ""
    return "by `region`" if hostings(type_)[0] in (BEDROCK, VERTEX) else "required"


def _helps(command: Any, names: tuple[str, ...], parent: Any = None) -> Iterator[tuple[tuple[str, ...], str]]:  # noqa: ANN401 - typer carries its own click
    width = {"terminal_width": _WIDTH, "max_content_width": _WIDTH}
    context = command.make_context(names[-1], [], parent=parent, resilient_parsing=True, **width)
    yield names, command.get_help(context)
    for name, inner in getattr(command, "commands", {}).items():
        yield from _helps(inner, (*names, name), context)


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description="Write the reference pages from the code.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a page is stale")
    check = parser.parse_args().check
    stale = [name for name, text in pages().items() if not _same(PAGES / name, text)]
    if check:
        sys.stderr.writelines(
            f"docs/reference/{name} is stale; run tools/make_reference.py\n" for name in stale
        )
        return 1 if stale else 0
    PAGES.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (PAGES / name).write_text(pages()[name], encoding="utf-8")
    return 0


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
