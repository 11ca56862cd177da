"""One request on its way through the gateway: the record that every room adds to.

Invariant: made when the request reaches the pipeline, settled exactly once.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.config.runtime import Key, Provider, Route
    from headgate.core import Admission, CacheKey, Scan
    from headgate.errors import RequestError


class Endpoint(IntEnum):
    """What is asked; the number is the native scanner's."""

    CHAT = 0
    COMPLETIONS = 1
    EMBEDDINGS = 2


ENDPOINT_PATHS = {
    Endpoint.CHAT: "/chat/completions",
    Endpoint.COMPLETIONS: "/completions",
    Endpoint.EMBEDDINGS: "/embeddings",
}
ENDPOINT_LABELS = {Endpoint.CHAT: "chat", Endpoint.COMPLETIONS: "completions", Endpoint.EMBEDDINGS: "embeddings"}


class Exchange:
    """The state of one request; times are monotonic nanoseconds, 0 where the point was not reached."""

    __slots__ = (
        "admission",
        "admitted_ns",
        "attempts",
        "body",
        "cache",
        "cache_key",
        "chunked",
        "endpoint",
        "error",
        "first_token_ns",
        "forward",
        "key",
        "labels",
        "overhead_ns",
        "provider",
        "received_ns",
        "request_id",
        "route",
        "scan",
        "sent_ns",
        "served_model",
        "started_ms",
        "upstream_ns",
        "usage",
        "usage_source",
        "work_ns",
    )

    def __init__(self, endpoint: Endpoint, request_id: str, received_ns: int, started_ms: int) -> None:
        self.endpoint = endpoint
        self.request_id = request_id
        self.received_ns = received_ns
        self.started_ms = started_ms
        self.work_ns = 0
        self.admitted_ns = 0
        self.sent_ns = 0
        self.first_token_ns = 0
        self.upstream_ns = 0
        self.overhead_ns = 0
        self.chunked = True
        self.key: Key | None = None
        self.body = b""
        self.scan: Scan | None = None
        self.route: Route | None = None
        self.forward = b""
        self.admission: Admission | None = None
        self.cache = "off"
        self.cache_key: CacheKey | None = None
        self.attempts = 0
        self.provider: Provider | None = None
        self.served_model = ""
        self.labels = b""
        self.usage: tuple[int, int, int, int] = (0, 0, 0, 0)
        self.usage_source = "none"
        self.error: RequestError | None = None

    @property
    def label(self) -> str:
        """The endpoint's name in metrics, records and logs."""
        return ENDPOINT_LABELS[self.endpoint]

    @property
    def status(self) -> int:
        """The status that the caller saw, or would have seen had it stayed."""
        return 200 if self.error is None else self.error.status
