"""What the compiler finds on its way: problems that stop it, and warnings that do not."""

from __future__ import annotations

from headgate.config.problems import ConfigWarning, InvalidConfigError, Origin, Path, Problem


class Findings:
    """Collects; raises once at the end, so that one run shows every problem."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self._problems: list[Problem] = []
        self._warnings: list[ConfigWarning] = []

    def problem(self, path: Path, message: str) -> None:
        """Something that makes the document unusable."""
        self._problems.append(Problem(path, message))

    def warn(self, path: Path, message: str) -> None:
        """Something that works but is probably not meant."""
        self._warnings.append(ConfigWarning(self.origin.where(path), message))

    def unique(self, paths: dict[str, Path], name: str, path: Path) -> None:
        """Note a name, or say that it was taken; `paths` holds the names so far."""
        first = paths.setdefault(name, path)
        if first != path:
            self.problem(path, f'"{name}" is already used{_on_line(self.origin.line(first))}')

    def finish(self) -> list[ConfigWarning]:
        """The warnings.

        Raises:
            InvalidConfigError: there were problems.
        """
        if self._problems:
            raise InvalidConfigError(self.origin, self._problems)
        return self._warnings


def _on_line(line: int | None) -> str:
    return "" if line is None else f" on line {line}"
