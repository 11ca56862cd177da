"""When the file changed, and what happens then: a good one takes over whole, a bad one changes nothing.

Invariant: `Reloader.attempt` never raises for what a file holds; what was running goes on until a new runtime
is returned. What is fixed for the life of the process (listeners, workers, state directory) stays, and is
named.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from headgate.config.accounts import AccountTable
from headgate.config.compile import compile_runtime
from headgate.config.loader import load
from headgate.config.problems import ConfigWarning
from headgate.config.runtime import Runtime
from headgate.errors import ConfigError

SETTLE_S = 0.1


class Signature(NamedTuple):
    """What tells one version of a file from the next."""

    mtime_ns: int
    size: int
    inode: int


class Watcher:
    """Says once for each change that a file has changed, after it has rested for `SETTLE_S`.

    An editor that writes in two steps is read after the second. A file that is missing is about to be
    replaced.
    """

    def __init__(self, path: Path | None, stat: Callable[[Path], os.stat_result] = os.stat) -> None:
        self._path = path
        self._stat = stat
        self._known = self._look()
        self._seen = self._known
        self._since_s = 0.0

    def poll(self, now_s: float) -> bool:
        """Whether the file is another one than at the last True, or than at the beginning."""
        current = self._look()
        if current is None or current == self._known:
            self._seen = self._known
            return False
        if current != self._seen:
            self._seen, self._since_s = current, now_s
            return False
        if now_s - self._since_s < SETTLE_S:
            return False
        self._known = current
        return True

    def taken(self) -> None:
        """The file is read for another reason right now: what it is at this moment is no change any more."""
        self._known = self._seen = self._look() or self._known

    def _look(self) -> Signature | None:
        if self._path is None:
            return None
        try:
            stat = self._stat(self._path)
        except OSError:
            return None
        return Signature(stat.st_mtime_ns, stat.st_size, stat.st_ino)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reload gave: a runtime, or why the old one goes on."""

    runtime: Runtime | None
    error: str | None
    warnings: tuple[ConfigWarning, ...]


class Reloader:
    """Loads and compiles again, for SIGHUP and for the watcher."""

    def __init__(self, path: Path | None, env: Mapping[str, str], cwd: Path, accounts: AccountTable) -> None:
        self._path = path
        self._env = env
        self._cwd = cwd
        self._accounts = accounts

    def attempt(self, current: Runtime, made_admin_digest: str | None, now_s: float) -> Outcome:
        """The next runtime after `current`, or why there is none.

        `made_admin_digest` is the digest of the admin key that the first start made; a configured one wins.
        """
        try:
            loaded = load(self._path, self._env, self._cwd)
            configured = loaded.document.auth.admin_key
            compiled, warnings = compile_runtime(
                loaded,
                generation=current.generation + 1,
                admin_digest=configured.digest() if configured else made_admin_digest,
                accounts=self._accounts,
                now_s=now_s,
            )
        except ConfigError as error:
            return Outcome(None, f"the running configuration stays: {error}", ())
        kept, remarks = keep_fixed(current, compiled)
        return Outcome(kept, None, (*warnings, *remarks))


def keep_fixed(current: Runtime, compiled: Runtime) -> tuple[Runtime, list[ConfigWarning]]:
    """The compiled runtime with what only a restart can change as it runs, and a word on each such change."""
    now = current.server
    server = replace(compiled.server, host=now.host, port=now.port, workers=now.workers)
    kept = replace(
        compiled,
        server=server,
        control_host=current.control_host,
        control_port=current.control_port,
        state_dir=current.state_dir,
    )
    changed = {
        "server.listen": (compiled.server.host, compiled.server.port) != (server.host, server.port),
        "server.workers": compiled.server.workers != server.workers,
        "control.listen": (compiled.control_host, compiled.control_port)
        != (kept.control_host, kept.control_port),
        "state_dir": compiled.state_dir != kept.state_dir,
    }
    return kept, [
        ConfigWarning(name, "changes only with a restart") for name, differs in changed.items() if differs
    ]
