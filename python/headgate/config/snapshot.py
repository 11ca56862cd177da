"""The compiled configuration as a file: written by control, read by every worker.

Invariant: a reader sees a whole snapshot or the one before; only the owner can read it (it holds
credentials). Nothing here imports the document's models or a YAML parser: workers start fast and stay small.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson

from headgate.config.runtime import (
    CacheSettings,
    CredentialSpec,
    Key,
    Provider,
    Route,
    Runtime,
    ServerSettings,
    Target,
    Telemetry,
    Timeouts,
)
from headgate.errors import ConfigError

_FORMAT = 2


def encode(runtime: Runtime) -> bytes:
    """The runtime as JSON."""
    return orjson.dumps({"format": _FORMAT, "runtime": runtime})


def decode(data: bytes) -> Runtime:
    """The runtime that `encode` wrote.

    Raises:
        ConfigError: it is something else, or of another version of Headgate.
    """
    try:
        raw = orjson.loads(data)
        if raw["format"] == _FORMAT:
            return _runtime(raw["runtime"])
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    message = "the snapshot is damaged or was written by another version of headgate"
    raise ConfigError(message)


def write_snapshot(path: Path, runtime: Runtime) -> None:
    """Replace the file atomically; mode 0600 from its first byte, on disk before it is seen."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(encode(runtime))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_snapshot(path: Path) -> Runtime:
    """Read a snapshot.

    Raises:
        ConfigError: there is none, or it is unusable.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise ConfigError(message) from None
    try:
        return decode(data)
    except ConfigError as error:
        message = f"{path}: {error}"
        raise ConfigError(message) from None


def _runtime(raw: dict[str, Any]) -> Runtime:
    sections = {
        "server": ServerSettings(**raw["server"]),
        "keys": tuple(_key(key) for key in raw["keys"]),
        "providers": tuple(_provider(provider) for provider in raw["providers"]),
        "routes": tuple(_route(route) for route in raw["routes"]),
        "cache": CacheSettings(**raw["cache"]),
        "telemetry": Telemetry(**raw["telemetry"]),
    }
    return Runtime(**{**raw, **sections})


def _key(raw: dict[str, Any]) -> Key:
    return Key(**{**raw, "allowed_models": tuple(raw["allowed_models"])})


def _provider(raw: dict[str, Any]) -> Provider:
    parts = {
        "headers": tuple((name, value) for name, value in raw["headers"]),
        "timeouts": Timeouts(**raw["timeouts"]),
        "models": tuple(raw["models"]),
        "dialects": tuple(raw["dialects"]),
        "quirks": tuple(raw["quirks"]),
        "lacks": tuple(raw["lacks"]),
        "credential": _credential(raw["credential"]),
        "usual": tuple(raw["usual"]),
    }
    return Provider(**{**raw, **parts})


def _credential(raw: dict[str, Any] | None) -> CredentialSpec | None:
    if raw is None:
        return None
    return CredentialSpec(raw["kind"], tuple((name, value) for name, value in raw["parameters"]))


def _target(raw: dict[str, Any]) -> Target:
    return Target(**{**raw, "timeouts": Timeouts(**raw["timeouts"])})


def _route(raw: dict[str, Any]) -> Route:
    parts = {
        "targets": tuple(_target(target) for target in raw["targets"]),
        "timeouts": Timeouts(**raw["timeouts"]),
    }
    return Route(**{**raw, **parts})
