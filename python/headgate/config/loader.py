"""From a file, or from nothing, to a validated document.

Invariant: whatever the file holds, the result is a `Loaded` or one `ConfigError` that lists every problem
found. Order: find, read, expand, validate, then what only the environment can add (providers, the admin key).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from headgate.config import discover, tree
from headgate.config import env as environment
from headgate.config.explain import problems_of
from headgate.config.problems import ConfigWarning, InvalidConfigError, Origin, Problem
from headgate.config.schema import Document
from headgate.config.secrets import Secret
from headgate.config.values import kind
from headgate.errors import ConfigError

DEFAULT_NAME = "headgate.yaml"
BUILT_IN = "built-in configuration"
_MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """A validated document and where it came from; `path` None is the built-in configuration."""

    document: Document
    path: Path | None
    config_dir: Path
    origin: Origin
    discovered: bool
    warnings: tuple[ConfigWarning, ...] = ()


def find(path: Path | None, env: Mapping[str, str], cwd: Path) -> Path | None:
    """The file to read: the one given, HEADGATE_CONFIG, `./headgate.yaml`, or None (built in)."""
    if path is not None:
        return path
    named = env.get(environment.CONFIG.name)
    if named:
        return Path(named)
    return Path(DEFAULT_NAME) if (cwd / DEFAULT_NAME).exists() else None


def load(path: Path | None = None, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Loaded:
    """Find, read and validate the configuration.

    Raises:
        ConfigError: the file cannot be read or used; the message lists every problem with its line.
    """
    env = environment.environ() if env is None else env
    cwd = Path.cwd() if cwd is None else cwd
    found = find(path, env, cwd)
    if found is None:
        return _complete(Document(), None, cwd, Origin(BUILT_IN), env)
    text = _text(cwd, found)
    try:
        read = tree.read(text, env, is_json=found.suffix == ".json")
    except tree.UnreadableError as error:
        raise InvalidConfigError(Origin(str(found), {(): error.line}), [Problem((), str(error))]) from None
    origin = Origin(str(found), read.lines)
    return _complete(_validated(read, origin), found, (cwd / found).resolve().parent, origin, env)


def _text(cwd: Path, path: Path) -> str:
    try:
        raw = (cwd / path).read_bytes()
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror or type(error).__name__}"
        raise ConfigError(message) from None
    if len(raw) > _MAX_BYTES:
        message = f"{path}: is larger than {_MAX_BYTES >> 20} MiB"
        raise ConfigError(message)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"{path}:{line}: is not UTF-8"
        raise ConfigError(message) from None


def _validated(read: tree.Tree, origin: Origin) -> Document:
    """The document; what a duplicate or an undefined variable stands for is not judged a second time."""
    value, problems = read.value, list(read.problems)
    if value is None and not problems:
        return Document()
    if not isinstance(value, dict):
        raise InvalidConfigError(
            origin,
            [*problems, Problem((), f"expected a mapping of keys such as providers:, got {kind(value)}")],
        )
    try:
        document = Document.model_validate(value)
    except ValidationError as error:
        known = {problem.path for problem in problems}
        problems += [problem for problem in problems_of(error, Document) if problem.path not in known]
        raise InvalidConfigError(origin, problems) from None
    if problems:
        raise InvalidConfigError(origin, problems)
    return document


def _complete(
    document: Document, path: Path | None, config_dir: Path, origin: Origin, env: Mapping[str, str]
) -> Loaded:
    """Add what the environment alone can say: providers where there are none, places of clouds, a key."""
    changes: dict[str, object] = {}
    warnings: list[ConfigWarning] = []
    if document.providers is None:
        changes["providers"], remarks = discover.from_environment(env)
        warnings = [ConfigWarning("environment", remark) for remark in remarks]
    else:
        changes["providers"] = [discover.filled(provider, env) for provider in document.providers]
    if not document.auth.admin_key:
        admin_key = env.get(environment.ADMIN_KEY.name)
        secret = Secret(admin_key) if admin_key else None
        changes["auth"] = document.auth.model_copy(update={"admin_key": secret})
    return Loaded(
        document=document.model_copy(update=changes),
        path=path,
        config_dir=config_dir,
        origin=origin,
        discovered=document.providers is None,
        warnings=tuple(warnings),
    )
