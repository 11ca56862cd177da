"""The spool: one record per finished attempt, on disk by one `write(2)` before the request is forgotten.

Invariant: a record is either one whole line of the file, or waits in memory in order, or is counted in
`lost`; `append` never raises for a full or failing disk, because a client's answer does not depend on our
bookkeeping.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from collections import deque
from typing import TYPE_CHECKING

from headgate.record import SpoolName, frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_log = logging.getLogger(__name__)

ROTATE_BYTES = 16 << 20
QUEUE_BYTES = 64 << 20


class Spool:
    """One worker's spool files in `directory`.

    The open file is held under `flock`: whoever gets the lock knows that its writer is gone, also after a
    kill.

    Attributes:
        lost: records dropped because the disk failed and the memory queue was full.
    """

    def __init__(  # noqa: PLR0913  two of them are for tests
        self,
        directory: Path,
        segment_id: int,
        worker: int,
        *,
        write: Callable[[int, bytes], int] = os.write,
        now_ns: Callable[[], int] = time.time_ns,
        rotate_bytes: int = ROTATE_BYTES,
        queue_bytes: int = QUEUE_BYTES,
    ) -> None:
        """Open the first file; `now_ns` is Unix time and only names files."""
        self._directory = directory
        self._segment_id = segment_id
        self._worker = worker
        self._write = write
        self._now_ns = now_ns
        self._rotate_bytes = rotate_bytes
        self._queue_bytes = queue_bytes
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._fd = -1
        self._size = 0
        self.lost = 0
        self._torn = False
        self._failing = False
        # Nothing waits, nothing failed, nothing is torn: an append is one write and nothing else.
        self._clean = False
        self._rotate()

    @property
    def waiting(self) -> int:
        """Records that wait in memory for the disk."""
        return len(self._queue)

    def append(self, payload: bytes) -> None:
        """Put one record (a line of JSON) on disk, or in the queue while the disk fails."""
        self.append_line(frame(payload))

    def append_line(self, line: bytes) -> None:
        """Put one framed record on disk, or in the queue while the disk fails."""
        size = self._size + len(line)
        if self._clean and size <= self._rotate_bytes:
            try:
                written = self._write(self._fd, line)
            except OSError as error:
                self._clean = False
                self._report(error)
                self._enqueue(line)
                return
            if written == len(line):
                self._size = size
                return
            self._clean = False
            self._cut_back(written)
            self._enqueue(line)
            return
        self._append_slowly(line)
        self._clean = self._fd >= 0 and not (self._queue or self._torn or self._failing)

    def _append_slowly(self, line: bytes) -> None:
        if self._queue or self._fd < 0:
            self._enqueue(line)
            self.flush()
        elif not self._put(line):
            self._enqueue(line)

    def flush(self) -> None:
        """Try the waiting records again, in order; called on a tick, so that an idle worker recovers too."""
        if self._fd < 0:
            self._rotate()
        while self._queue and self._fd >= 0 and self._put(self._queue[0]):
            self._queued_bytes -= len(self._queue.popleft())

    def close(self) -> None:
        """Write what waits and give the file up; what still waits then is lost and counted."""
        self.flush()
        if self._queue:
            self.lost += len(self._queue)
            _log.critical("spool closed with %d records that the disk did not take", len(self._queue))
            self._queue.clear()
            self._queued_bytes = 0
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _put(self, line: bytes) -> bool:
        if self._size + len(line) > self._rotate_bytes and self._size > 0:
            self._rotate()
        data = b"\n" + line if self._torn else line
        try:
            written = self._write(self._fd, data)
        except OSError as error:
            self._report(error)
            return False
        if written < len(data):
            self._cut_back(written)
            return False
        self._size += written
        self._torn = False
        if self._failing:
            self._failing = False
            _log.warning("the spool's disk works again")
        return True

    def _cut_back(self, written: int) -> None:
        # The reader takes whole lines only, so the piece of a short write can be cut off again; where even
        # that fails it is closed by a line feed before the next record and the reader counts it as corrupt.
        self._report(OSError(errno.ENOSPC, "short write"))
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            self._size += written
            self._torn = True

    def _enqueue(self, line: bytes) -> None:
        if self._queued_bytes + len(line) > self._queue_bytes:
            self.lost += 1
            return
        self._queue.append(line)
        self._queued_bytes += len(line)

    def _rotate(self) -> None:
        try:
            fd = self._create()
        except OSError as error:
            # An existing file just grows past its size; without one the records wait in memory.
            self._report(error)
            return
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = fd
        self._size = 0
        self._torn = False

    def _create(self) -> int:
        opened_ns = self._now_ns()
        while (
            path := self._directory / SpoolName(self._segment_id, self._worker, opened_ns).text()
        ).exists():
            opened_ns += 1
        # Locked before it has its name: a reader that finds it unlocked may take it for finished and delete
        # it.
        unnamed = path.with_suffix(".new")
        fd = os.open(unnamed, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unnamed.rename(path)
        except OSError:
            os.close(fd)
            raise
        return fd

    def _report(self, error: OSError) -> None:
        if not self._failing:
            self._failing = True
            _log.error("spool in %s: %s; records wait in memory", self._directory, error.strerror)
