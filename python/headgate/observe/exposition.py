"""Prometheus text exposition 0.0.4 of what the ledger holds.

Invariant: one HELP and one TYPE line per family, all its samples together, and a histogram's last bucket
(+Inf) equals its count (https://prometheus.io/docs/instrumenting/exposition_formats/).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headgate.observe.metrics import FAMILIES, Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_NS = 1_000_000_000

Histogram = tuple[str, int, int, "Sequence[tuple[float, int]]"]
"""Series name, count, sum in nanoseconds, and (upper bound in seconds, cumulative count) pairs."""


@dataclass(slots=True)
class Scrape:
    """The samples of one scrape; series names carry their labels (`observe.metrics.series_name`)."""

    values: list[tuple[str, float]] = field(default_factory=list)
    histograms: list[Histogram] = field(default_factory=list)


def render(scrape: Scrape, families: Iterable[Family] = FAMILIES) -> bytes:
    """The exposition; a series of no declared family is left out, since it has no help and no type."""
    samples: defaultdict[str, list[str]] = defaultdict(list)
    for series, value in scrape.values:
        samples[series.partition("{")[0]].append(f"{series} {_number(value)}")
    for histogram in scrape.histograms:
        samples[histogram[0].partition("{")[0]].extend(_histogram_lines(histogram))
    lines: list[str] = []
    for family in families:
        found = samples.get(family.full_name)
        if found is None:
            continue
        lines.append(f"# HELP {family.full_name} {_escape_help(family.help)}")
        lines.append(f"# TYPE {family.full_name} {family.kind.value}")
        lines.extend(found)
    return ("\n".join(lines) + "\n").encode() if lines else b""


def _histogram_lines(histogram: Histogram) -> Iterable[str]:
    series, count, sum_ns, buckets = histogram
    name, _, labels = series.partition("{")
    labels = labels.removesuffix("}")
    lead = f"{labels}," if labels else ""
    for le_s, cumulative in buckets:
        if le_s != float("inf"):
            yield f'{name}_bucket{{{lead}le="{_number(le_s)}"}} {cumulative}'
    yield f'{name}_bucket{{{lead}le="+Inf"}} {count}'
    tail = f"{{{labels}}}" if labels else ""
    yield f"{name}_sum{tail} {_number(sum_ns / _NS)}"
    yield f"{name}_count{tail} {count}"


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(value)


def _escape_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
