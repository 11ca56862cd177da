"""A running gateway for a test's configuration, and what it tells of itself.

Invariant: every wait is bounded and ends with the condition that was waited for, or fails the test.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2e.processes.serving import Serving, serve
from headgate.record import unframe
from support.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.upstream import Upstream

KEY = "test-key-of-sixteen-bytes-and-more"
PATIENCE_S = 8.0
_PACE_S = 0.01


class Gateway(Serving):
    """A `headgate serve`, as the tests of whole requests use it."""

    def __enter__(self) -> Gateway:
        return self

    @property
    def client(self) -> Client:
        """A client with the tester's key."""
        return Client(self.endpoints["listen"], KEY)

    @property
    def base_url(self) -> str:
        """What an SDK is pointed at."""
        return self.endpoints["listen"] + "/v1"

    def as_key(self, key: str | None) -> Client:
        """A client with another key."""
        return Client(self.endpoints["listen"], key)

    def records(self, request_id: str | None = None) -> list[dict[str, Any]]:
        """Usage records so far, in the log or still in the spool, in the order of their attempts."""
        state = self.home / ".headgate"
        # The spool first: a record that is moved in between is seen twice, never missed.
        lines = [payload for path in (state / "spool").glob("*.spool") for payload in _spooled(path)]
        log = state / "usage.jsonl"
        lines += log.read_bytes().splitlines() if log.exists() else []
        found = {record["id"]: record for record in map(json.loads, lines)}
        wanted = [r for r in found.values() if request_id is None or r["request_id"] == request_id]
        return sorted(wanted, key=lambda record: int(record["id"].rpartition("-")[2], 16))

    def settled(self, request_id: str, count: int = 1) -> list[dict[str, Any]]:
        """The records of a request, once there are `count` of them."""
        eventually(lambda: len(self.records(request_id)) >= count)
        return self.records(request_id)

    def tokens(self, model: str) -> dict[str, float]:
        """headgate_tokens_total of a model, by type."""
        prefix = f"headgate_tokens_total[{model}]["
        return {
            name[len(prefix) : -1]: value for name, value in self.metrics().items() if name.startswith(prefix)
        }

    def reconfigure(self, document: dict[str, Any]) -> None:
        """Write another configuration."""
        # Whole or not at all: the gateway also watches the file.
        path = self.home / "headgate.yaml"
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(document))
        fresh.rename(path)

    def hang_up(self) -> None:
        """Send SIGHUP."""
        self.process.send_signal(signal.SIGHUP)

    def generation(self, number: int, workers: int = 1) -> None:
        """Return when so many workers serve by configuration `number` or a later one."""
        # The first worker makes a gateway ready; the others join within moments.
        name = "headgate_config_generation"

        def taken() -> bool:
            numbers = [value for key, value in self.metrics().items() if key.startswith(name)]
            return len(numbers) == workers and min(numbers) >= number

        eventually(taken)

    def stop(self) -> None:
        """Stop it as a service manager does."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0


def document(upstreams: dict[str, Upstream], **sections: Any) -> dict[str, Any]:  # noqa: ANN401
    """A configuration: a provider for each upstream, all models to the first; `sections` replace others."""
    providers = [
        {
            "name": name,
            "type": "openai_compatible",
            "base_url": upstream.url,
            "api_key": "key-of-the-provider",
        }
        for name, upstream in upstreams.items()
    ]
    whole: dict[str, Any] = {
        "server": {"listen": "127.0.0.1:0", "workers": 1, "shutdown_timeout": "5s"},
        "control": {"listen": "127.0.0.1:0"},
        "auth": {"admin_key": "admin-key-of-the-tests"},
        "rate_limits": {"default_rpm": 0, "default_tpm": 0},
        "cache": {"enabled": False},
        "telemetry": {"access_log": "none"},
        "providers": [{"name": "echo", "models": ["echo"]}, *providers],
        "routes": [{"model_alias": "*", "targets": [{"provider": next(iter(upstreams), "echo")}]}],
        "keys": [{"name": "tester", "key": KEY, "role": "member"}],
    }
    return {**whole, **sections}


def start(home: Path, config: dict[str, Any], env: dict[str, str] | None = None) -> Gateway:
    """Start a gateway in `home` and return it when it serves."""
    path = home / "headgate.yaml"
    path.write_text(json.dumps(config))  # JSON is YAML
    running = serve(path, env)
    gateway = Gateway(running.home, running.process)
    try:
        gateway.ready()
    except BaseException as error:
        running.process.kill()
        error.add_note((running.process.stderr or sys.stderr).read())
        gateway.__exit__(None, None, None)
        raise
    return gateway


def eventually(condition: Callable[[], bool], within_s: float = PATIENCE_S) -> float:
    """Seconds until the condition held."""
    pace = threading.Event()
    began_s = time.monotonic()
    while not condition():
        assert time.monotonic() - began_s < within_s, f"did not happen within {within_s} s"
        pace.wait(_PACE_S)
    return time.monotonic() - began_s


def pss_bytes(pid: int) -> int:
    """Proportional set size of a process (RULINGS 37)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("Pss:")]
    return int(line.split()[1]) * 1024


def _spooled(path: Path) -> list[bytes]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return [payload for payload in map(unframe, lines) if payload is not None]
