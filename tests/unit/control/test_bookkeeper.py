"""The bookkeeper writes every record exactly once, also when it is killed between any two operations."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest
from headgate.control.bookkeeper import Bookkeeper
from headgate.control.disk import Disk
from headgate.record import SpoolName, frame
from headgate.settle.spool import Spool
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path


class _Killed(BaseException):
    """Stands for kill -9."""


class _MortalDisk(Disk):
    """Dies at the n-th change; a change that writes bytes may have been done in half."""

    def __init__(self, lives: int, *, half: bool) -> None:
        self._lives = lives
        self._half = half

    def append(self, path: Path, data: bytes) -> None:
        if self._dies():
            if self._half:
                super().append(path, data[: len(data) // 2])
            raise _Killed
        super().append(path, data)

    def truncate(self, path: Path, length: int) -> None:
        if self._dies():
            raise _Killed
        super().truncate(path, length)

    def sync(self, path: Path) -> None:
        if self._dies():
            raise _Killed
        super().sync(path)

    def rename(self, source: Path, target: Path) -> None:
        if self._dies():
            raise _Killed
        super().rename(source, target)

    def unlink(self, path: Path) -> None:
        if self._dies():
            raise _Killed
        super().unlink(path)

    def _dies(self) -> bool:
        self._lives -= 1
        return self._lives < 0


class _FullDisk(_MortalDisk):
    """Fails as a full disk does, once, and works again."""

    def _dies(self) -> bool:
        self._lives -= 1
        return self._lives == -1


def _home(tmp_path: Path) -> Path:
    (tmp_path / "spool").mkdir(parents=True)
    return tmp_path


def _fill(home: Path, workers: int = 3, each: int = 7) -> list[bytes]:
    """Closed spool files of dead workers, several of them rotated."""
    for worker in range(workers):
        spool = Spool(home / "spool", 9, worker, file_bytes=120)
        for number in range(each):
            spool.append(b'{"id":"%d-%d"}' % (worker, number))
        spool.close()
    return sorted(b'{"id":"%d-%d"}' % (worker, number) for worker in range(workers) for number in range(each))


def _log(home: Path) -> list[bytes]:
    path = home / "usage.jsonl"
    return sorted(path.read_bytes().splitlines()) if path.exists() else []


def test_records_move_once_and_finished_files_go(tmp_path: Path) -> None:
    home = _home(tmp_path)
    expected = _fill(home)
    books = Bookkeeper(home)
    assert books.pending_records() == len(expected)
    assert books.drain() == len(expected)
    assert books.drain() == 0
    assert _log(home) == expected
    assert books.pending_records() == 0
    assert list((home / "spool").iterdir()) == []


def test_a_kill_at_every_step_neither_loses_nor_doubles(tmp_path: Path) -> None:
    """Every prefix of the drain's operations, then a fresh start: the log is always complete and single."""
    survived = False
    steps = 0
    while not survived:
        for half in (False, True):
            home = _home(tmp_path / f"{steps}-{half}")
            expected = _fill(home)
            try:
                Bookkeeper(home, _MortalDisk(steps, half=half)).drain()
                survived = True
            except _Killed:
                pass
            Bookkeeper(home).drain()
            assert _log(home) == expected, steps
        steps += 1
    assert steps > 8


def test_kills_in_a_row_make_progress_or_change_nothing(tmp_path: Path) -> None:
    """The recovery itself is killed at every step too."""
    for first in range(12):
        for second in range(6):
            home = _home(tmp_path / f"{first}-{second}")
            expected = _fill(home, workers=2, each=3)
            for lives in (first, second):
                with contextlib.suppress(_Killed):
                    Bookkeeper(home, _MortalDisk(lives, half=True)).drain()
            Bookkeeper(home).drain()
            assert _log(home) == expected


def test_a_disk_that_fails_once_is_tried_again_by_the_same_bookkeeper(tmp_path: Path) -> None:
    for step in range(10):
        home = _home(tmp_path / str(step))
        expected = _fill(home)
        books = Bookkeeper(home, _FullDisk(step, half=True))
        try:
            books.drain()
        except _Killed:
            books.drain()
        assert _log(home) == expected


def test_records_added_between_kills_are_in_order_per_worker(tmp_path: Path) -> None:
    home = _home(tmp_path)
    spool = Spool(home / "spool", 9, 0)
    spool.append(b'{"id":"1"}')
    Bookkeeper(home).drain()
    spool.append(b'{"id":"2"}')
    Bookkeeper(home).drain()
    assert (home / "usage.jsonl").read_bytes() == b'{"id":"1"}\n{"id":"2"}\n'


