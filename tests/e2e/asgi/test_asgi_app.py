"""`headgate.asgi:app` under a real ASGI server: the same answers, one ledger with its neighbours."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

import uvicorn
from headgate import asgi
from headgate.asgi import Gateway

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest
    from headgate.app import WorkerApp
    from headgate.control.channel import Credentials
    from headgate.core import Credential

CONFIG = """
server: {workers: 2}
state_dir: state
telemetry: {access_log: none}
providers: [{name: echo, type: echo, models: [echo]}]
keys:
  - {name: limited, key: sk-asgi-0123456789abcdef, rpm: 3, tpm: 0}
"""
HEAD = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-asgi-0123456789abcdef\r\n"


class Server(uvicorn.Server):
    """A server that tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextlib.asynccontextmanager
async def served(config: Path) -> AsyncIterator[int]:
    server = Server(uvicorn.Config(Gateway(config), port=0, log_level="error", lifespan="on"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(5):
        await server.listening.wait()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def ask(port: int, *, stream: bool = False) -> bytes:
    messages = [{"role": "user", "content": "hello there"}]
    body = json.dumps({"model": "echo", "stream": stream, "messages": messages})
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{HEAD}connection: close\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
    answer = await reader.read()
    writer.close()
    return answer


def config_in(tmp_path: Path) -> Path:
    path = tmp_path / "headgate.yaml"
    path.write_text(CONFIG)
    return path


async def test_answers_and_streams(tmp_path: Path) -> None:
    async with served(config_in(tmp_path)) as port:
        whole, stream = await ask(port), await ask(port, stream=True)
    assert b"200 OK" in whole
    assert b"hello there" in whole
    assert b"x-ratelimit-remaining-requests: 2" in whole
    assert b"data: [DONE]" in stream
    log = (tmp_path / "state" / "usage.jsonl").read_text().splitlines()
    assert [json.loads(line)["outcome"] for line in log] == ["ok", "ok"]


async def test_two_servers_share_one_limit(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    async with served(config) as first, served(config) as second:
        answers = [await ask(port) for port in (first, second, first, second, first)]
    assert [b"200 OK" in answer for answer in answers] == [True, True, True, False, False]
    assert b"rpm_exceeded" in answers[-1]


async def test_credentials_of_clouds_come_without_a_control_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDASGI")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    path = config_in(tmp_path)
    cloud = "{name: cloud, type: bedrock, region: eu-central-1, models: [m]}"
    path.write_text(CONFIG.replace("providers: [", f"providers: [{cloud}, "))
    came = asyncio.Event()
    fill = asgi.fill

    def filled(worker: WorkerApp, message: Credentials) -> None:
        fill(worker, message)
        handles.append(worker.credentials.handle(worker.pipeline.policy.runtime.providers[0]))
        came.set()

    handles: list[Credential | None] = []
    monkeypatch.setattr(asgi, "fill", filled)
    async with served(path), asyncio.timeout(5):
        await came.wait()
    assert [repr(handle) for handle in handles] == ["Credential(aws bedrock eu-central-1, ready)"]
