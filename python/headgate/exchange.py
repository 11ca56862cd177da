"""One request on its way through the gateway: the record that every room adds to.

Invariant: made when the request reaches the pipeline, settled exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.core import Admission, CacheKey, Scan
    from headgate.errors import RequestError
    from headgate.plan import Plan, Step


class Endpoint:
    """What is asked: the native scanner's number, the name in metrics and records, the path at a provider.

    A plain class and not an enumeration: members are dictionary keys on the request path, and hashing an
    enumeration's member runs Python code.
    """

    __slots__ = ("label", "number", "path")

    def __init__(self, number: int, label: str, path: str) -> None:
        self.number = number
        self.label = label
        self.path = path

    def __repr__(self) -> str:
        return f"Endpoint({self.label})"


CHAT = Endpoint(0, "chat", "/chat/completions")
COMPLETIONS = Endpoint(1, "completions", "/completions")
EMBEDDINGS = Endpoint(2, "embeddings", "/embeddings")
ENDPOINTS = (CHAT, COMPLETIONS, EMBEDDINGS)


class Exchange:
    """The state of one request; times are monotonic nanoseconds, 0 where the point was not reached.

    `total_at` is the second of the loop's clock at which all attempts together must be over.
    """

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
        "overhead_ns",
        "plan",
        "received_ns",
        "request_id",
        "scan",
        "sent_ns",
        "started_ms",
        "step",
        "total_at",
        "tried",
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
        self.work_ns = self.admitted_ns = self.sent_ns = self.first_token_ns = 0
        self.upstream_ns = self.overhead_ns = self.attempts = self.tried = 0
        self.chunked = True
        self.total_at = 0.0
        self.body = self.forward = b""
        self.scan: Scan | None = None
        self.plan: Plan | None = None
        self.step: Step | None = None
        self.admission: Admission | None = None
        self.cache = "off"
        self.cache_key: CacheKey | None = None
        self.usage: tuple[int, int, int, int] = (0, 0, 0, 0)
        self.usage_source = "none"
        self.error: RequestError | None = None

    @property
    def status(self) -> int:
        """The status that the caller saw, or would have seen had it stayed."""
        return 200 if self.error is None else self.error.status
