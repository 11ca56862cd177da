"""Everything that must be had before the first worker may serve.

Invariant: what is returned is complete (configuration, directory, sockets, segment, snapshot); what is
refused has started nothing and says who or what stands in the way.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headgate.config.accounts import AccountTable
from headgate.config.compile import compile_runtime
from headgate.config.loader import Loaded, load
from headgate.config.snapshot import read_snapshot, write_snapshot
from headgate.control import sockets
from headgate.control.statedir import (
    SNAPSHOT,
    StateDir,
    StateDirHeldError,
    boot_id,
    make_admin_key,
    write_whole,
)
from headgate.core import Ledger, LedgerShape
from headgate.errors import ConfigError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from headgate.config.problems import ConfigWarning
    from headgate.config.runtime import Runtime

SLOTS_PER_WORKER = 4096
COUNTERS = 4096
HISTOGRAMS = 64
_MIN_ACCOUNTS = 1024
# Workers of a control that died may still drain while their successors serve.
_MAX_SPARE_SEATS = 16
_ORPHANS_CLOSE_WITHIN_S = 5.0
_RETRY_S = 0.02

Shape = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; `parent_fd` ends when the parent is gone."""

    config: Path | None
    workers: int | None
    parent_fd: int | None


@dataclass(frozen=True, slots=True)
class Admin:
    """The admin key's SHA-256 (hex); `made` is the key itself when this start made it."""

    digest: str
    made: str | None
    configured: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """The ledger, and what a worker needs to open the same one."""

    ledger: Ledger
    path: str
    boot: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Prepared:
    """What control serves with."""

    loaded: Loaded
    runtime: Runtime
    warnings: tuple[ConfigWarning, ...]
    accounts: AccountTable
    admin: Admin
    state: StateDir
    listeners: list[socket.socket]
    control_listener: socket.socket
    segment: Segment


def prepare(options: Options, now_s: Callable[[], float] = time.time) -> Prepared:
    """Get everything ready.

    Raises:
        ConfigError: the configuration cannot be used.
        StateDirHeldError: another serve runs on this state directory.
        AddressInUseError: a listen address is taken.
    """
    loaded = load(options.config)
    state = StateDir(loaded.config_dir / loaded.document.state_dir)
    state.endpoints.unlink(missing_ok=True)
    admin = _admin(loaded, state)
    accounts = _accounts(state)
    runtime, warnings = compile_runtime(
        loaded, generation=1, admin_digest=admin.digest, accounts=accounts, now_s=now_s()
    )
    if options.workers is not None:
        runtime = replace(runtime, server=replace(runtime.server, workers=options.workers))
    listeners = _listeners(runtime, state)
    control_listener = sockets.alone(runtime.control_host, runtime.control_port)
    segment = _segment(state, runtime.server.workers, accounts.size)
    runtime = replace(runtime, generation=segment.ledger.generation() + 1)
    publish(state, segment, accounts, runtime)
    return Prepared(
        loaded, runtime, tuple(warnings), accounts, admin, state, listeners, control_listener, segment
    )


@dataclass(frozen=True, slots=True)
class Hosted:
    """What a process of somebody else's server needs to serve as a worker does (RULINGS 8).

    `state` is None where another process holds the directory and keeps the books.
    """

    runtime: Runtime
    directory: Path
    segment: Segment
    state: StateDir | None


def prepare_host(config: Path | None, now_s: Callable[[], float] = time.time) -> Hosted:
    """Join the gateway of a state directory, or found it when nobody holds it.

    Raises:
        ConfigError: the configuration cannot be used, or the holder has not published one yet.
    """
    loaded = load(config)
    directory = (loaded.config_dir / loaded.document.state_dir).absolute()
    try:
        state = StateDir(directory)
    except StateDirHeldError:
        runtime = read_snapshot(directory / SNAPSHOT)
        path, boot = str(StateDir.segment_of(directory)), boot_id()
        ledger = Ledger.open(path, boot, None)
        if ledger is None:
            message = f"{directory} is held by a headgate whose ledger cannot be opened"
            raise ConfigError(message) from None
        shape = (seat_count(runtime.server.workers), SLOTS_PER_WORKER, 0, COUNTERS, HISTOGRAMS)
        return Hosted(runtime, directory, Segment(ledger, path, boot, shape), None)
    accounts = _accounts(state)
    configured = loaded.document.auth.admin_key
    # Nobody would see a key that is made here: there is an admin only if it was configured, or made before.
    digest = configured.digest() if configured is not None else state.kept_admin_digest()
    runtime, _warnings = compile_runtime(
        loaded, generation=1, admin_digest=digest, accounts=accounts, now_s=now_s()
    )
    segment = _segment(state, runtime.server.workers, accounts.size)
    runtime = replace(runtime, generation=segment.ledger.generation() + 1)
    publish(state, segment, accounts, runtime)
    return Hosted(runtime, directory, segment, state)


def publish(state: StateDir, segment: Segment, accounts: AccountTable, runtime: Runtime) -> None:
    """Put a runtime where workers read it; the accounts are kept first, so that no slot gets two keys."""
    write_whole(state.accounts, accounts.to_json().encode())
    for account in accounts.take_reused():
        segment.ledger.reset_account(account)
    write_snapshot(state.snapshot, runtime)
    segment.ledger.set_generation(runtime.generation)


def seat_count(workers: int) -> int:
    """Places in the ledger for so many workers and for predecessors that still drain."""
    return workers + min(workers, _MAX_SPARE_SEATS)


def _admin(loaded: Loaded, state: StateDir) -> Admin:
    configured = loaded.document.auth.admin_key
    if configured is not None:
        return Admin(configured.digest(), None, configured=True)
    kept = state.kept_admin_digest()
    if kept is not None:
        return Admin(kept, None, configured=False)
    key, digest = make_admin_key(loaded.document.auth.key_prefix)
    return Admin(digest, key, configured=False)


def _accounts(state: StateDir) -> AccountTable:
    try:
        return AccountTable.from_json(state.accounts.read_text("utf-8"))
    except FileNotFoundError:
        return AccountTable()


def _listeners(runtime: Runtime, state: StateDir) -> list[socket.socket]:
    """The data-plane sockets; workers that lost their control get a moment to close theirs."""
    server = runtime.server
    give_up_s = time.monotonic() + _ORPHANS_CLOSE_WITHIN_S
    while True:
        try:
            return sockets.shared(server.host, server.port, server.workers)
        except sockets.AddressInUseError:
            if not state.has_sitters(seat_count(server.workers)) or time.monotonic() > give_up_s:
                raise
            time.sleep(_RETRY_S)


def _segment(state: StateDir, workers: int, accounts: int) -> Segment:
    size = _MIN_ACCOUNTS
    while size < 2 * accounts:
        size *= 2
    shape = (seat_count(workers), SLOTS_PER_WORKER, size, COUNTERS, HISTOGRAMS)
    path, boot = str(StateDir.segment_of(state.path)), boot_id()
    ledger = Ledger.open(path, boot, LedgerShape(*shape))
    if ledger is None:
        ledger = Ledger.create(path, boot, secrets.randbits(63), LedgerShape(*shape))
    return Segment(ledger, path, boot, shape)
