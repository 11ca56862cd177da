"""The usage record's form on disk, said once for both ends of the spool.

Invariant: a line is read back only if it is whole (`unframe(frame(p)) == p`, anything shorter or changed is
None), and a record id names one attempt for all time, so that a record met twice is counted once (RULINGS 4).
"""

from __future__ import annotations

import re
from typing import NamedTuple
from zlib import crc32

_CRC_CHARS = 8
_SPOOL_NAME = re.compile(r"([0-9a-f]{16})-([0-9a-f]{4})-([0-9a-f]{16})\.spool")


def frame(payload: bytes) -> bytes:
    """One spool line: CRC-32 of the JSON in 8 hex digits, a space, the JSON, a line feed.

    Raises:
        ValueError: the payload holds a line feed, so it would be read back as two lines.
    """
    if b"\n" in payload:
        message = "a record is one line of JSON; this one holds a line feed"
        raise ValueError(message)
    return b"%08x %b\n" % (crc32(payload), payload)


def unframe(line: bytes) -> bytes | None:
    """The JSON of a line (given without its line feed), or None if it is torn or corrupt."""
    payload = line[_CRC_CHARS + 1 :]
    if line[: _CRC_CHARS + 1] != b"%08x " % crc32(payload):
        return None
    return payload


class Attempt(NamedTuple):
    """What names one attempt: its segment, the worker seat, the journal slot, and the counts in it."""

    segment_id: int
    worker: int
    slot: int
    sequence: int
    attempt: int

    def record_id(self) -> str:
        """The id that makes its record idempotent."""
        return f"{self.segment_id:016x}-{self.worker:x}-{self.slot:x}-{self.sequence:x}-{self.attempt:x}"


class SpoolName(NamedTuple):
    """A spool file's name; `opened_ns` (Unix time) keeps a name from ever being used twice."""

    segment_id: int
    worker: int
    opened_ns: int

    def text(self) -> str:
        """The file name."""
        return f"{self.segment_id:016x}-{self.worker:04x}-{self.opened_ns:016x}.spool"

    @classmethod
    def parse(cls, name: str) -> SpoolName | None:
        """The parts of a file name, or None if the file is not a spool."""
        match = _SPOOL_NAME.fullmatch(name)
        if match is None:
            return None
        segment_id, worker, opened_ns = (int(part, 16) for part in match.groups())
        return cls(segment_id, worker, opened_ns)
