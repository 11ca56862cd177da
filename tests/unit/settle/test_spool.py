"""The spool keeps every record whole, in order, on disk or in memory, whatever the disk does."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from headgate.record import Attempt, SpoolName, frame, unframe
from headgate.settle.spool import Spool
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path


class _Disk:
    """A disk that can be full or failing when a file wants its blocks."""

    def __init__(self) -> None:
        self.error: int | None = None
        self.calls = 0

    def allocate(self, fd: int, size_bytes: int) -> None:
        self.calls += 1
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))
        os.posix_fallocate(fd, 0, size_bytes)


def _records(directory: Path) -> list[bytes]:
    filled = [path.read_bytes().partition(b"\0")[0] for path in sorted(directory.glob("*.spool"))]
    return [payload for line in b"".join(filled).split(b"\n") if (payload := unframe(line))]


def test_a_record_is_in_the_file_at_once(tmp_path: Path) -> None:
    disk = _Disk()
    spool = Spool(tmp_path, 7, 1, allocate=disk.allocate)
    spool.append(b'{"id":"a"}')
    assert _records(tmp_path) == [b'{"id":"a"}']
    spool.append(b'{"id":"b"}')
    assert _records(tmp_path) == [b'{"id":"a"}', b'{"id":"b"}']
    assert disk.calls == 1


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failing_disk_delays_records_and_loses_none(tmp_path: Path, code: int) -> None:
    disk = _Disk()
    spool = Spool(tmp_path, 7, 1, allocate=disk.allocate, file_bytes=len(frame(b"1")))
    spool.append(b"1")
    disk.error = code
    spool.append(b"2")
    spool.append(b"3")
    assert (spool.waiting, spool.lost) == (2, 0)
    assert not spool.page.append(b"4"), "a record must not overtake those that wait"
    disk.error = None
    spool.append(b"4")
    assert spool.waiting == 3, "a failing disk is tried on the tick, not by every request"
    spool.flush()
    assert spool.waiting == 0
    assert _records(tmp_path) == [b"1", b"2", b"3", b"4"]
    assert not list(tmp_path.glob("*.new"))


def test_an_idle_worker_recovers_on_its_tick(tmp_path: Path) -> None:
    disk = _Disk()
    disk.error = errno.ENOSPC
    spool = Spool(tmp_path, 7, 1, allocate=disk.allocate)
    disk.error = None
    spool.flush()
    assert spool.page.append(frame(b"1"))
    assert (_records(tmp_path), spool.waiting) == ([b"1"], 0)


@given(sizes=st.lists(st.integers(1, 90), max_size=20), full=st.sets(st.integers(0, 20)))
def test_records_keep_their_order_whatever_the_disk_does(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], full: set[int]
) -> None:
    directory = tmp_path_factory.mktemp("spool")
    disk = _Disk()
    spool = Spool(directory, 7, 1, allocate=disk.allocate, file_bytes=64)
    payloads = [b"%d:" % number + b"x" * size for number, size in enumerate(sizes)]
    for number, payload in enumerate(payloads):
        disk.error = errno.ENOSPC if number in full else None
        spool.append(payload)
        if number % 3 == 0:
            spool.flush()
    disk.error = None
    spool.close()
    assert (_records(directory), spool.lost) == (payloads, 0)


def test_the_queue_is_bounded_and_counts_what_it_drops(tmp_path: Path) -> None:
    disk = _Disk()
    disk.error = errno.ENOSPC
    line_bytes = len(frame(b"x" * 20))
    spool = Spool(tmp_path, 7, 1, allocate=disk.allocate, queue_bytes=3 * line_bytes)
    for _ in range(5):
        spool.append(b"x" * 20)
    assert (spool.waiting, spool.lost) == (3, 2)
    spool.close()
    assert spool.lost == 5


def test_files_are_cut_to_what_is_in_them_and_only_the_open_one_is_locked(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 7, 1, file_bytes=64, now_ns=lambda: 5)
    for number in range(12):
        spool.append(b"record %d" % number)
    paths = sorted(tmp_path.glob("*.spool"))
    assert len(paths) > 2
    assert paths[-1].stat().st_size == 64
    assert all(path.read_bytes().endswith(b"\n") for path in paths[:-1])
    assert [_is_locked(path) for path in paths] == [False] * (len(paths) - 1) + [True]
    assert _records(tmp_path) == [b"record %d" % number for number in range(12)]
    spool.close()
    assert paths[-1].read_bytes().endswith(b"\n")
    assert not _is_locked(paths[-1])


def test_a_record_larger_than_a_file_gets_one_of_its_own(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 7, 1, file_bytes=64)
    spool.append(b"a")
    spool.append(b"b" * 1000)
    spool.append(b"c")
    assert (_records(tmp_path), spool.waiting) == ([b"a", b"b" * 1000, b"c"], 0)


def test_a_spool_without_a_directory_waits_for_it(tmp_path: Path) -> None:
    directory = tmp_path / "later"
    spool = Spool(directory, 7, 1)
    spool.append(b"1")
    assert spool.waiting == 1
    directory.mkdir()
    spool.flush()
    assert _records(directory) == [b"1"]


def test_a_killed_writer_leaves_whole_records(tmp_path: Path) -> None:
    """Killed at any moment, so also within a record: what is published is whole, in order, and unlocked."""
    program = (
        "import sys; from pathlib import Path; from headgate.settle.spool import Spool\n"
        "spool = Spool(Path(sys.argv[1]), 7, 1, file_bytes=1 << 16); number = 0\n"
        "while True:\n"
        "    spool.append(b'%d:' % number + b'x' * 300); number += 1\n"
        "    if number == 1000: print('many', flush=True)\n"
    )
    command = (sys.executable, "-c", program, str(tmp_path))
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:  # noqa: S603  our own interpreter
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"many\n"
        writer.kill()
    records = _records(tmp_path)
    assert len(records) >= 1000
    assert records == [b"%d:" % number + b"x" * 300 for number in range(len(records))]
    assert not any(_is_locked(path) for path in tmp_path.glob("*.spool"))


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
