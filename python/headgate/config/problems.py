"""What is wrong with a configuration, all of it at once, where it is written.

Invariant: a message holds the path, the words and the fix, never a value that may be secret and never the
words of a validation library.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from headgate.errors import ConfigError

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """One fault; `path` is the way from the document's root."""

    path: Path
    message: str


class ConfigWarning(NamedTuple):
    """Something that works but is probably not meant; `where` is file, line and path."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document was written: the file's name as given, and the line of every path."""

    file: str
    lines: Mapping[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int | None:
        """The line of the path, or of its nearest written parent."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None

    def where(self, path: Path) -> str:
        """`file.yaml:12: routes[0].targets[1].provider`, as far as known."""
        line = self.line(path)
        place = self.file if line is None else f"{self.file}:{line}"
        return f"{place}: {dotted(path)}" if path else place


class InvalidConfigError(ConfigError):
    """A document that cannot be used; `problems` are in the order of the file."""

    def __init__(self, origin: Origin, problems: Iterable[Problem]) -> None:
        unique = dict.fromkeys(problems)
        self.origin = origin
        self.problems = tuple(sorted(unique, key=lambda problem: origin.line(problem.path) or 0))
        super().__init__("\n".join(f"{origin.where(p.path)}: {p.message}" for p in self.problems))


def dotted(path: Path) -> str:
    """`routes[0].targets[1].provider`; a name with other signs than a key's is quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if part.replace("_", "").replace("-", "").isalnum() else f'"{part}"'
            text += f".{name}" if text else name
    return text


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean "provider"?` for the nearest known name, else the names there are."""
    names = list(known)
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    if close:
        return f'; did you mean "{close[0]}"?'
    return f"; known here: {', '.join(names)}" if names else ""
