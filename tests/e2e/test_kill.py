"""Workers that die in the middle of streams: replaced, accounted for, holding nothing back (RULINGS 5)."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from support import wire
from support.gateway import KEY, Gateway, document, eventually, start
from support.upstream import End, Upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIGHT = "test-key-with-room-for-two-streams"
_STREAMS = 2


@pytest.fixture
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    config = document({"main": upstream})
    config["keys"].append({"name": "tight", "key": _TIGHT, "max_concurrency": _STREAMS, "tpm": 2000})
    upstream.script("gpt-4o-killed", wire.stream(wire.chat_events()[:5], End.HANG))
    with start(tmp_path_factory.mktemp("kill"), config) as running:
        yield running


def test_a_worker_killed_in_the_middle_of_streams(gateway: Gateway, upstream: Upstream) -> None:
    client = gateway.as_key(_TIGHT)
    asked = len(upstream.requests("gpt-4o-killed"))
    streams = [client.open("gpt-4o-killed", max_tokens=900) for _ in range(_STREAMS)]
    for reading in streams:
        reading.until(b"four")
    ids = [reading.request_id for reading in streams]
    assert client.chat("echo", max_tokens=1).status == 429
    workers = gateway.worker_pids()
    os.kill(workers[0], signal.SIGKILL)
    healed_s = eventually(
        lambda: gateway.worker_pids() != workers and gateway.client.chat("echo").status == 200
    )
    assert healed_s < 1.0
    for nth in range(_STREAMS):
        assert upstream.request("gpt-4o-killed", asked + nth + 1).closed.wait(1.0)
    # Nothing stays held: neither the places nor the 1,800 tokens that were set aside.
    answer = client.chat("echo", max_tokens=1)
    assert answer.status == 200
    assert int(answer.headers["x-ratelimit-remaining-tokens"]) > 1900
    assert gateway.metrics()["headgate_inflight"] == 0
    assert gateway.metrics()["headgate_interrupted_total"] == _STREAMS
    interrupted = _interrupted(gateway)
    assert len(interrupted) == _STREAMS
    for record in interrupted:
        # The journal holds an estimate, four bytes a token: the text itself died with its worker.
        assert (record["key"], record["completion_tokens"]) == ("tight", -(-len("one two three four") // 4))
        assert record["prompt_tokens"] in range(5, 20)
    for reading, request_id in zip(streams, ids, strict=True):
        assert request_id
        reading.leave()


def test_a_stop_right_after_a_kill_loses_no_record(gateway: Gateway) -> None:
    statuses = [gateway.client.chat("echo").status for _ in range(10)]
    with gateway.client.open("gpt-4o-killed") as reading:
        reading.until(b"four")
        os.kill(gateway.worker_pids()[0], signal.SIGKILL)
        gateway.stop()
    assert statuses == [200] * 10
    records = gateway.usage()
    assert sorted(str(record["outcome"]) for record in records) == ["interrupted", *["ok"] * 10]
    assert {record["key"] for record in records} == {"tester"}
    assert len({record["id"] for record in records}) == 11
    assert KEY.encode() not in (gateway.home / ".headgate" / "usage.jsonl").read_bytes()


def _serves(gateway: Gateway) -> bool:
    return gateway.client.chat("echo").status == 200


def _interrupted(gateway: Gateway) -> list[dict[str, object]]:
    eventually(lambda: any(record["outcome"] == "interrupted" for record in gateway.usage()))
    return [record for record in gateway.usage() if record["outcome"] == "interrupted"]
