"""A `headgate serve` in a directory of its own, and what tests want to know of it."""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from headgate.control.statedir import StateDir
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from types import TracebackType

KEY = "test-key-of-sixteen-bytes-and-more"
SINGLE_KEY = "test-key-for-one-request-at-a-time"
CONFIG = """
server: {{listen: "127.0.0.1:{port}", workers: {workers}, shutdown_timeout: 5s}}
control: {{listen: "127.0.0.1:0"}}
rate_limits: {{default_rpm: 0, default_tpm: 0}}
cache: {{enabled: false}}
telemetry: {{access_log: none}}
providers:
  - {{name: echo, type: echo}}
  - {{name: held, type: openai, base_url: "http://127.0.0.1:{upstream}/v1", api_key: none-needed-here}}
routes:
  - {{model_alias: {model}, targets: [{{provider: echo, model: echo}}]}}
  - {{model_alias: held, targets: [{{provider: held, model: held}}]}}
keys:
  - {{name: tester, key: {key}, role: admin}}
  - {{name: single, key: {single}, role: member, max_concurrency: 1}}
"""
_COMMAND = "import sys; from headgate.cli.serve import serve; sys.exit(serve(sys.argv[1]))"
_PATIENCE_S = 8.0


@dataclass
class Serving:
    """A running group of processes; used as a context manager, which leaves none behind."""

    home: Path
    process: subprocess.Popen[str]
    read: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __enter__(self) -> Serving:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        members = self.pids()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        try:
            for pid in members:
                wait_gone(pid)
        finally:
            for pid in members:
                _kill(pid)
        StateDir.segment_of(self.home / ".headgate").unlink(missing_ok=True)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def line(self, text: str) -> str:
        """The next line of standard output that holds `text`."""
        return _until(self.process.stdout, text, self.read)

    def log(self, text: str) -> str:
        """The next line of standard error that holds `text`."""
        return _until(self.process.stderr, text, self.errors)

    def ready(self) -> Serving:
        """Itself, once it has told its `curl` line."""
        self.line("-d '{")
        return self

    @property
    def endpoints(self) -> dict[str, str]:
        """What it says of its addresses."""
        found: dict[str, str] = json.loads((self.home / ".headgate" / "endpoints.json").read_bytes())
        return found

    def chat(self, model: str = "echo", key: str = KEY) -> int:
        """The status of one chat request on a new connection."""
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]})
        return request(self.endpoints["listen"], "POST", "/v1/chat/completions", body, key)[0]

    def metrics(self) -> dict[str, float]:
        """Samples by name and labels as they are exposed."""
        status, text = request(self.endpoints["control"], "GET", "/metrics")
        assert status == 200, text
        return {
            sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def control_pid(self) -> int:
        """The control process."""
        (pid,) = children(self.process.pid)
        return pid

    def worker_pids(self) -> list[int]:
        """The workers."""
        return children(self.control_pid())

    def pids(self) -> list[int]:
        """Every process below the parent."""
        controls = children(self.process.pid)
        return [*controls, *(pid for control in controls for pid in children(control))]

    def usage(self) -> list[dict[str, object]]:
        """The records of the usage log."""
        path = self.home / ".headgate" / "usage.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def write_config(
    home: Path, *, workers: int = 1, port: int = 0, model: str = "echo", upstream: int = 9
) -> Path:
    """Write (again) the configuration in `home`; `upstream` is the port of the provider `held`."""
    path = home / "headgate.yaml"
    path.write_text(
        CONFIG.format(workers=workers, port=port, model=model, upstream=upstream, key=KEY, single=SINGLE_KEY)
    )
    return path


def serve(config: Path, env: dict[str, str] | None = None) -> Serving:
    """Start `headgate serve -c config`."""
    process = subprocess.Popen(  # noqa: S603  our own interpreter and module
        [sys.executable, "-c", _COMMAND, str(config)],
        cwd=config.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
    )
    return Serving(config.parent, process)


def request(
    url: str, method: str, path: str, body: str | None = None, key: str | None = None
) -> tuple[int, str]:
    """Status and body of one request on a connection of its own."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_PATIENCE_S)
    headers = {"Content-Type": "application/json"} if body else {}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def free_port() -> int:
    """A port that nobody listens on, for tests in which a restart must find the same one."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def children(pid: int) -> list[int]:
    """Child processes of a process, in the order of their start."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def wait_gone(pid: int) -> None:
    """Return when a process that is not our child has ended."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([watch], [], [], _PATIENCE_S)
        assert ready, f"process {pid} is still there"
    finally:
        os.close(watch)


def _kill(pid: int) -> None:
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    signal.pidfd_send_signal(watch, signal.SIGKILL)
    os.close(watch)


def _until(stream: IO[str] | None, text: str, seen: list[str]) -> str:
    assert stream is not None
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        line = stream.readline()
        if not line:
            break
        seen.append(line)
        if text in line:
            return line
    message = f"{text!r} was not said: {seen}"
    raise AssertionError(message)
