"""The desk and its tickets, through the border: what is taken in, what is left to Python, what is written."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import orjson
import pytest
from headgate.core import Desk, KeyTable, Kind, Ledger, LedgerShape, Meter, OutputMean, SpoolPage, Ticket
from headgate.record import unframe

if TYPE_CHECKING:
    from pathlib import Path

_KEY, _ACCOUNT, _NEVER_MS = b"sk-0123456789abcdef", 3, 1 << 63
_NOW_NS, _NOW_MS = 5_000_000_000, 1_700_000_000_000
_BODY = b'{"model":"m","messages":[{"role":"user","content":"hello"}],"max_tokens":50}'


class _Office:
    """A desk over a real segment and a real page."""

    def __init__(
        self, home: Path, *, limits: tuple[int, int, int] = (100, 0, 0), until_ms: int = _NEVER_MS
    ) -> None:
        self.ledger = Ledger.create(str(home / "segment"), "boot", 77, LedgerShape(1, 8, 16, 64, 8))
        self.path = home / "page"
        self.page = SpoolPage()
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT)
        os.truncate(self._fd, 4096)
        self.page.open(self._fd, 4096)
        keys = KeyTable([hashlib.sha256(_KEY).hexdigest()])
        self.desk = Desk(self.ledger.attach(0), keys, self.page, [(_ACCOUNT, *limits, until_ms)])
        self.mean = OutputMean()
        self.desk.learn(0, "m", 4, self.mean)
        counters = [self.ledger.counter("requests")]
        histograms = tuple(self.ledger.histogram(name) for name in ("duration", "overhead", "ttft"))
        tokens = tuple(self.ledger.counter(name) for name in ("prompt", "completion", "cached", "reasoning"))
        meter = Meter(self.ledger, counters, tokens, histograms)  # type: ignore[arg-type]  # fours and threes
        self.kind = Kind((77, 0), [("key", "kay"), ("provider", "")], (False, 200, "ok"), meter)

    def take(
        self, body: bytes = _BODY, header: bytes | None = b"Bearer " + _KEY, endpoint: int = 0
    ) -> Ticket | None:
        return self.desk.open(header, body, (endpoint, None), (_NOW_NS - 1000, _NOW_NS, _NOW_MS))

    def records(self) -> list[dict[str, object]]:
        lines = self.path.read_bytes().partition(b"\0")[0].splitlines()
        return [orjson.loads(unframe(line) or b"") for line in lines]

    def counts(self) -> dict[str, int]:
        return {name: count for name, count in self.ledger.counters() if count}


@pytest.fixture
def office(tmp_path: Path) -> _Office:
    return _Office(tmp_path)


def _granted(ticket: Ticket | None) -> Ticket:
    assert ticket is not None
    assert ticket.refused is None
    return ticket


@pytest.mark.parametrize("header", [b"Bearer " + _KEY, b"bearer  " + _KEY + b" ", b"BEARER " + _KEY, _KEY])
def test_a_known_key_in_any_dress_is_taken_in(office: _Office, header: bytes) -> None:
    ticket = _granted(office.take(header=header))
    assert (ticket.plan, ticket.stream, ticket.attempts, ticket.usage_source) == (4, False, 0, "none")
    assert office.ledger.account(_ACCOUNT)[0] == 1


@pytest.mark.parametrize("header", [None, b"", b"Bearer ", b"Bearer x", b"Basic " + _KEY, _KEY[:-1]])
def test_another_key_is_left_to_python(office: _Office, header: bytes | None) -> None:
    assert office.take(header=header) is None
    assert office.ledger.account(_ACCOUNT)[0] == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"messages":[]}', _BODY.replace(b'"m"', b'"n"', 1)])
def test_a_body_or_model_that_needs_words_is_left_to_python(office: _Office, body: bytes) -> None:
    assert office.take(body) is None
    assert office.ledger.account(_ACCOUNT)[0] == 0


def test_plans_can_be_forgotten(office: _Office) -> None:
    office.desk.forget()
    assert office.take() is None
    with pytest.raises(IndexError):
        office.desk.learn(1, "m", 5, office.mean)


@pytest.mark.parametrize(("until_ms", "taken"), [(_NOW_MS + 1, True), (_NOW_MS, False), (0, False)])
def test_a_key_ends_when_its_time_comes(tmp_path: Path, until_ms: int, *, taken: bool) -> None:
    assert (_Office(tmp_path, until_ms=until_ms).take() is not None) == taken


def test_a_limit_refuses_with_the_time_to_wait(tmp_path: Path) -> None:
    office = _Office(tmp_path, limits=(1, 0, 0))
    _granted(office.take())
    refused = office.take()
    assert refused is not None
    assert (refused.refused, refused.plan) == ("rpm", 4)
    assert refused.retry_after_s == pytest.approx(60)
    assert b"x-ratelimit-remaining-requests: 0\r\n" in refused.limit_lines()


@pytest.mark.parametrize(
    ("body", "endpoint", "reserved"),
    [
        (_BODY, 0, 50),
        (_BODY.replace(b',"max_tokens":50', b""), 0, 1024),
        (b'{"model":"m","input":"hello"}', 2, 0),
    ],
)
def test_what_is_reserved_is_the_maximum_or_the_mean(
    office: _Office, body: bytes, endpoint: int, reserved: int
) -> None:
    _granted(office.take(body, endpoint=endpoint))
    prompt = 2 if endpoint == 2 else 2 + 4 + 3  # five letters, and a message's frame
    assert office.ledger.account(_ACCOUNT)[1] == prompt + reserved


def test_a_route_s_mean_is_learned_where_no_maximum_was_given(office: _Office) -> None:
    open_ended = _BODY.replace(b',"max_tokens":50', b"")
    ticket = _granted(office.take(open_ended))
    ticket.tell((9, 100, 0, 0), counted=False, first_token_ns=_NOW_NS, learn=True)
    ticket.settle(office.kind, "r", "off", _NOW_NS)
    _granted(office.take(_BODY)).tell((9, 7000, 0, 0), counted=False, first_token_ns=_NOW_NS, learn=True)
    before = office.ledger.account(_ACCOUNT)[1]
    _granted(office.take(open_ended))
    assert office.ledger.account(_ACCOUNT)[1] - before == 9 + 100


def test_a_request_is_recorded_settled_and_counted_in_one_call(office: _Office) -> None:
    ticket = _granted(office.take())
    ticket.attempt(_NOW_NS + 1_000)
    ticket.answered(_NOW_NS + 5_000_000)
    ticket.tell((9, 20, 4, 2), counted=True, first_token_ns=_NOW_NS + 3_000_000, learn=False)
    head = ticket.head(b"x-headgate-provider: p\r\n", "miss", _NOW_NS + 6_000_000)
    assert head.startswith(b"x-ratelimit-limit-requests: 100\r\n")
    assert b"x-headgate-provider: p\r\nx-headgate-cache: miss\r\nx-headgate-attempts: 1\r\n" in head
    assert b"total;dur=6.001, queue;dur=0.001, admit;dur=0.001, upstream;dur=4.999, gateway;dur=1.002" in head
    assert ticket.settle(office.kind, "req-1", "miss", _NOW_NS + 9_000_000) is None
    (record,) = office.records()
    wanted = {
        "request_id": "req-1", "key": "kay", "provider": None, "status": 200, "outcome": "ok",
        "cache": "miss", "prompt_tokens": 9, "completion_tokens": 20, "cached_tokens": 4,
        "reasoning_tokens": 2,
        "usage_source": "counted", "started_ms": _NOW_MS, "duration_us": 9_001, "ttft_us": 3_001,
    }  # fmt: skip
    assert {name: record[name] for name in wanted} == wanted
    assert office.ledger.account(_ACCOUNT) == (0, 59, 29, 30)
    assert office.counts() == {"requests": 1, "prompt": 9, "completion": 20, "cached": 4, "reasoning": 2}
    assert ticket.close(office.kind, _NOW_NS) is False, "a slot is closed once"


def test_without_a_page_the_record_is_given_back_and_nothing_is_closed(office: _Office) -> None:
    assert office.page.close() == 0
    ticket = _granted(office.take())
    line = ticket.settle(office.kind, "req-1", "off", _NOW_NS)
    assert line is not None
    assert orjson.loads(unframe(line.rstrip(b"\n")) or b"")["request_id"] == "req-1"
    assert office.ledger.account(_ACCOUNT)[0] == 1
    assert office.counts() == {}
    assert ticket.close(office.kind, _NOW_NS) is True
    assert office.ledger.account(_ACCOUNT)[0] == 0
    assert office.counts() == {"requests": 1}


def test_a_failed_attempt_has_used_nothing(office: _Office) -> None:
    ticket = _granted(office.take())
    ticket.attempt(_NOW_NS)
    ticket.tell((9, 20, 0, 0), counted=False, first_token_ns=_NOW_NS, learn=False)
    line = ticket.record_failed(office.kind, "req-1", "off", _NOW_NS)
    record = orjson.loads(unframe(line.rstrip(b"\n")) or b"")
    assert (record["prompt_tokens"], record["usage_source"], record["ttft_us"]) == (0, "none", None)
    assert record["id"].endswith("-1")


def test_an_absurd_usage_does_not_block_a_key_for_hours(office: _Office) -> None:
    ticket = _granted(office.take())
    ticket.tell(((1 << 64) - 1, (1 << 64) - 1, 0, 0), counted=False, first_token_ns=_NOW_NS, learn=True)
    assert ticket.settle(office.kind, "r", "off", _NOW_NS) is None
    assert office.ledger.account(_ACCOUNT)[2] == 1 << 31


def test_an_unknown_endpoint_is_a_mistake_of_ours(office: _Office) -> None:
    with pytest.raises(ValueError, match="no endpoint 99"):
        office.take(endpoint=99)
