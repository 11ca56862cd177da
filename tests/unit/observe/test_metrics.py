"""Metrics: bounded labels, one registration per series, an exposition that the official parser reads back."""

from __future__ import annotations

import math
import re

import pytest
from headgate.observe.exposition import Scrape, render
from headgate.observe.metrics import (
    ATTEMPTS,
    FAMILIES,
    INFLIGHT,
    REQUEST_DURATION,
    REQUESTS,
    TOKENS,
    Bounds,
    Family,
    Kind,
    Metrics,
    Series,
    series_name,
)
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families


class _Ledger:
    """A ledger of plain dictionaries."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.values: dict[str, int] = {}
        self.observed: list[tuple[str, int]] = []

    def counter(self, series: str) -> int:
        assert series not in self.names, "a series is registered once"
        self.names.append(series)
        return len(self.names) - 1

    def histogram(self, series: str) -> int:
        return self.counter(series)

    def add(self, index: int, amount: int) -> None:
        name = self.names[index]
        self.values[name] = self.values.get(name, 0) + amount

    def observe(self, index: int, value_ns: int) -> None:
        self.observed.append((self.names[index], value_ns))


BOUNDS = Bounds(frozenset({"gpt-4o"}), frozenset({"openai"}))


def test_unknown_models_and_providers_count_as_other() -> None:
    ledger = _Ledger()
    requests = Series(REQUESTS, ledger, BOUNDS)
    requests.add(("chat", "gpt-4o", "openai", "200"))
    for number in range(50):
        requests.add(("chat", f"made-up-{number}", "nobody", "404"))
    requests.add(("chat", "", "", "401"))
    assert ledger.values == {
        'headgate_requests_total{endpoint="chat",model="gpt-4o",provider="openai",status="200"}': 1,
        'headgate_requests_total{endpoint="chat",model="other",provider="other",status="404"}': 50,
        'headgate_requests_total{endpoint="chat",model="",provider="",status="401"}': 1,
    }


def test_a_full_family_counts_under_other() -> None:
    ledger = _Ledger()
    attempts = Series(ATTEMPTS, ledger, BOUNDS, max_series=3)
    for number in range(10):
        attempts.add(("openai", f"outcome-{number}"))
    assert len(ledger.names) == 4
    assert sum(ledger.values.values()) == 10
    assert ledger.values['headgate_upstream_attempts_total{provider="other",outcome="other"}'] == 7


@pytest.mark.parametrize(("room", "counted"), [(0, 0), (1, 1), (2, 3)])
def test_a_segment_without_room_costs_counts_and_no_request(room: int, counted: int) -> None:
    class Small(_Ledger):
        def counter(self, series: str) -> int:
            if len(self.names) >= room:
                raise ValueError
            return super().counter(series)

    ledger = Small()
    attempts = Series(ATTEMPTS, ledger, BOUNDS)
    attempts.add(("openai", "other"))
    attempts.add(("other", "other"))
    attempts.add(("openai", "ok"))
    assert sum(ledger.values.values()) == counted


def test_a_duration_is_never_negative() -> None:
    ledger = _Ledger()
    Metrics(ledger, BOUNDS).ttft.observe(-5)
    assert ledger.observed == [("headgate_ttft_seconds", 0)]


def test_a_second_generation_of_metrics_finds_the_same_series() -> None:
    class Shared(_Ledger):
        def counter(self, series: str) -> int:
            return self.names.index(series) if series in self.names else super().counter(series)

    ledger = Shared()
    for _ in range(2):
        Metrics(ledger, BOUNDS).tokens.add(("gpt-4o", "prompt"), 5)
    assert ledger.values == {series_name(TOKENS, ("gpt-4o", "prompt")): 10}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_is_named_as_prometheus_asks(family: Family) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", family.full_name)
    assert (family.kind is Kind.COUNTER) == family.name.endswith("_total")
    assert family.help.endswith(".")
    assert len(set(family.labels)) == len(family.labels)


def test_family_names_are_unique() -> None:
    assert len({family.full_name for family in FAMILIES}) == len(FAMILIES)


_LABEL = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
)


@given(labels=st.lists(st.tuples(_LABEL, _LABEL), unique=True, max_size=5), amount=st.integers(0, 1 << 53))
def test_any_label_value_is_read_back(labels: list[tuple[str, str]], amount: int) -> None:
    scrape = Scrape(values=[(series_name(TOKENS, pair), amount) for pair in labels])
    found = [
        ((sample.labels["model"], sample.labels["type"]), sample.value)
        for family in text_string_to_metric_families(render(scrape).decode())
        for sample in family.samples
    ]
    assert found == [(pair, amount) for pair in labels]


def test_a_histogram_is_read_back() -> None:
    buckets = [(2.0**power, power + 11) for power in range(-10, 3)]
    scrape = Scrape(values=[(INFLIGHT.full_name, 3)])
    scrape.histograms.append((REQUEST_DURATION.full_name, 15, 2_500_000_000, buckets))
    families = {family.name: family for family in text_string_to_metric_families(render(scrape).decode())}
    histogram = families[REQUEST_DURATION.full_name]
    assert (histogram.type, histogram.documentation) == ("histogram", REQUEST_DURATION.help)
    samples = {
        (sample.name.removeprefix(REQUEST_DURATION.full_name), sample.labels.get("le")): sample.value
        for sample in histogram.samples
    }
    assert samples.pop(("_sum", None)) == 2.5
    assert samples.pop(("_count", None)) == 15
    assert samples.pop(("_bucket", "+Inf")) == 15
    assert {float(le or "nan"): value for (_, le), value in samples.items()} == dict(buckets)
    assert families[INFLIGHT.full_name].samples[0].value == 3


def test_an_infinite_bucket_of_the_ledger_is_not_told_twice() -> None:
    scrape = Scrape(histograms=[(REQUEST_DURATION.full_name, 4, 0, [(1.0, 3), (math.inf, 4)])])
    assert render(scrape).decode().count('le="+Inf"') == 1


def test_what_is_not_declared_is_not_exposed() -> None:
    assert render(Scrape(values=[("headgate_secret_total", 1)])) == b""
