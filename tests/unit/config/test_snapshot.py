"""Snapshots: whole, private, and cheap to read."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from headgate.config import snapshot
from headgate.config.accounts import AccountTable
from headgate.config.compile import compile_runtime
from headgate.config.loader import load
from headgate.errors import ConfigError

FULL = Path(__file__).parents[3] / "configs" / "full.yaml"


@pytest.fixture
def runtime():
    return compile_runtime(
        load(FULL, {}, Path.cwd()), generation=3, admin_digest="ab" * 32, accounts=AccountTable(), now_s=0.0
    )[0]


def test_it_comes_back_equal_and_is_private(runtime, tmp_path: Path):
    path = tmp_path / "snapshot.json"
    for _ in range(2):
        snapshot.write_snapshot(path, runtime)
    assert snapshot.read_snapshot(path) == runtime
    assert hash(snapshot.read_snapshot(path)) == hash(runtime)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_one(runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "snapshot.json"
    path.write_bytes(b"old")

    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(snapshot.os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        snapshot.write_snapshot(path, runtime)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("snapshot.json", b"old")]


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"format": 9}', b'{"format": 1, "runtime": {}}', b"\xff"]
)
def test_anything_else_is_refused(data: bytes, tmp_path: Path):
    path = tmp_path / "snapshot.json"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="damaged or was written by another version"):
        snapshot.read_snapshot(path)


def test_a_missing_one_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="No such file"):
        snapshot.read_snapshot(tmp_path / "none")


def test_a_cut_one_is_refused(runtime):
    data = snapshot.encode(runtime)
    for end in range(0, len(data), 97):
        with pytest.raises(ConfigError):
            snapshot.decode(data[:end])


def test_reading_imports_no_models_and_no_yaml():
    script = (
        "import sys, headgate.config.snapshot;"
        "sys.exit(bool({'pydantic', 'yaml', 'typer'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], check=False)  # noqa: S603  our own script
    assert ran.returncode == 0
