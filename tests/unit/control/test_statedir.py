"""The state directory is held by one, its files are private and whole, its seats follow their processes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from headgate.control.statedir import StateDir, StateDirHeldError, make_admin_key, write_whole

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_holder_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    first = StateDir(tmp_path / "state")
    with pytest.raises(StateDirHeldError, match=f"pid {os.getpid()}"):
        StateDir(tmp_path / "state")
    first.release()
    StateDir(tmp_path / "state").release()


def test_the_directory_and_its_files_are_private(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    state.keep_admin_digest("0" * 64)
    modes = {path.name: path.stat().st_mode & 0o777 for path in [state.path, *state.path.iterdir()]}
    assert {mode & 0o077 for mode in modes.values()} == {0}, modes
    state.release()


def test_an_admin_key_is_known_by_its_digest_only(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    assert state.kept_admin_digest() is None
    key, digest = make_admin_key("gnd_")
    assert (len(key), key[:4]) == (47, "gnd_")
    state.keep_admin_digest(digest)
    assert state.kept_admin_digest() == digest
    assert all(key.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    state.release()


def test_a_damaged_digest_is_no_digest(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    state.keep_admin_digest("abc")
    assert state.kept_admin_digest() is None
    state.release()


def test_a_seat_is_free_when_its_process_is_dead(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    seat = state.take_seat(0)
    assert seat is not None
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"],
        pass_fds=(seat.lock_fd,),
        stdin=subprocess.PIPE,
    )
    os.close(seat.lock_fd)
    assert state.take_seat(0) is None
    assert state.has_sitters(1)
    other = state.take_seat(1)
    assert other is not None
    os.close(other.lock_fd)
    process.kill()
    process.communicate()
    assert not state.has_sitters(2)
    state.release()


def test_a_file_is_replaced_whole_and_its_mode_set(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o666)
    write_whole(path, b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_two_directories_have_two_segments(tmp_path: Path) -> None:
    assert StateDir.segment_of(tmp_path / "one") != StateDir.segment_of(tmp_path / "other")
