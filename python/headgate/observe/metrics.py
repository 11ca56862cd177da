"""Every metric, declared once: name, help, labels and which values a label may take.

Invariant: the number of series is bounded: a label value that is not known becomes "other", and a family that
is full counts under "other" in every label, so a caller cannot grow the shared segment.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from headgate.core import Meter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate.core import Ledger

PREFIX = "headgate_"
OTHER = "other"
MAX_SERIES = 1024
TOKEN_TYPES = ("prompt", "completion", "cached", "reasoning")
_NOWHERE = -1


class Kind(Enum):
    """A metric's type, as Prometheus names it."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric; `name` is without the prefix. Process metrics keep Prometheus' own names (no prefix)."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    prefix: str = PREFIX

    @property
    def full_name(self) -> str:
        """The name as it is scraped."""
        return self.prefix + self.name


REQUESTS = Family(
    "requests_total", Kind.COUNTER, "Requests answered.", ("endpoint", "model", "provider", "status")
)
REQUEST_DURATION = Family(
    "request_duration_seconds",
    Kind.HISTOGRAM,
    "From the request's first byte to the last byte of its answer.",
)
OVERHEAD = Family("overhead_seconds", Kind.HISTOGRAM, "Headgate's own share of a request, queueing included.")
TTFT = Family("ttft_seconds", Kind.HISTOGRAM, "From the request to the first token of its answer.")
TOKENS = Family("tokens_total", Kind.COUNTER, "Tokens used, by kind.", ("model", "type"))
CACHE = Family("cache_requests_total", Kind.COUNTER, "Cache look-ups.", ("tier", "result"))
REJECTS = Family("ratelimit_rejects_total", Kind.COUNTER, "Requests refused by a limit.", ("type",))
ATTEMPTS = Family(
    "upstream_attempts_total",
    Kind.COUNTER,
    "Calls to a provider, by how they ended.",
    ("provider", "outcome"),
)
PANICS = Family("panics_total", Kind.COUNTER, "Panics of the native core that were caught.")
SPOOL_LOST = Family("spool_lost_total", Kind.COUNTER, "Records lost: the disk failed and the queue was full.")
RESTARTS = Family("worker_restarts_total", Kind.COUNTER, "Workers that died and were replaced.")
SPOOL_CORRUPT = Family(
    "spool_corrupt_total", Kind.COUNTER, "Spool lines that could not be read and were kept aside."
)
INTERRUPTED = Family(
    "interrupted_total", Kind.COUNTER, "Attempts whose worker died before they were settled."
)

INFLIGHT = Family("inflight", Kind.GAUGE, "Requests in flight.")
SPOOL_RECORDS = Family(
    "spool_records", Kind.GAUGE, "Records in the spool that the bookkeeper has not taken yet."
)
LOOP_LAG = Family(
    "loop_lag_seconds", Kind.GAUGE, "How late a worker's event loop ran its last timer.", ("worker",)
)
GENERATION = Family("config_generation", Kind.GAUGE, "Number of the configuration in use.", ("worker",))

PROCESS_CPU = Family("process_cpu_seconds_total", Kind.COUNTER, "CPU time used.", ("process",), prefix="")
PROCESS_RSS = Family("process_resident_memory_bytes", Kind.GAUGE, "Resident memory.", ("process",), prefix="")
PROCESS_FDS = Family("process_open_fds", Kind.GAUGE, "Open file descriptors.", ("process",), prefix="")
PROCESS_START = Family(
    "process_start_time_seconds", Kind.GAUGE, "Start of the process, Unix time.", ("process",), prefix=""
)

FAMILIES: tuple[Family, ...] = (
    REQUESTS,
    REQUEST_DURATION,
    OVERHEAD,
    TTFT,
    INFLIGHT,
    TOKENS,
    CACHE,
    REJECTS,
    ATTEMPTS,
    SPOOL_RECORDS,
    SPOOL_LOST,
    SPOOL_CORRUPT,
    INTERRUPTED,
    LOOP_LAG,
    GENERATION,
    RESTARTS,
    PANICS,
    PROCESS_CPU,
    PROCESS_RSS,
    PROCESS_FDS,
    PROCESS_START,
)


def escape_label(value: str) -> str:
    """A label value as the text format wants it (Prometheus exposition formats, "Comments, help text")."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def series_name(family: Family, values: Iterable[str]) -> str:
    """The sample's name with its labels, which is also its name in the ledger."""
    pairs = ",".join(
        f'{label}="{escape_label(value)}"' for label, value in zip(family.labels, values, strict=True)
    )
    return f"{family.full_name}{{{pairs}}}" if pairs else family.full_name


class SeriesLedger(Protocol):
    """What metrics need of the ledger (`headgate._core.Ledger`)."""

    def counter(self, series: str) -> int:
        """The index of a counter, registered once; ValueError where there is no room for it."""

    def histogram(self, series: str) -> int:
        """The index of a histogram, registered once."""

    def add(self, index: int, amount: int) -> None:
        """Add to a counter."""

    def observe(self, index: int, value_ns: int) -> None:
        """Count a duration in nanoseconds."""