def test_a_file_that_is_written_stays(tmp_path: Path) -> None:
    home = _home(tmp_path)
    spool = Spool(home / "spool", 9, 0)
    books = Bookkeeper(home)
    books.drain()
    spool.append(b"{}")
    assert books.drain() == 1
    assert len(list((home / "spool").iterdir())) == 1
    spool.close()
    books.drain()
    assert list((home / "spool").iterdir()) == []


def _store(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def test_a_line_in_progress_is_waited_for(tmp_path: Path) -> None:
    home = _home(tmp_path)
    spool = Spool(home / "spool", 9, 0)
    path = next((home / "spool").iterdir())
    line = frame(b'{"id":"x"}')
    books = Bookkeeper(home)
    for piece, records in ((b"\0" + line[1:], 0), (line[:9], 0), (line[:9] + b"z" + line[10:], 0), (line, 1)):
        _store(path, 0, piece.ljust(len(line), b"\0"))
        assert (books.pending_records() > 0, books.drain(), books.corrupt) == (
            piece[-1:] == b"\n" and piece[0] > 0,
            records,
            0,
        )
    spool.close()


@pytest.mark.parametrize(
    ("left", "corrupt"), [(b"", 0), (b"\0bcd", 0), (b"\0bcd\n", 0), (b"abcd", 1), (b"abcd\n", 1)]
)
def test_what_a_killed_writer_left_is_put_aside_or_was_never_there(
    tmp_path: Path, left: bytes, corrupt: int
) -> None:
    home = _home(tmp_path)
    line = frame(b'{"id":"x"}')
    path = home / "spool" / SpoolName(1, 0, 1).text()
    path.write_bytes((line + left).ljust(4096, b"\0"))
    books = Bookkeeper(home)
    assert (books.drain(), books.corrupt) == (1, corrupt)
    assert (home / "spool.corrupt").exists() == bool(corrupt)
    assert _log(home) == [b'{"id":"x"}']
    assert list((home / "spool").iterdir()) == []


@given(noise=st.lists(st.binary(max_size=40), max_size=6))
def test_noise_between_records_hides_none(
    tmp_path_factory: pytest.TempPathFactory, noise: list[bytes]
) -> None:
    home = _home(tmp_path_factory.mktemp("home"))
    path = home / "spool" / SpoolName(1, 0, 1).text()
    path.write_bytes(b"".join(part + b"\n" + frame(b'{"n":1}') for part in noise))
    books = Bookkeeper(home)
    assert books.drain() == len(noise)
    assert _log(home) == [b'{"n":1}'] * len(noise)


def test_a_record_longer_than_a_read_is_taken(tmp_path: Path) -> None:
    home = _home(tmp_path)
    spool = Spool(home / "spool", 9, 0)
    long = b'{"text":"' + b"x" * (3 << 20) + b'"}'
    spool.append(long)
    spool.append(b"{}")
    assert Bookkeeper(home).drain() == 2
    assert _log(home) == sorted([long, b"{}"])


def test_interrupted_records_are_added_unless_the_worker_wrote_them(tmp_path: Path) -> None:
    home = _home(tmp_path)
    spool = Spool(home / "spool", 9, 0)
    spool.append(b'{"id":"a","outcome":"ok"}')
    spool.close()
    books = Bookkeeper(home)
    records = [("a", b'{"id":"a","outcome":"interrupted"}'), ("b", b'{"id":"b","outcome":"interrupted"}')]
    assert books.append(records) == 1
    assert books.append(records) == 0
    assert _log(home) == [b'{"id":"a","outcome":"ok"}', b'{"id":"b","outcome":"interrupted"}']


def test_a_log_that_somebody_emptied_goes_on(tmp_path: Path) -> None:
    home = _home(tmp_path)
    _fill(home)
    Bookkeeper(home).drain()
    os.truncate(home / "usage.jsonl", 0)
    expected = _fill(home, workers=1, each=2)
    Bookkeeper(home).drain()
    assert _log(home) == expected


def test_other_files_in_the_spool_directory_are_left_alone(tmp_path: Path) -> None:
    home = _home(tmp_path)
    stranger = home / "spool" / "notes.txt"
    stranger.write_text("mine")
    Bookkeeper(home).drain()
    assert stranger.read_text() == "mine"
