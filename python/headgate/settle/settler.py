"""Close a request's books: spool, ledger, metrics, log line.

Invariant: the record is in the spool before the ledger's slot is closed, so that a kill in between leaves a
slot that control finds in the spool, never a request without a record (RULINGS 5).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from headgate.core import Kind
from headgate.errors import Blame, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.core import Meter
    from headgate.errors import RequestError
    from headgate.exchange import Endpoint, Exchange
    from headgate.plan import Plan, Step
    from headgate.settle.spool import Spool

MAX_KINDS = 4096

_REJECTS = {
    Failure.RPM_EXCEEDED.name: "rpm",
    Failure.TPM_EXCEEDED.name: "tpm",
    Failure.CONCURRENCY_EXCEEDED.name: "concurrency",
    Failure.REQUEST_EXCEEDS_LIMIT.name: "request_exceeds_limit",
    Failure.OVERLOADED.name: "overloaded",
}

KindName = tuple["Plan | None", "Step | None", "Endpoint", bool, int, str]
"""What makes a kind: plan, step, endpoint, stream, status, outcome."""


class Counter(Protocol):
    """Counts by label values."""

    def add(self, labels: tuple[str, ...] = (), amount: int = 1) -> None:
        """Count `amount`."""


class Counts(Protocol):
    """What is counted under one configuration."""

    @property
    def attempts(self) -> Counter:
        """Calls to a provider: provider, outcome."""

    @property
    def cache(self) -> Counter:
        """Look-ups: tier, result."""

    @property
    def rejects(self) -> Counter:
        """Requests refused by a limit: type."""

    @property
    def panics(self) -> Counter:
        """Panics of the native core."""

    @property
    def spool_lost(self) -> Counter:
        """Records that the disk did not take."""

    def meter(self, endpoint: str, model: str, provider: str, status: int, outcome: str) -> Meter:
        """Everything that a request with these labels counts in."""


class Books(NamedTuple):
    """Where a settler writes; `segment_id` and `worker` are part of every record id."""

    spool: Spool
    segment_id: int
    worker: int
    log: Callable[[Exchange, int], None] | None


class Settler:
    """Settles the exchanges of one worker."""

    __slots__ = ("_books", "_kinds", "_metrics", "in_flight")

    def __init__(self, books: Books, metrics: Counts) -> None:
        self._books = books
        self._kinds: dict[KindName, Kind] = {}
        self._metrics = metrics
        self.in_flight = 0

    @property
    def metrics(self) -> Counts:
        """What is counted under the present configuration."""
        return self._metrics

    @metrics.setter
    def metrics(self, metrics: Counts) -> None:
        self._metrics = metrics
        self._kinds.clear()

    def attempt_failed(self, exchange: Exchange, error: RequestError) -> None:
        """An attempt ended and another one follows: its record and its count."""
        ticket, step = exchange.ticket, exchange.step
        kind = self._kind((exchange.plan, step, exchange.endpoint, ticket.stream, error.status, error.code))
        line = ticket.record_failed(kind, exchange.request_id, exchange.cache, time.monotonic_ns())
        self._books.spool.append_line(line)
        self._metrics.attempts.add((step.provider.name, error.code))

    def settle(self, exchange: Exchange) -> None:
        """The request is over: everything about it is told, once."""
        self.in_flight -= 1
        error, plan = exchange.error, exchange.plan
        if error is None:
            status, outcome = 200, "cached" if exchange.cache == "hit" else "ok"
        else:
            status, outcome = error.status, error.code
        step = exchange.step if exchange.tried else None
        stream = plan is not None and exchange.ticket.stream
        name = (plan, step, exchange.endpoint, stream, status, outcome)
        kind = self._kinds.get(name) or self._kind(name)
        now_ns = time.monotonic_ns()
        if plan is not None and exchange.ticket.refused is None:
            ticket = exchange.ticket
            line = ticket.settle(kind, exchange.request_id, exchange.cache, now_ns)
            if line is not None:
                self._books.spool.append_line(line)
                ticket.close(kind, now_ns)
        else:
            kind.count(now_ns - exchange.received_ns)
        if exchange.cache_key is not None:
            self._metrics.cache.add(("memory", exchange.cache))
        if error is not None:
            self._count_reject(error)
        if self._books.log is not None:
            self._books.log(exchange, now_ns)

    def _kind(self, name: KindName) -> Kind:
        kind = self._kinds.get(name)
        if kind is None:
            if len(self._kinds) >= MAX_KINDS:
                self._kinds.clear()
            kind = self._kinds[name] = self._new_kind(name)
        return kind

    def _new_kind(self, name: KindName) -> Kind:
        plan, step, endpoint, stream, status, outcome = name
        provider = step.provider.name if step is not None else ""
        members = [
            ("key", plan.key.name if plan is not None else ""),
            ("endpoint", endpoint.label),
            ("model", plan.model if plan is not None else ""),
            ("served_model", step.served_model if step is not None else ""),
            ("provider", provider),
        ]
        alias = plan.route.alias if plan is not None else ""
        meter = self._metrics.meter(endpoint.label, alias, provider, status, outcome)
        books = self._books.segment_id, self._books.worker
        return Kind(books, members, (stream, status, outcome), meter)

    def _count_reject(self, error: RequestError) -> None:
        reject = _REJECTS.get(error.failure.name)
        if reject is not None and error.failure.value.blame is not Blame.UPSTREAM:
            self._metrics.rejects.add((reject,))
