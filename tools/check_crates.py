"""Refuses crates with an unwanted licence or of an unwanted kind; the stand-in for cargo-deny, by deny.toml.

Invariant: the lists are those of deny.toml, and a crate without a licence that can be accepted fails.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REGISTRY = "registry+"


def main() -> int:
    """The exit status: 0 when every crate of the lock file may be used."""
    rules = tomllib.loads((ROOT / "deny.toml").read_text(encoding="utf-8"))
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # noqa: S603  a fixed command
    metadata = json.loads(found.stdout)
    packages = metadata["packages"]
    users = users_of(metadata)
    problems = [
        problem for package in packages for problem in problems_of(package, users[package["id"]], rules)
    ]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(packages)} crates looked at")
    return 1 if problems else 0


def users_of(metadata: dict[str, Any]) -> dict[str, set[str]]:
    """By crate id, the names of those that depend on it directly."""
    names = {package["id"]: package["name"] for package in metadata["packages"]}
    users: dict[str, set[str]] = {name: set() for name in names}
    for node in metadata["resolve"]["nodes"]:
        for used in node["dependencies"]:
            users[used].add(names[node["id"]])
    return users


def problems_of(package: dict[str, Any], users: set[str], rules: dict[str, Any]) -> list[str]:
    """What speaks against one crate; `wrappers` of a ban may use it."""
    name = f"{package['name']} {package['version']}"
    problems = []
    banned = {ban["crate"]: set(ban.get("wrappers", ())) for ban in rules["bans"]["deny"]}
    if package["name"] in banned and not (users and users <= banned[package["name"]]):
        problems.append(f"{name}: banned by deny.toml")
    if not accepted(package["license"] or "", set(rules["licenses"]["allow"])):
        problems.append(f"{name}: licence {package['license']!r} is not in deny.toml")
    if package["source"] is not None and not package["source"].startswith(REGISTRY):
        problems.append(f"{name}: comes from {package['source']}, not from a registry")
    return problems


def accepted(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met by allowed licences; `/` is the old spelling of OR."""
    text = re.sub(r"\s*/\s*", " OR ", expression)
    words = re.findall(r"\(|\)|[^\s()]+(?: WITH [^\s()]+)?", text)
    python = [
        {"(": "(", ")": ")", "AND": "and", "OR": "or"}.get(word, str(word in allowed)) for word in words
    ]
    return bool(python) and _truth(python)


def _truth(words: list[str]) -> bool:
    """`or` of `and`s over True, False and parentheses."""
    value, rest = _either(words)
    if rest:
        raise ValueError(f"not a licence expression: {words}")
    return value


def _either(words: list[str]) -> tuple[bool, list[str]]:
    value, rest = _both(words)
    while rest[:1] == ["or"]:
        other, rest = _both(rest[1:])
        value = value or other
    return value, rest


def _both(words: list[str]) -> tuple[bool, list[str]]:
    value, rest = _term(words)
    while rest[:1] == ["and"]:
        other, rest = _term(rest[1:])
        value = value and other
    return value, rest


def _term(words: list[str]) -> tuple[bool, list[str]]:
    if words[:1] == ["("]:
        value, rest = _either(words[1:])
        return value, rest[1:]
    return words[:1] == ["True"], words[1:]


if __name__ == "__main__":
    sys.exit(main())
