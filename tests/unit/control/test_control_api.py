"""The control listener: metrics are open on loopback only, health says why not, refusals have a shape."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from blacksheep.testing import TestClient
from headgate.control.api.app import Sources, build

_KEY = "gnd_the-admin-key-of-this-test"


async def _scrape() -> bytes:
    return b"headgate_inflight 0\n"


def _get(
    path: str, *, open_metrics: bool = True, reason: str | None = None, header: str | None = None
) -> tuple[int, str]:
    digests = ["0" * 64, hashlib.sha256(_KEY.encode()).hexdigest()]
    app = build(Sources(_scrape, lambda: reason, lambda: digests, open_metrics))

    async def get() -> tuple[int, str]:
        await app.start()
        headers = {} if header is None else {"Authorization": header}
        response = await TestClient(app).get(path, headers=headers)
        body = await response.text()
        return response.status, body

    return asyncio.run(get())


def test_metrics_are_open_on_loopback() -> None:
    assert _get("/metrics") == (200, "headgate_inflight 0\n")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {_KEY}", _KEY, f"Bearer {_KEY}x"]
)
def test_metrics_need_an_admin_key_elsewhere(header: str | None) -> None:
    status, body = _get("/metrics", open_metrics=False, header=header)
    assert status == 401
    assert '"invalid_api_key"' in body
    assert _KEY not in body


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_an_admin_key_opens_metrics(scheme: str) -> None:
    assert _get("/metrics", open_metrics=False, header=f"{scheme} {_KEY}")[0] == 200


def test_readiness_says_why_not() -> None:
    assert _get("/readyz")[0] == 200
    assert _get("/readyz", reason="draining") == (503, '{"status":"not ready","reason":"draining"}')
    assert _get("/healthz", reason="draining")[0] == 200


def test_what_is_not_there_is_404_in_the_known_shape() -> None:
    status, body = _get("/admin")
    assert status == 404
    assert '"type":"invalid_request_error"' in body
