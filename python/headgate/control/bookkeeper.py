"""The bookkeeper: every record of the spool ends up in the log exactly once, whatever dies when.

Invariant: the checkpoint names a length of the log and an offset in each spool file that belong together. It
is replaced whole after the log's new bytes are safe; on opening, the log is cut to that length and the spool
is read again from those offsets. So bytes after a checkpoint are written again, never twice and never not at
all. Spool names are never used twice, so an offset outlives its file harmlessly.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from headgate.control.disk import Disk
from headgate.core import unframe
from headgate.record import SpoolName

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_log = logging.getLogger(__name__)

# Mostly there is little, and behind it allocated nothing, which costs a read all the same.
_LOOK_BYTES = 16 << 10
_CHUNK_BYTES = 1 << 20
_BATCH_BYTES = 4 << 20
_NOTHING = b"\0"
# A dead worker's last records are at the end of the log; this is seconds of the fastest traffic.
_TAIL_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the log and the spool files stood together."""

    log_bytes: int = 0
    offsets: dict[str, int] = field(default_factory=dict)

    def encode(self) -> bytes:
        """As JSON."""
        return orjson.dumps(self)

    @classmethod
    def decode(cls, data: bytes) -> Checkpoint:
        """What `encode` gave; the beginning for a file that is not there."""
        return cls(**orjson.loads(data)) if data else cls()


@dataclass(slots=True)
class _Batch:
    """What one commit will write."""

    blocks: list[bytes] = field(default_factory=list)
    records: int = 0
    corrupt: list[bytes] = field(default_factory=list)
    offsets: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0


class Bookkeeper:
    """Drains `spool/` into `usage.jsonl`; one thread at a time.

    Attributes:
        corrupt: lines that could not be read, kept aside in `spool.corrupt`.
    """

    def __init__(self, state_dir: Path, disk: Disk | None = None) -> None:
        """Take up where the last one stopped."""
        self._disk = disk or Disk()
        self._state_dir = state_dir
        self._spool = state_dir / "spool"
        self._log_path = state_dir / "usage.jsonl"
        self._checkpoint_path = state_dir / "usage.checkpoint"
        self._checkpoint = Checkpoint()
        self._in_doubt = False
        self.corrupt = 0
        self._recover()

    def drain(self) -> int:
        """Move every whole record into the log; returns how many.

        Raises:
            OSError: the disk failed; nothing is lost and the next call starts over from the checkpoint.
        """
        if self._in_doubt:
            self._recover()
        moved = 0
        while True:
            batch = self._gather()
            if not batch.offsets:
                break
            self._commit(batch)
            moved += batch.records
        self._sweep()
        return moved

    def append(self, records: Iterable[tuple[str, bytes]]) -> int:
        """Add records (id, JSON) that no worker wrote, unless the log's end has them; returns how many.

        Raises:
            OSError: as for `drain`.
        """
        self.drain()
        length = self._checkpoint.log_bytes
        tail = self._disk.read(self._log_path, max(0, length - _TAIL_BYTES), _TAIL_BYTES)
        missing = [payload for record_id, payload in records if f'"{record_id}"'.encode() not in tail]
        if missing:
            self._commit(_Batch([payload + b"\n" for payload in missing], len(missing)))
        return len(missing)

    def pending_records(self) -> int:
        """Records in the spool that are not in the log yet."""
        pending = 0
        for name in self._spool_names():
            offset = self._checkpoint.offsets.get(name, 0)
            while data := self._filled(name, offset, _CHUNK_BYTES, gone=False):
                pending += data.count(b"\n")
                offset += len(data)
        return pending

    def _recover(self) -> None:
        kept = Checkpoint.decode(self._disk.read(self._checkpoint_path, 0, _BATCH_BYTES))
        length = self._disk.size(self._log_path)
        if length < kept.log_bytes:
            _log.warning(
                "usage.jsonl is shorter than it was; somebody cut or moved it, and it goes on from here"
            )
        elif length > kept.log_bytes:
            self._disk.truncate(self._log_path, kept.log_bytes)
        present = set(self._spool_names())
        offsets = {name: offset for name, offset in kept.offsets.items() if name in present}
        self._checkpoint = Checkpoint(min(length, kept.log_bytes), offsets)
        self._in_doubt = False

    def _gather(self) -> _Batch:
        batch = _Batch()
        for name in self._spool_names():
            if batch.size_bytes >= _BATCH_BYTES:
                break
            self._read_lines(name, batch)
        return batch

    def _read_lines(self, name: str, batch: _Batch) -> None:
        offset = self._checkpoint.offsets.get(name, 0)
        # Asked before reading: once the writer is gone, what is read last is the end.
        gone = self._disk.writer_gone(self._spool / name)
        limit = _LOOK_BYTES
        data = self._filled(name, offset, limit, gone=gone)
        if len(data) == limit:
            limit = _CHUNK_BYTES
            data = self._filled(name, offset, limit, gone=gone)
        while b"\n" not in data and len(data) == limit:
            limit *= 2
            data = self._filled(name, offset, limit, gone=gone)
        whole = data.rfind(b"\n") + 1
        payload, records, corrupt = unframe(data[:whole])
        if gone and whole == 0:
            corrupt, whole = [data.rstrip(_NOTHING)], len(data)
        elif corrupt and not gone and data.endswith(corrupt[-1] + b"\n", 0, whole):
            # Perhaps not all of it is visible here yet; it is looked at again.
            whole -= len(corrupt.pop()) + 1
        if whole:
            batch.blocks.append(payload)
            batch.records += records
            # What begins with nothing was being stored when its writer died: its slot is still open.
            batch.corrupt += [line for line in corrupt if line and not line.startswith(_NOTHING)]
            batch.offsets[name] = offset + whole
            batch.size_bytes += whole

    def _filled(self, name: str, offset: int, limit: int, *, gone: bool) -> bytes:
        """What a writer put into its file; while it lives there are zeros behind its last record."""
        data = self._disk.read(self._spool / name, offset, limit)
        end = -1 if gone else data.find(_NOTHING)
        return data if end < 0 else data[:end]

    def _commit(self, batch: _Batch) -> None:
        self._in_doubt = True
        log_bytes = self._checkpoint.log_bytes
        if batch.corrupt:
            self._disk.append(self._state_dir / "spool.corrupt", b"\n".join(batch.corrupt) + b"\n")
            self.corrupt += len(batch.corrupt)
            _log.error("%d spool lines could not be read; they are in spool.corrupt", len(batch.corrupt))
        if batch.records:
            data = b"".join(batch.blocks)
            self._disk.append(self._log_path, data)
            self._disk.sync(self._log_path)
            log_bytes += len(data)
        checkpoint = Checkpoint(log_bytes, {**self._checkpoint.offsets, **batch.offsets})
        self._save(checkpoint)
        self._checkpoint = checkpoint
        self._in_doubt = False

    def _save(self, checkpoint: Checkpoint) -> None:
        temporary = self._checkpoint_path.with_suffix(".new")
        self._disk.unlink(temporary)
        self._disk.append(temporary, checkpoint.encode())
        self._disk.sync(temporary)
        self._disk.rename(temporary, self._checkpoint_path)
        self._disk.sync(self._state_dir)

    def _sweep(self) -> None:
        for name in self._spool_names():
            path = self._spool / name
            if self._disk.writer_gone(path) and self._disk.size(path) == self._checkpoint.offsets.get(
                name, 0
            ):
                self._disk.unlink(path)
                self._checkpoint.offsets.pop(name, None)

    def _spool_names(self) -> list[str]:
        return [name for name in self._disk.names(self._spool) if SpoolName.parse(name) is not None]