class Series:
    """The counters of one family; a dictionary look-up and one native call per count."""

    __slots__ = ("_bounds", "_family", "_indices", "_ledger", "_max_series")

    def __init__(
        self, family: Family, ledger: SeriesLedger, bounds: Bounds, max_series: int = MAX_SERIES
    ) -> None:
        """`bounds` says which values each label may take."""
        self._family = family
        self._ledger = ledger
        self._bounds = bounds
        self._max_series = max_series
        self._indices: dict[tuple[str, ...], int] = {}

    def add(self, labels: tuple[str, ...] = (), amount: int = 1) -> None:
        """Count `amount` under these label values, in the order the family declares them."""
        index = self.index(labels)
        if index >= 0:
            self._ledger.add(index, amount)

    def index(self, labels: tuple[str, ...]) -> int:
        """The counter of these label values in the ledger; negative where there was no room."""
        index = self._indices.get(labels)
        return self._find(labels) if index is None else index

    def _find(self, labels: tuple[str, ...]) -> int:
        names = zip(self._family.labels, labels, strict=True)
        bounded = tuple(self._bounds.bound(label, value) for label, value in names)
        other = (OTHER,) * len(bounded)
        if bounded not in self._indices and len(self._indices) >= self._max_series:
            bounded = other
        index = self._indices.get(bounded)
        if index is None:
            index = self._register(bounded)
            if index == _NOWHERE and bounded != other:
                index = self._find(other)
            self._indices[bounded] = index
        return index

    def _register(self, labels: tuple[str, ...]) -> int:
        try:
            return self._ledger.counter(series_name(self._family, labels))
        except ValueError:
            # The segment's table is full or the name too long for it: no reason to fail a request.
            return _NOWHERE


class Durations:
    """The one histogram of a family without labels."""

    __slots__ = ("_index", "_ledger", "index")

    def __init__(self, family: Family, ledger: SeriesLedger) -> None:
        """Register the histogram."""
        self._ledger = ledger
        self.index = self._index = ledger.histogram(family.full_name)

    def observe(self, value_ns: int) -> None:
        """Count a duration in nanoseconds; a clock that stepped back counts as zero."""
        self._ledger.observe(self._index, max(0, value_ns))


class Bounds:
    """Which values the labels `model` and `provider` may take; the other labels come from our own tables."""

    __slots__ = ("_allowed",)

    def __init__(self, models: frozenset[str], providers: frozenset[str]) -> None:
        """Names that the configuration knows; every other name is "other"."""
        self._allowed = {"model": models | {""}, "provider": providers | {""}}

    def bound(self, label: str, value: str) -> str:
        """The value itself if it is known, else "other"."""
        allowed = self._allowed.get(label)
        return value if allowed is None or value in allowed else OTHER


class Metrics:
    """What a worker counts; a reload builds a new one, whose caches follow the new names."""

    __slots__ = (
        "_ledger",
        "_meters",
        "attempts",
        "cache",
        "overhead",
        "panics",
        "rejects",
        "request_duration",
        "requests",
        "spool_lost",
        "tokens",
        "ttft",
    )

    def __init__(self, ledger: Ledger, bounds: Bounds) -> None:
        """Register what has no labels; labelled series are registered when first counted."""
        self._ledger = ledger
        self._meters: dict[tuple[str, str, str, int, str], Meter] = {}
        self.requests = Series(REQUESTS, ledger, bounds)
        self.tokens = Series(TOKENS, ledger, bounds)
        self.cache = Series(CACHE, ledger, bounds)
        self.rejects = Series(REJECTS, ledger, bounds)
        self.attempts = Series(ATTEMPTS, ledger, bounds)
        self.panics = Series(PANICS, ledger, bounds)
        self.spool_lost = Series(SPOOL_LOST, ledger, bounds)
        self.request_duration = Durations(REQUEST_DURATION, ledger)
        self.overhead = Durations(OVERHEAD, ledger)
        self.ttft = Durations(TTFT, ledger)

    def meter(self, endpoint: str, model: str, provider: str, status: int, outcome: str) -> Meter:
        """Everything that a request with these labels counts in, as one native call."""
        kind = (endpoint, model, provider, status, outcome)
        meter = self._meters.get(kind)
        if meter is None:
            if len(self._meters) >= MAX_SERIES:
                self._meters.clear()
            meter = self._meters[kind] = self._new_meter(kind)
        return meter

    def _new_meter(self, kind: tuple[str, str, str, int, str]) -> Meter:
        endpoint, model, provider, status, outcome = kind
        counters = [self.requests.index((endpoint, model, provider, str(status)))]
        if provider:
            counters.append(self.attempts.index((provider, outcome)))
        # A request that reached no model has no tokens, and its series would say zero for ever.
        kinds = [self.tokens.index((model, name)) if model else _NOWHERE for name in TOKEN_TYPES]
        prompt, completion, cached, reasoning = kinds
        durations = (self.request_duration.index, self.overhead.index, self.ttft.index)
        return Meter(self._ledger, counters, (prompt, completion, cached, reasoning), durations)
