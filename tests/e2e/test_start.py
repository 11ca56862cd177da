"""Starting: how soon, how large, and without a configuration."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import wire
from support.client import Client
from support.gateway import KEY, Gateway, document, eventually, pss_bytes, start
from support.upstream import Upstream

from e2e.processes.serving import serve

if TYPE_CHECKING:
    from collections.abc import Callable

    RecordProperty = Callable[[str, object], None]

_MB = 1 << 20


@pytest.mark.slow
@pytest.mark.timeout(30)
def test_the_first_200_comes_within_a_second_and_a_half(
    tmp_path: Path, record_testsuite_property: RecordProperty
) -> None:
    """The median of three, each in a directory of its own."""
    config = document({})
    took_s = []
    for number in range(3):
        home = tmp_path / str(number)
        home.mkdir()
        # The port must be known before the start, to ask as soon as anybody answers.
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        config["server"]["listen"] = f"127.0.0.1:{port}"
        path = home / "headgate.yaml"
        path.write_text(json.dumps(config))
        began_s = time.monotonic()
        with serve(path) as running:
            client = Client(f"http://127.0.0.1:{port}", KEY)
            eventually(lambda client=client: _status(client) == 200)  # type: ignore[misc]
            took_s.append(time.monotonic() - began_s)
            running.ready()
    record_testsuite_property("start_to_first_200_s", sorted(took_s))
    assert statistics.median(took_s) <= 1.5


def _status(client: Client) -> int:
    try:
        return client.chat("echo").status
    except (ConnectionRefusedError, ConnectionResetError):
        return 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_is_small_after_exact_counts_in_both_encodings(
    tmp_path: Path, upstream: Upstream, record_testsuite_property: RecordProperty, workers: int
) -> None:
    config = document({"main": upstream})
    config["server"]["workers"] = workers
    text = Path(__file__).read_text()
    cut = wire.stream(wire.chat_events(text, usage=False)[:-1])
    with start(tmp_path, config) as gateway:
        gateway.generation(1, workers)
        for model in ("gpt-4", "gpt-4o"):
            upstream.script(model, cut)
            for _ in range(4 * workers):
                answer = gateway.client.chat(model, stream=True, content=text)
                (record,) = gateway.settled(answer.request_id)
                assert record["usage_source"] == "counted"
                assert record["prompt_tokens"] > 1000
                assert record["completion_tokens"] > 1000
        sizes = [pss_bytes(pid) for pid in gateway.worker_pids()]
        record_testsuite_property(f"pss_bytes_of_{workers}_workers", sizes)
        assert max(sizes) <= 70 * _MB


def test_one_worker_by_option(tmp_path: Path) -> None:
    config = tmp_path / "headgate.yaml"
    config.write_text(json.dumps({**document({}), "server": {"listen": "127.0.0.1:0", "workers": 3}}))
    with _command(tmp_path, "serve", "-c", str(config), "--workers", "1") as gateway:
        gateway.ready()
        assert gateway.client.chat("echo").status == 200
        assert len(gateway.worker_pids()) == 1


def test_without_a_file_the_echo_model_answers(tmp_path: Path) -> None:
    """SPEC A: no file, no provider's key in the environment."""
    env = {name: "" for name in os.environ if name.endswith(("_API_KEY", "_HOST"))}
    env |= {"OPENAI_API_KEY": "", "HEADGATE_CONFIG": "", "HEADGATE_ADMIN_KEY": ""}
    with _command(tmp_path, "serve", "--workers", "1", env=env) as gateway:
        key = gateway.line("admin key").split()[2]
        gateway.ready()
        client = gateway.as_key(key)
        answer = client.chat("echo", content="anybody there?")
        assert (answer.status, answer.text) == (200, "anybody there?")
        assert answer.headers["x-headgate-provider"] == "echo"
        assert [model["id"] for model in client.get("/v1/models").json["data"]] == ["echo"]
        assert client.chat("gpt-4o").status == 404


def _command(home: Path, *arguments: str, env: dict[str, str] | None = None) -> Gateway:
    """The installed command, run in `home`."""
    command = [str(Path(sys.executable).with_name("headgate")), *arguments]
    process = subprocess.Popen(  # noqa: S603  the command under test
        command,
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
    )
    return Gateway(home, process)
