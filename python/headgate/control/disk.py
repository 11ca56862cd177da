"""What the bookkeeper asks of a file system: one operation a method, so a test can stop between two."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Disk:
    """The operating system's files."""

    def names(self, directory: Path) -> list[str]:
        """File names, sorted."""
        return sorted(os.listdir(directory))

    def size(self, path: Path) -> int:
        """Length in bytes; 0 for a file that is not there."""
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, path: Path, offset: int, limit: int) -> bytes:
        """At most `limit` bytes from `offset`; empty for a file that is not there."""
        try:
            with path.open("rb") as file:
                file.seek(offset)
                return file.read(limit)
        except FileNotFoundError:
            return b""

    def append(self, path: Path, data: bytes) -> None:
        """Write at the end; not yet safe from a power cut."""
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
        finally:
            os.close(fd)

    def truncate(self, path: Path, length: int) -> None:
        """Cut a file to its first `length` bytes."""
        os.truncate(path, length)

    def sync(self, path: Path) -> None:
        """Make a file's bytes, or a directory's names, safe from a power cut."""
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, source: Path, target: Path) -> None:
        """Put a file in another's place at once."""
        source.replace(target)

    def unlink(self, path: Path) -> None:
        """Delete a file."""
        path.unlink(missing_ok=True)

    def writer_gone(self, path: Path) -> bool:
        """Whether no process writes the file any more: its writer holds `flock` for as long as it lives."""
        try:
            fd = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            os.close(fd)
