"""Requests in flight while processes end: finished where they can be, accounted for where they cannot."""

from __future__ import annotations

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import TYPE_CHECKING

import pytest
from held_upstream import HeldUpstream
from serving import SINGLE_KEY, Serving, free_port, serve, wait_gone, write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SHUTDOWN_S = 5.0


@pytest.fixture
def upstream() -> Iterator[HeldUpstream]:
    with HeldUpstream() as held:
        yield held


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def test_a_killed_workers_request_is_recorded_and_holds_nothing_back(
    tmp_path: Path, upstream: HeldUpstream, pool: ThreadPoolExecutor
) -> None:
    with serve(write_config(tmp_path, upstream=upstream.port)).ready() as gateway:
        held = pool.submit(gateway.chat, "held", SINGLE_KEY)
        upstream.arrived()
        assert gateway.chat("echo", SINGLE_KEY) == 429
        os.kill(gateway.worker_pids()[0], signal.SIGKILL)
        with pytest.raises((HTTPException, OSError)):
            held.result()
        assert gateway.chat("echo", SINGLE_KEY) == 200
        samples = gateway.metrics()
        assert samples["headgate_interrupted_total"] == 1
        assert samples["headgate_inflight"] == 0
        _stop(gateway)
        outcomes = [record["outcome"] for record in gateway.usage() if record["key"] == "single"]
        assert sorted(map(str, outcomes)) == ["interrupted", "ok"]


def test_a_stop_lets_the_request_finish(
    tmp_path: Path, upstream: HeldUpstream, pool: ThreadPoolExecutor
) -> None:
    with serve(write_config(tmp_path, workers=2, upstream=upstream.port)).ready() as gateway:
        port = int(gateway.endpoints["listen"].rpartition(":")[2])
        held = pool.submit(gateway.chat, "held")
        upstream.arrived()
        gateway.process.send_signal(signal.SIGTERM)
        _refused(port)
        upstream.release()
        assert held.result() == 200
        assert gateway.process.wait(_SHUTDOWN_S) == 0
        assert [record["outcome"] for record in gateway.usage()] == ["ok"]


def test_a_request_that_outlives_the_shutdown_timeout_is_cut_and_recorded(
    tmp_path: Path, upstream: HeldUpstream, pool: ThreadPoolExecutor
) -> None:
    with serve(write_config(tmp_path, upstream=upstream.port)).ready() as gateway:
        held = pool.submit(gateway.chat, "held")
        upstream.arrived()
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(_SHUTDOWN_S) == 0
        with pytest.raises((HTTPException, OSError)):
            held.result()
        assert len(gateway.usage()) == 1
        assert gateway.usage()[0]["outcome"] != "ok"


def test_a_killed_control_cuts_no_request(
    tmp_path: Path, upstream: HeldUpstream, pool: ThreadPoolExecutor
) -> None:
    config = write_config(tmp_path, port=free_port(), upstream=upstream.port)
    with serve(config).ready() as gateway:
        held = pool.submit(gateway.chat, "held")
        upstream.arrived()
        (orphan,) = gateway.worker_pids()
        os.kill(gateway.control_pid(), signal.SIGKILL)
        gateway.ready()
        assert gateway.chat() == 200
        upstream.release()
        assert held.result() == 200
        wait_gone(orphan)
        _stop(gateway)
        assert sorted(str(record["outcome"]) for record in gateway.usage()) == ["ok", "ok"]
        assert len({record["id"] for record in gateway.usage()}) == 2


def test_a_worker_told_to_stop_finishes_and_is_replaced(
    tmp_path: Path, upstream: HeldUpstream, pool: ThreadPoolExecutor
) -> None:
    with serve(write_config(tmp_path, upstream=upstream.port)).ready() as gateway:
        held = pool.submit(gateway.chat, "held")
        upstream.arrived()
        (worker,) = gateway.worker_pids()
        os.kill(worker, signal.SIGTERM)
        upstream.release()
        assert held.result() == 200
        assert gateway.chat() == 200
        assert gateway.worker_pids() != [worker]


def _stop(gateway: Serving) -> None:
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.process.wait(_SHUTDOWN_S) == 0


def _refused(port: int) -> None:
    """Return when the listener is closed; a connection that waits in its queue is reset by the close."""
    while True:
        with socket.socket() as sock:
            sock.settimeout(_SHUTDOWN_S)
            try:
                sock.connect(("127.0.0.1", port))
                sock.recv(1)
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                continue
