"""Close a request's books: spool, ledger, metrics, log line.

Invariant: the record is in the spool before the ledger's slot is closed, so that a kill in between leaves a slot that
control finds in the spool, never a request without a record (RULINGS 5).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from headgate.core import RecordLabels
from headgate.errors import Blame, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.core import LedgerWorker
    from headgate.errors import RequestError
    from headgate.exchange import Exchange
    from headgate.observe.metrics import Metrics
    from headgate.settle.spool import Spool

NO_USAGE = (0, 0, 0, 0)
MAX_LABELS = 4096
MAX_TOKENS = 1 << 31
"""More than any answer has: a provider's absurd number must not block a key for hours."""

_REJECTS = {
    Failure.RPM_EXCEEDED: "rpm",
    Failure.TPM_EXCEEDED: "tpm",
    Failure.CONCURRENCY_EXCEEDED: "concurrency",
    Failure.REQUEST_EXCEEDS_LIMIT: "request_exceeds_limit",
    Failure.OVERLOADED: "overloaded",
}


class Books(NamedTuple):
    """Where a settler writes; `segment_id` and `worker` are part of every record id."""

    ledger: LedgerWorker
    spool: Spool
    segment_id: int
    worker: int
    log: Callable[[Exchange, int], None] | None


class Settler:
    """Settles the exchanges of one worker."""

    __slots__ = ("_books", "_labels", "in_flight", "metrics")

    def __init__(self, books: Books, metrics: Metrics) -> None:
        self._books = books
        self._labels: dict[tuple[str, str, str, str, str, bool], RecordLabels] = {}
        self.metrics = metrics
        self.in_flight = 0

    def begin(self) -> None:
        """A request reached the pipeline."""
        self.in_flight += 1

    def attempt_failed(self, exchange: Exchange, error: RequestError) -> None:
        """An attempt ended and another one follows: its record and its count."""
        self._write(exchange, (exchange.request_id, error.status, error.code, exchange.cache, "none"), NO_USAGE)
        provider = exchange.provider
        self.metrics.attempts.add((provider.name if provider else "", error.code))

    def settle(self, exchange: Exchange) -> None:
        """The request is over: everything about it is told, once."""
        self.in_flight -= 1
        error, usage, admission = exchange.error, exchange.usage, exchange.admission
        if error is None:
            status, outcome = 200, "cached" if exchange.cache == "hit" else "ok"
        else:
            status, outcome = error.status, error.code
        if admission is not None and admission.refused is None:
            story = (exchange.request_id, status, outcome, exchange.cache, exchange.usage_source)
            now_ns = self._write(exchange, story, usage)
            used = min(usage[0] + usage[1], MAX_TOKENS)
            self._books.ledger.settle(admission.slot, used, time.monotonic_ns())
        else:
            now_ns = time.monotonic_ns()
        self._count(exchange, status, outcome, now_ns)
        if self._books.log is not None:
            self._books.log(exchange, now_ns)

    def _write(
        self, exchange: Exchange, story: tuple[str, int, str, str, str], usage: tuple[int, int, int, int]
    ) -> int:
        """Append the record of the current attempt; returns its end in monotonic ns."""
        key, scan, provider, admission = exchange.key, exchange.scan, exchange.provider, exchange.admission
        now_ns = time.monotonic_ns()
        if key is None or scan is None or admission is None:
            return now_ns
        name = provider.name if provider is not None else ""
        kind = (key.name, exchange.label, scan.model, exchange.served_model, name, scan.stream)
        labels = self._labels.get(kind) or self._new_labels(kind)
        times = (exchange.started_ms, exchange.received_ns, exchange.first_token_ns, now_ns)
        self._books.spool.append_line(labels.line(admission, exchange.attempts, story, usage, times))
        return now_ns

    def _new_labels(self, kind: tuple[str, str, str, str, str, bool]) -> RecordLabels:
        if len(self._labels) >= MAX_LABELS:
            self._labels.clear()
        key, endpoint, model, served, provider, stream = kind
        members = [
            ("key", key),
            ("endpoint", endpoint),
            ("model", model),
            ("served_model", served),
            ("provider", provider),
        ]
        labels = self._labels[kind] = RecordLabels(self._books.segment_id, self._books.worker, members, stream)
        return labels

    def _count(self, exchange: Exchange, status: int, outcome: str, now_ns: int) -> None:
        metrics, received_ns = self.metrics, exchange.received_ns
        model = exchange.route.alias if exchange.route is not None else ""
        provider = exchange.provider.name if exchange.provider is not None else ""
        meter = metrics.meter(exchange.label, model, provider, status, outcome)
        first_ns = exchange.first_token_ns
        meter.count(
            max(now_ns - received_ns, 0),
            max(exchange.overhead_ns, 0),
            max(first_ns - received_ns, 0) if first_ns else 0,
            exchange.usage,
        )
        if exchange.cache_key is not None:
            metrics.cache.add(("memory", exchange.cache))
        error = exchange.error
        if error is not None and error.failure in _REJECTS and error.failure.value.blame is not Blame.UPSTREAM:
            metrics.rejects.add((_REJECTS[error.failure],))
