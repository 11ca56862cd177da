"""The native core as Python calls it, the border included."""

from __future__ import annotations

import hashlib
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

import xxhash
from headgate.core import (
    Cache,
    Desk,
    KeyTable,
    Kind,
    Limits,
    Manner,
    Meter,
    OutputMean,
    Reader,
    SpoolPage,
    Target,
    Ticket,
    cache_key,
)
from headgate.settle.spool import Spool

from benches.conftest import Timed
from benches.support import ledger, tokenizer

if TYPE_CHECKING:
    from headgate.core import Ledger

RUNS = 500
REQUEST = (
    b'{"model":"gpt-4o-mini","messages":[{"role":"system","content":"You are a helpful assistant."},'
    b'{"role":"user","content":"Explain in two sentences what a gateway does with a request."}],'
    b'"temperature":0.2,"max_tokens":128}'
)
PARAGRAPH = "The gate at the head of a canal decides who gets water, how much, and it measures every drop. "
EVENT = (
    b'data: {"id":"chatcmpl-BVq0123456789abcdefghijklmnop","object":"chat.completion.chunk",'
    b'"created":1800000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default",'
    b'"system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":" brown"},'
    b'"logprobs":null,"finish_reason":null}]}\n\n'
)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNKED = 2
NS = 1_000_000_000


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body (RFC 9112 section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_find_key(timed: Timed) -> None:
    texts = [b"key-number-%d" % number for number in range(1000)]
    table = KeyTable([hashlib.sha256(text).hexdigest() for text in texts])
    assert [table.find(text) for text in texts] == list(range(1000))
    assert table.find(b"key-number-1000") == -1

    def work() -> None:
        for token in repeat(b"key-number-707", RUNS):
            table.find(token)

    timed(work, RUNS)


def test_admit_settle(timed: Timed, tmp_path: Path) -> None:
    books = ledger(tmp_path)
    worker, limits = books.attach(0), Limits(1_000_000, 2_000_000_000, 0)
    now_ns = NS

    def work() -> None:
        nonlocal now_ns
        for _ in range(RUNS):
            now_ns += NS // 10_000
            worker.settle(worker.admit(3, limits, 160, now_ns, 1).slot, 83, now_ns)

    work()
    assert worker.admit(3, limits, 160, now_ns, 1).refused is None
    assert books.account(3) == (1, (RUNS + 1) * 160, RUNS * 83, RUNS * (160 - 83))
    timed(work, RUNS)


def desk(books: Ledger, page: SpoolPage) -> Desk:
    """A desk that knows one key, with both buckets, and one model."""
    digest = hashlib.sha256(b"key-number-707").hexdigest()
    made = Desk(books.attach(0), KeyTable([digest]), page, [(3, 1_000_000, 2_000_000_000, 0, 1 << 63)])
    made.learn(0, "gpt-4o-mini", 7, OutputMean())
    return made


def take(at: Desk, body: bytes = REQUEST, now_ns: int = NS) -> Ticket:
    """A request's ticket."""
    ticket = at.open(b"Bearer key-number-707", body, (0, None), (now_ns, now_ns, 1))
    assert ticket is not None
    return ticket


def test_take_in(timed: Timed, tmp_path: Path) -> None:
    """Key, scan, both buckets; and the record, the metrics and what goes back at the end."""
    books, spool = ledger(tmp_path), Spool(tmp_path, 1, 0)
    at = desk(books, spool.page)
    now_ns = NS
    kind = Kind((1, 0), [("key", "bench")], (False, 200, "ok"), Meter(books, [], (-1, -1, -1, -1), (0, 0, 0)))

    def work() -> None:
        nonlocal now_ns
        for _ in range(RUNS):
            now_ns += NS // 10_000
            ticket = take(at, now_ns=now_ns)
            line = ticket.settle(kind, "request", "off", now_ns)
            if line is not None:  # the page is full
                spool.append_line(line)
                ticket.close(kind, now_ns)

    work()
    ticket = take(at)
    assert (ticket.plan, ticket.refused, ticket.stream) == (7, None, False)
    assert books.account(3)[0] == 1
    timed(work, RUNS)


def test_cache_key(timed: Timed) -> None:
    cache = Cache(1 << 20)
    first, same = (cache_key(body, "tenant", 0, None, 7) for body in (REQUEST, b" " + REQUEST))
    other = cache_key(REQUEST, "another", 0, None, 7)
    assert first is not None
    assert same is not None
    assert other is not None
    cache.put(first, b"kept", stream=False, now_ns=0, ttl_ns=NS)
    assert cache.get(same, 1) == (b"kept", False, 1)
    assert cache.get(other, 1) is None

    def work() -> None:
        for body in repeat(REQUEST, RUNS):
            cache_key(body, "tenant", 0, None, 7)

    timed(work, RUNS)


def test_relay_event(timed: Timed, tmp_path: Path) -> None:
    """An event of 280 bytes from an upstream's chunk to a client's."""
    books = ledger(tmp_path)
    reader = Reader(books.attach(0), tokenizer(), None, "upstream")
    ticket = take(desk(books, SpoolPage()), REQUEST[:-1] + b',"stream":true}')
    head = b"POST / HTTP/1.1\r\n"
    manner = Manner("gpt-4o-mini", None, ["no_stream_options"], "warn")
    target = Target((head, head), None, manner, "openai")
    data = chunk(EVENT)

    def work() -> None:
        reader.begin(ticket, target, b"", CHUNKED)
        reader.feed(STREAM_HEAD)
        for piece in repeat(data, RUNS):
            reader.feed(piece)
        reader.feed(chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    reader.begin(ticket, target, b"", CHUNKED)
    reader.feed(STREAM_HEAD)
    relayed = b"".join(reader.feed(data) or b"" for _ in range(3))
    assert relayed == 3 * data
    assert reader.count_text() == 3
    ending = reader.feed(chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
    assert ending is not None
    assert ending.endswith(b"0\r\n\r\n")
    timed(work, RUNS)


def test_count_tokens(timed: Timed) -> None:
    """950 characters, exactly, in the encoding of today's models."""
    count, text = tokenizer().count, PARAGRAPH * 10
    assert count(PARAGRAPH, "gpt-4o") == 23
    assert count(text, "gpt-4o") == 221

    def work() -> None:
        for piece in repeat(text, 20):
            count(piece, "gpt-4o")

    timed(work, 20)


def test_xxh3_alone(timed: Timed) -> None:
    """The hash of the cache key alone: what the canonical form costs is the difference."""
    digest = xxhash.xxh3_128_intdigest
    assert digest(b"", 0) == 0x99AA06D3014798D86001C324468D497F

    def work() -> None:
        for body in repeat(REQUEST, RUNS):
            digest(body, 7)

    timed(work, RUNS)
