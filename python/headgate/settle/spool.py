"""The spool: one record per finished attempt, in the kernel's hands before the request is forgotten.

Invariant: a record is either whole in a file, or waits in memory in order, or is counted in `lost`; `append`
never raises for a full or failing disk, because a client's answer does not depend on our bookkeeping.
A file is allocated before it is used and then filled through a mapping: a record costs no system call, and a
full disk is noticed before a record needs it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections import deque
from typing import TYPE_CHECKING

from headgate.core import SpoolPage
from headgate.record import SpoolName, frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_log = logging.getLogger(__name__)

FILE_BYTES = 4 << 20
QUEUE_BYTES = 64 << 20


def allocate(fd: int, size_bytes: int) -> None:
    """Give an empty file its blocks, so that storing into them cannot fail.

    Raises:
        OSError: there is no room.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size_bytes)
    else:
        os.ftruncate(fd, size_bytes)  # macOS: for development; a hole on a full disk would be SIGBUS there


class Spool:
    """One worker's spool files in `directory`.

    The open file is held under `flock`: whoever gets the lock knows that its writer is gone, also after a
    kill.

    Attributes:
        page: where records go without coming by here; what it does not take is for `append_line`.
        lost: records dropped because the disk failed and the memory queue was full.
    """

    def __init__(  # noqa: PLR0913  two of them are for tests
        self,
        directory: Path,
        segment_id: int,
        worker: int,
        *,
        allocate: Callable[[int, int], None] = allocate,
        now_ns: Callable[[], int] = time.time_ns,
        file_bytes: int = FILE_BYTES,
        queue_bytes: int = QUEUE_BYTES,
    ) -> None:
        """Open the first file; `now_ns` is Unix time and only names files."""
        self._directory = directory
        self._segment_id = segment_id
        self._worker = worker
        self._allocate = allocate
        self._now_ns = now_ns
        self._file_bytes = file_bytes
        self._queue_bytes = queue_bytes
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._fd = -1
        self.page = SpoolPage()
        self.lost = 0
        self._failing = False
        self._open(file_bytes)

    @property
    def waiting(self) -> int:
        """Records that wait in memory for the disk."""
        return len(self._queue)

    def append(self, payload: bytes) -> None:
        """Put one record (a line of JSON) on disk, or in the queue while the disk fails."""
        self.append_line(frame(payload))

    def append_line(self, line: bytes) -> None:
        """Put one framed record on disk, or in the queue while the disk fails."""
        if self._queue:
            self._enqueue(line)
        elif not self.page.append(line):
            self._enqueue(line)
            if self._fd >= 0:
                self.flush()

    def flush(self) -> None:
        """Try the waiting records again, in order; called on a tick, so that an idle worker recovers too."""
        while self._queue:
            if self.page.append(self._queue[0]):
                self._queued_bytes -= len(self._queue.popleft())
            elif not self._open(max(self._file_bytes, len(self._queue[0]))):
                return
        if self._fd < 0:
            self._open(self._file_bytes)

    def close(self) -> None:
        """Write what waits and give the file up; what still waits then is lost and counted."""
        self.flush()
        if self._queue:
            self.lost += len(self._queue)
            _log.critical("spool closed with %d records that the disk did not take", len(self._queue))
            self._queue.clear()
            self._queued_bytes = 0
        self._let_go()

    def _enqueue(self, line: bytes) -> None:
        if self._queued_bytes + len(line) > self._queue_bytes:
            self.lost += 1
            return
        self._queue.append(line)
        self._queued_bytes += len(line)

    def _let_go(self) -> None:
        """Cut the file to what is in it and close it; its lock goes with it."""
        used = self.page.close()
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        try:
            os.ftruncate(fd, used)
        except OSError as error:
            self._report(error)  # the zeros stay behind the records, where a reader stops
        finally:
            os.close(fd)

    def _open(self, size_bytes: int) -> bool:
        """Go on in a new file; False while the disk has none."""
        self._let_go()
        try:
            self._fd = self._create(size_bytes)
        except OSError as error:
            self._report(error)
            return False
        if self._failing:
            self._failing = False
            _log.warning("the spool's disk works again")
        return True

    def _create(self, size_bytes: int) -> int:
        opened_ns = self._now_ns()
        while (
            path := self._directory / SpoolName(self._segment_id, self._worker, opened_ns).text()
        ).exists():
            opened_ns += 1
        # Locked before it has its name: a reader that finds it unlocked may take it for finished and delete
        # it.
        unnamed = path.with_suffix(".new")
        fd = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._allocate(fd, size_bytes)
            self.page.open(fd, size_bytes)
            unnamed.rename(path)
        except OSError:
            self.page.close()
            os.close(fd)
            unnamed.unlink(missing_ok=True)
            raise
        return fd

    def _report(self, error: OSError) -> None:
        if not self._failing:
            self._failing = True
            _log.error("spool in %s: %s; records wait in memory", self._directory, error.strerror)
