"""Close a request's books: spool, ledger, metrics, log line.

Invariant: the record is in the spool before the ledger's slot is closed, so that a kill in between leaves a
slot that control finds in the spool, never a request without a record (RULINGS 5).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from headgate.core import RecordLabels
from headgate.errors import Blame, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.core import LedgerWorker, Meter
    from headgate.errors import RequestError
    from headgate.exchange import Endpoint, Exchange
    from headgate.plan import Plan, Step
    from headgate.settle.spool import Spool

NO_USAGE = (0, 0, 0, 0)
MAX_KINDS = 4096
MAX_TOKENS = 1 << 31
"""More than any answer has: a provider's absurd number must not block a key for hours."""

_REJECTS = {
    Failure.RPM_EXCEEDED.name: "rpm",
    Failure.TPM_EXCEEDED.name: "tpm",
    Failure.CONCURRENCY_EXCEEDED.name: "concurrency",
    Failure.REQUEST_EXCEEDS_LIMIT.name: "request_exceeds_limit",
    Failure.OVERLOADED.name: "overloaded",
}

Kind = tuple["Plan | None", "Step | None", "Endpoint", bool, int, str]
"""What records and series have in common: plan, step, endpoint, stream, status, outcome."""


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

    ledger: LedgerWorker
    spool: Spool
    segment_id: int
    worker: int
    log: Callable[[Exchange, int], None] | None


class Settler:
    """Settles the exchanges of one worker."""

    __slots__ = ("_books", "_kinds", "_metrics", "in_flight")

    def __init__(self, books: Books, metrics: Counts) -> None:
        self._books = books
        self._kinds: dict[Kind, tuple[RecordLabels, Meter]] = {}
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
        admission, scan, step = exchange.admission, exchange.scan, exchange.step
        if admission is None or scan is None or step is None:
            return
        labels, _ = self._kind(
            (exchange.plan, step, exchange.endpoint, scan.stream, error.status, error.code)
        )
        story = (exchange.request_id, error.status, error.code, exchange.cache, "none")
        times = (exchange.started_ms, exchange.received_ns, 0, time.monotonic_ns())
        self._books.spool.append_line(labels.line(admission, exchange.attempts, story, NO_USAGE, times))
        self._metrics.attempts.add((step.provider.name, error.code))

    def settle(self, exchange: Exchange) -> None:
        """The request is over: everything about it is told, once."""
        self.in_flight -= 1
        error, usage, admission, scan = exchange.error, exchange.usage, exchange.admission, exchange.scan
        if error is None:
            status, outcome = 200, "cached" if exchange.cache == "hit" else "ok"
        else:
            status, outcome = error.status, error.code
        stream = scan is not None and scan.stream
        kind = (exchange.plan, exchange.step, exchange.endpoint, stream, status, outcome)
        labels, meter = self._kinds.get(kind) or self._kind(kind)
        received_ns, first_ns = exchange.received_ns, exchange.first_token_ns
        now_ns = time.monotonic_ns()
        if admission is not None and admission.refused is None:
            story = (exchange.request_id, status, outcome, exchange.cache, exchange.usage_source)
            times = (exchange.started_ms, received_ns, first_ns, now_ns)
            books = self._books
            books.spool.append_line(labels.line(admission, exchange.attempts, story, usage, times))
            books.ledger.settle(admission.slot, min(usage[0] + usage[1], MAX_TOKENS), now_ns)
        ttft_ns = first_ns - received_ns if first_ns > received_ns else 0
        meter.count(now_ns - received_ns, exchange.overhead_ns, ttft_ns, usage)
        if exchange.cache_key is not None:
            self._metrics.cache.add(("memory", exchange.cache))
        if error is not None:
            self._count_reject(error)
        if self._books.log is not None:
            self._books.log(exchange, now_ns)

    def _kind(self, kind: Kind) -> tuple[RecordLabels, Meter]:
        known = self._kinds.get(kind)
        if known is not None:
            return known
        if len(self._kinds) >= MAX_KINDS:
            self._kinds.clear()
        plan, step, endpoint, stream, status, outcome = kind
        provider = step.provider.name if step is not None else ""
        members = [
            ("key", plan.key.name if plan is not None else ""),
            ("endpoint", endpoint.label),
            ("model", plan.model if plan is not None else ""),
            ("served_model", step.served_model if step is not None else ""),
            ("provider", provider),
        ]
        labels = RecordLabels(self._books.segment_id, self._books.worker, members, stream)
        alias = plan.route.alias if plan is not None else ""
        made = labels, self._metrics.meter(endpoint.label, alias, provider, status, outcome)
        self._kinds[kind] = made
        return made

    def _count_reject(self, error: RequestError) -> None:
        reject = _REJECTS.get(error.failure.name)
        if reject is not None and error.failure.value.blame is not Blame.UPSTREAM:
            self._metrics.rejects.add((reject,))
