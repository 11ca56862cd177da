"""Helpers: a file on disk, loaded and compiled as `serve` does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from headgate.config.accounts import AccountTable
from headgate.config.compile import compile_runtime
from headgate.config.loader import Loaded, load
from headgate.config.problems import ConfigWarning, InvalidConfigError
from headgate.config.runtime import Runtime

NOW_S = 1_800_000_000.0
Compile = Callable[..., tuple[Runtime, list[ConfigWarning]]]
Problems = Callable[..., list[str]]


@pytest.fixture
def load_text(tmp_path: Path) -> Callable[..., Loaded]:
    """Load a text as `f.yaml`."""

    def run(text: str, env: Mapping[str, str] | None = None, name: str = "f.yaml") -> Loaded:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return load(Path(name), env or {}, tmp_path)

    return run


@pytest.fixture
def compile_text(load_text: Callable[..., Loaded]) -> Compile:
    """Compile a text."""

    def run(
        text: str, env: Mapping[str, str] | None = None, admin_digest: str | None = None
    ) -> tuple[Runtime, list[ConfigWarning]]:
        return compile_runtime(
            load_text(text, env),
            generation=7,
            admin_digest=admin_digest,
            accounts=AccountTable(),
            now_s=NOW_S,
        )

    return run


@pytest.fixture
def problems(compile_text: Compile) -> Problems:
    """The lines of the error that a text gives; none when it is good."""

    def run(text: str, env: Mapping[str, str] | None = None, admin_digest: str | None = None) -> list[str]:
        try:
            compile_text(text, env, admin_digest)
        except InvalidConfigError as error:
            return str(error).splitlines()
        return []

    return run
