"""The native core as Python calls it, the border included."""

from __future__ import annotations

import hashlib
from itertools import repeat
from pathlib import Path

import xxhash
from headgate.core import Cache, KeyTable, Limits, Reader, Scan, cache_key, scan

from benches.conftest import Timed
from benches.support import ledger, tokenizer

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
STREAM, CHUNKED = 1, 2
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


def test_scan(timed: Timed) -> None:
    found = scan(REQUEST, 0)
    assert isinstance(found, Scan)
    assert (found.model, found.stream, found.max_output_tokens) == ("gpt-4o-mini", False, 128)

    def work() -> None:
        for body in repeat(REQUEST, RUNS):
            scan(body, 0)

    timed(work, RUNS)


def test_cache_key(timed: Timed) -> None:
    cache = Cache(1 << 20)
    first, same = cache_key(REQUEST, "tenant", 0, 7), cache_key(b" " + REQUEST, "tenant", 0, 7)
    other = cache_key(REQUEST, "another", 0, 7)
    assert first is not None
    assert same is not None
    assert other is not None
    cache.put(first, b"kept", stream=False, now_ns=0, ttl_ns=NS)
    assert cache.get(same, 1) == (b"kept", False, 1)
    assert cache.get(other, 1) is None

    def work() -> None:
        for body in repeat(REQUEST, RUNS):
            cache_key(body, "tenant", 0, 7)

    timed(work, RUNS)


def test_relay_event(timed: Timed, tmp_path: Path) -> None:
    """An event of 280 bytes from an upstream's chunk to a client's."""
    reader = Reader(ledger(tmp_path).attach(0), tokenizer(), None, "upstream")
    data = chunk(EVENT)

    def work() -> None:
        reader.begin(STREAM | CHUNKED, "gpt-4o-mini", 0, 0)
        reader.feed(STREAM_HEAD)
        for piece in repeat(data, RUNS):
            reader.feed(piece)
        reader.feed(chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    reader.begin(STREAM | CHUNKED, "gpt-4o-mini", 0, 0)
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
