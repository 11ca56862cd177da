"""The state directory: who holds it, what lies where, and files that are replaced whole.

Invariant: one control process at a time holds the directory (flock on `lock`), every file with something
private is mode 0600, and a file is never seen half written. A seat is a worker's place in the ledger; its
lock lives exactly as long as the process that sits there, so a worker that outlived its control is never
mistaken for a dead one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from headgate.errors import HeadgateError

SNAPSHOT = "headgate.config.snapshot"
# 32 bytes are 43 base64url characters.
_KEY_BYTES = 32
# The segment is shared memory and its file belongs here; the ledger makes it 0600 and checks what it opens.
_SHM = Path("/dev/shm")  # noqa: S108  as said above


class StateDirHeldError(HeadgateError):
    """Another `headgate serve` holds the state directory."""


def write_whole(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace a file: after a crash it is the old one or the new one."""
    temporary = path.with_name(path.name + ".new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.fchmod(fd, mode)
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    temporary.replace(path)


@dataclass(frozen=True, slots=True)
class Seat:
    """A worker's place in the ledger; `lock_fd` is handed to the process that takes it."""

    index: int
    lock_fd: int


class StateDir:
    """An opened state directory, held until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        """Make and hold the directory.

        Raises:
            StateDirHeldError: somebody else holds it.
        """
        self.path = path.absolute()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.spool.mkdir(mode=0o700, exist_ok=True)
        self._seats.mkdir(mode=0o700, exist_ok=True)
        self._lock_fd = self._hold()

    @property
    def spool(self) -> Path:
        """Where workers write their records."""
        return self.path / "spool"

    @property
    def snapshot(self) -> Path:
        """The compiled configuration that workers read."""
        return self.path / SNAPSHOT

    @property
    def accounts(self) -> Path:
        """Which key has which account of the ledger."""
        return self.path / "accounts.json"

    @property
    def endpoints(self) -> Path:
        """Where this gateway listens, while it does: JSON with `listen`, `control` (URLs) and `pid`."""
        return self.path / "endpoints.json"

    @property
    def _admin_path(self) -> Path:
        return self.path / "admin_key.sha256"

    @property
    def _seats(self) -> Path:
        return self.path / "seats"

    def release(self) -> None:
        """Let the next control have the directory."""
        os.close(self._lock_fd)

    @staticmethod
    def segment_of(path: Path) -> Path:
        """Where the ledger's segment of a state directory lies: on tmpfs where there is one (RULINGS 6)."""
        name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
        return _SHM / f"headgate-{name}.ledger" if _is_tmpfs(_SHM) else path / "ledger"

    def kept_admin_digest(self) -> str | None:
        """SHA-256 (hex) of the admin key that an earlier start made, or None."""
        try:
            digest = self._admin_path.read_text("ascii").strip()
        except FileNotFoundError:
            return None
        return digest if len(digest) == hashlib.sha256().digest_size * 2 else None

    def keep_admin_digest(self, digest: str) -> None:
        """Keep the digest of a made admin key; called when the key is shown, so that none is lost unseen."""
        write_whole(self._admin_path, digest.encode() + b"\n")

    def take_seat(self, index: int) -> Seat | None:
        """Sit down, or None while a process sits there."""
        fd = _try_lock(self._seats / f"{index:04x}.lock")
        return None if fd is None else Seat(index, fd)

    def has_sitters(self, count: int) -> bool:
        """Whether any of the first `count` seats is taken."""
        for index in range(count):
            seat = self.take_seat(index)
            if seat is None:
                return True
            os.close(seat.lock_fd)
        return False

    def _hold(self) -> int:
        path = self.path / "lock"
        fd = _try_lock(path)
        if fd is None:
            pid = path.read_text("ascii", "replace").strip() or "unknown"
            message = f"state_dir {self.path} is in use by another headgate serve (pid {pid}); stop it first"
            raise StateDirHeldError(message)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        return fd


def sit_down(directory: Path, seats: int) -> Seat | None:
    """A free seat of a state directory that somebody else may hold; None when all are taken."""
    for index in range(seats):
        fd = _try_lock(directory / "seats" / f"{index:04x}.lock")
        if fd is not None:
            return Seat(index, fd)
    return None


def make_admin_key(prefix: str) -> tuple[str, str]:
    """A new admin key and its SHA-256 (hex)."""
    key = prefix + secrets.token_urlsafe(_KEY_BYTES)
    return key, hashlib.sha256(key.encode()).hexdigest()


def boot_id() -> str:
    """A text that changes when the machine starts anew; empty where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except FileNotFoundError:
        return ""


def _try_lock(path: Path) -> int | None:
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def _is_tmpfs(path: Path) -> bool:
    try:
        mounts = Path("/proc/self/mounts").read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return False
    for line in mounts:
        _device, where, kind, *_rest = line.split(" ")
        if where == str(path) and kind == "tmpfs":
            return os.access(path, os.W_OK)
    return False
