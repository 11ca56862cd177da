"""One request on its way through the gateway: the record that every room adds to.

Invariant: made when the request reaches the pipeline, settled exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.core import CacheKey, Ticket
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
    """The state of one request that policy works with; its ticket has the times, the usage and the limits.

    `received_ns` is monotonic. `total_at` is the second of the loop's clock at which all attempts must
    be over. `tried` counts the steps of the plan that were begun.
    """

    __slots__ = (
        "body",
        "cache",
        "cache_key",
        "chunked",
        "endpoint",
        "error",
        "forward",
        "plan",
        "received_ns",
        "request_id",
        "step",
        "ticket",
        "total_at",
        "tried",
    )

    ticket: Ticket
    """Set where the request is taken in; `plan` tells whether it was."""
    step: Step
    """Set by the first attempt; `tried` tells whether there was one."""

    def __init__(self, endpoint: Endpoint, request_id: str, received_ns: int, *, chunked: bool) -> None:
        """`chunked`: the client understands chunked coding."""
        self.endpoint = endpoint
        self.request_id = request_id
        self.received_ns = received_ns
        self.chunked = chunked
        self.plan: Plan | None = None
        self.tried = 0
        self.total_at = 0.0
        self.body = self.forward = b""
        self.cache = "off"
        self.cache_key: CacheKey | None = None
        self.error: RequestError | None = None

    @property
    def status(self) -> int:
        """The status that the caller saw, or would have seen had it stayed."""
        return 200 if self.error is None else self.error.status
