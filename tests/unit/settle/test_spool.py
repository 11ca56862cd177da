"""The spool keeps every record whole, in order, on disk or in memory, whatever the disk does."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING

import pytest
from headgate.record import Attempt, SpoolName, frame, unframe
from headgate.settle.spool import Spool
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path


class _Disk:
    """A write that can be full, failing or short."""

    def __init__(self) -> None:
        self.error: int | None = None
        self.room_bytes: int | None = None
        self.calls = 0

    def write(self, fd: int, data: bytes) -> int:
        self.calls += 1
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))
        if self.room_bytes is not None:
            data = data[: self.room_bytes]
            self.room_bytes -= len(data)
        return os.write(fd, data)


def _records(directory: Path) -> list[bytes]:
    lines = b"".join(path.read_bytes() for path in sorted(directory.glob("*.spool"))).split(b"\n")
    return [payload for line in lines if (payload := unframe(line)) is not None and payload]


def test_one_record_is_one_write(tmp_path: Path) -> None:
    disk = _Disk()
    spool = Spool(tmp_path, 7, 1, write=disk.write)
    spool.append(b'{"id":"a"}')
    spool.append(b'{"id":"b"}')
    assert disk.calls == 2
    assert _records(tmp_path) == [b'{"id":"a"}', b'{"id":"b"}']


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failing_disk_delays_records_and_loses_none(tmp_path: Path, code: int) -> None:
    disk = _Disk()
    spool = Spool(tmp_path, 7, 1, write=disk.write)
    spool.append(b"1")
    disk.error = code
    spool.append(b"2")
    spool.append(b"3")
    assert (spool.waiting, spool.lost) == (2, 0)
    disk.error = None
    spool.append(b"4")
    assert spool.waiting == 0
    assert _records(tmp_path) == [b"1", b"2", b"3", b"4"]


def test_an_idle_worker_recovers_on_its_tick(tmp_path: Path) -> None:
    disk = _Disk()
    spool = Spool(tmp_path, 7, 1, write=disk.write)
    disk.error = errno.ENOSPC
    spool.append(b"1")
    disk.error = None
    spool.flush()
    assert (_records(tmp_path), spool.waiting) == ([b"1"], 0)


@given(room=st.integers(0, 60))
def test_a_short_write_leaves_no_torn_line(tmp_path_factory: pytest.TempPathFactory, room: int) -> None:
    directory = tmp_path_factory.mktemp("spool")
    disk = _Disk()
    spool = Spool(directory, 7, 1, write=disk.write)
    spool.append(b"first")
    disk.room_bytes = room
    for payload in (b"second", b"third", b"fourth"):
        spool.append(payload)
    disk.room_bytes = None
    spool.close()
    assert _records(directory) == [b"first", b"second", b"third", b"fourth"]
    assert b"".join(path.read_bytes() for path in directory.iterdir()).count(b"\n") == 4


def test_the_queue_is_bounded_and_counts_what_it_drops(tmp_path: Path) -> None:
    disk = _Disk()
    disk.error = errno.ENOSPC
    line_bytes = len(frame(b"x" * 20))
    spool = Spool(tmp_path, 7, 1, write=disk.write, queue_bytes=3 * line_bytes)
    for _ in range(5):
        spool.append(b"x" * 20)
    assert (spool.waiting, spool.lost) == (3, 2)


def test_files_rotate_and_only_the_open_one_is_locked(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 7, 1, rotate_bytes=64, now_ns=lambda: 5)
    for number in range(12):
        spool.append(b"record %d" % number)
    paths = sorted(tmp_path.glob("*.spool"))
    assert len(paths) > 2
    assert all(path.stat().st_size <= 64 for path in paths)
    assert [_is_locked(path) for path in paths] == [False] * (len(paths) - 1) + [True]
    assert _records(tmp_path) == [b"record %d" % number for number in range(12)]
    spool.close()
    assert not _is_locked(paths[-1])


def test_a_spool_without_a_directory_waits_for_it(tmp_path: Path) -> None:
    directory = tmp_path / "later"
    spool = Spool(directory, 7, 1)
    spool.append(b"1")
    assert spool.waiting == 1
    directory.mkdir()
    spool.flush()
    assert _records(directory) == [b"1"]


@given(payload=st.binary(min_size=1).filter(lambda data: b"\n" not in data), cut=st.integers(0, 400))
def test_a_line_is_read_back_whole_or_not_at_all(payload: bytes, cut: int) -> None:
    line = frame(payload)[:-1]
    assert unframe(line) == payload
    if cut < len(line):
        assert unframe(line[:cut]) is None


@given(payload=st.binary(min_size=1).filter(lambda data: b"\n" not in data), data=st.data())
def test_a_changed_byte_is_noticed(payload: bytes, data: st.DataObject) -> None:
    line = bytearray(frame(payload)[:-1])
    where = data.draw(st.integers(0, len(line) - 1))
    line[where] ^= 1 << data.draw(st.integers(0, 7))
    assert unframe(bytes(line)) is None


def test_a_record_with_a_line_feed_is_refused() -> None:
    with pytest.raises(ValueError, match="line feed"):
        frame(b"a\nb")


_WORD = st.integers(0, 2**64 - 1)


@given(parts=st.tuples(_WORD, st.integers(0, 0xFFFF), _WORD))
def test_spool_names_read_back(parts: tuple[int, int, int]) -> None:
    name = SpoolName(*parts)
    assert SpoolName.parse(name.text()) == name
    assert SpoolName.parse(name.text() + ".new") is None


@given(
    one=st.tuples(_WORD, *[st.integers(0, 1 << 32)] * 4),
    other=st.tuples(_WORD, *[st.integers(0, 1 << 32)] * 4),
)
def test_record_ids_are_equal_only_for_the_same_attempt(
    one: tuple[int, int, int, int, int], other: tuple[int, int, int, int, int]
) -> None:
    assert (Attempt(*one).record_id() == Attempt(*other).record_id()) == (one == other)


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
