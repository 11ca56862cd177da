"""A change is seen once; a bad file leaves the running configuration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from headgate.config.accounts import AccountTable
from headgate.config.reload import SETTLE_S, Reloader, Watcher

GOOD = "providers: [{name: echo, models: [one]}]\n"


class Stat:
    """A file whose signature the test sets; None is a missing file."""

    def __init__(self) -> None:
        self.version: int | None = 1

    def __call__(self, _path: Path) -> os.stat_result:
        if self.version is None:
            raise FileNotFoundError
        return os.stat_result((0, self.version, 0, 0, 0, 0, 1, 0, 0, 0))


def test_each_change_is_told_once_after_it_rests():
    stat = Stat()
    watcher = Watcher(Path("f"), stat)
    assert not watcher.poll(0.0)
    stat.version = 2
    assert [watcher.poll(1.0), watcher.poll(1.0 + SETTLE_S / 2), watcher.poll(1.0 + 2 * SETTLE_S)] == [
        False,
        False,
        True,
    ]
    assert not watcher.poll(9.0)


def test_a_file_in_the_making_is_waited_for():
    stat = Stat()
    watcher = Watcher(Path("f"), stat)
    told = []
    for step in range(10):
        stat.version = None if step == 4 else min(step, 6) + 2
        told.append(watcher.poll(step * 2 * SETTLE_S))
    assert told == [False] * 7 + [True, False, False]


def test_a_change_taken_back_is_none():
    stat = Stat()
    watcher = Watcher(Path("f"), stat)
    for version in (2, 1, 1):
        stat.version = version
        assert not watcher.poll(float(version))


def test_the_built_in_configuration_never_changes():
    assert not Watcher(None).poll(0.0)


@pytest.fixture
def reloader(tmp_path: Path) -> Reloader:
    return Reloader(Path("f.yaml"), {}, tmp_path, AccountTable())


def test_a_good_file_takes_over_and_a_bad_one_does_not(reloader: Reloader, compile_text, tmp_path: Path):
    current, _ = compile_text(GOOD)
    (tmp_path / "f.yaml").write_text(GOOD.replace("one", "two"))
    outcome = reloader.attempt(current, "ab" * 32, 1.0)
    assert outcome.runtime is not None
    assert (outcome.runtime.generation, outcome.runtime.routes[0].alias) == (current.generation + 1, "two")
    assert outcome.runtime.keys[0].digest == "ab" * 32
    for bad in ("cahce: {}", "a: [", "providers: [{name: x, models: [a]}]"):
        (tmp_path / "f.yaml").write_text(bad)
        outcome = reloader.attempt(current, None, 2.0)
        assert outcome.runtime is None
        assert outcome.error is not None
        assert outcome.error.startswith("the running configuration stays: f.yaml:")
    (tmp_path / "f.yaml").unlink()
    assert "cannot be read" in str(reloader.attempt(current, None, 3.0).error)


def test_a_configured_admin_key_wins_over_the_made_one(reloader: Reloader, compile_text, tmp_path: Path):
    current, _ = compile_text(GOOD)
    (tmp_path / "f.yaml").write_text(GOOD + "auth: {admin_key: an-admin-key-of-mine}")
    runtime = reloader.attempt(current, "ab" * 32, 1.0).runtime
    assert runtime is not None
    assert runtime.keys[0].digest != "ab" * 32


def test_what_needs_a_restart_stays_and_is_named(reloader: Reloader, compile_text, tmp_path: Path):
    current, _ = compile_text(GOOD + "server: {workers: 2}")
    text = "server: {listen: 'h:1', workers: 3, max_body: 1KiB}\ncontrol: {listen: 'h:2'}\nstate_dir: z\n"
    (tmp_path / "f.yaml").write_text(GOOD + text)
    outcome = reloader.attempt(current, None, 1.0)
    kept = outcome.runtime
    assert kept is not None
    assert (kept.server.host, kept.server.port, kept.server.workers) == ("127.0.0.1", 8080, 2)
    assert (kept.control_port, kept.state_dir, kept.server.max_body_bytes) == (8081, current.state_dir, 1024)
    assert [warning.where for warning in outcome.warnings] == [
        "server.listen", "server.workers", "control.listen", "state_dir",
    ]  # fmt: skip


def test_a_file_that_was_taken_by_a_signal_is_not_told_again(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("a: 1\n")
    watcher = Watcher(path)
    path.write_text("a: 22\n")
    watcher.taken()
    assert [watcher.poll(now_s) for now_s in (0.0, 1.0, 2.0)] == [False, False, False]
    path.write_text("a: 333\n")
    assert [watcher.poll(now_s) for now_s in (3.0, 4.0)] == [False, True]
