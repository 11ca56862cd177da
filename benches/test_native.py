"""The native core as Python calls it, the border included."""

from __future__ import annotations

import hashlib
from itertools import cycle, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
ANTHROPIC_BEGIN = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_01","type":"message",'
    b'"role":"assistant","model":"claude-sonnet-4-5","content":[],"stop_reason":null,"stop_sequence":null,'
    b'"usage":{"input_tokens":25,"output_tokens":1}}}\n\nevent: content_block_start\ndata: '
    b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
)
ANTHROPIC_EVENT = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":" brown"}}\n\n'
)
GEMINI_EVENT = (
    b'data: {"candidates":[{"content":{"parts":[{"text":" brown"}],"role":"model"},"index":0}],'
    b'"usageMetadata":{"promptTokenCount":25,"candidatesTokenCount":%d,"totalTokenCount":%d,'
    b'"promptTokensDetails":[{"modality":"TEXT","tokenCount":25}],"thoughtsTokenCount":62},'
    b'"modelVersion":"gemini-2.5-flash","responseId":"r-0123456789"}\r\n\r\n'
)
OLLAMA_EVENT = (
    b'{"model":"llama3.2","created_at":"2026-11-21T08:52:%bZ","message":{"role":"assistant",'
    b'"content":" brown"},"done":false}\n'
)
PADDED_EVENT = EVENT.replace(b"null}]}", b'null}],"usage":null,"obfuscation":"%b"}')
ARGUMENTS_BEGIN = EVENT.replace(
    b'"content":" brown"',
    b'"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"find","arguments":""}}]',
)
ARGUMENTS_EVENT = EVENT.replace(
    b'"content":" brown"', b'"tool_calls":[{"index":0,"function":{"arguments":"{\\" brown"}}]'
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


def take(at: Desk, body: bytes = REQUEST, now_ns: int = NS, endpoint: int = 0) -> Ticket:
    """A request's ticket."""
    ticket = at.open(b"Bearer key-number-707", body, (endpoint, None), (now_ns, now_ns, 1))
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


def target_of(dialect: str) -> Target:
    head = b"POST / HTTP/1.1\r\nhost: upstream\r\n"
    manner = Manner("gpt-4o-mini", None, ["no_stream_options"], "warn")
    return Target((head, head), None, manner, (dialect, "direct"), None)


def test_relay_event(timed: Timed, tmp_path: Path) -> None:
    """An event of 280 bytes from an upstream's chunk to a client's."""
    books = ledger(tmp_path)
    reader = Reader(books.attach(0), tokenizer(), None, "upstream")
    ticket = take(desk(books, SpoolPage()), REQUEST[:-1] + b',"stream":true}')
    target, data = target_of("openai"), chunk(EVENT)

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


class Told(NamedTuple):
    """A stream: its dialect, type and beginning, the events that come in turn, and who asked where."""

    dialect: str
    kind: bytes
    begin: bytes
    events: tuple[bytes, ...]
    endpoint: int = 0


def _told(timed: Timed, tmp_path: Path, told: Told) -> None:
    """An event from an upstream's chunk to a client's, in the client's dialect."""
    books = ledger(tmp_path)
    reader = Reader(books.attach(0), tokenizer(), None, "upstream")
    ticket = take(desk(books, SpoolPage()), REQUEST[:-1] + b',"stream":true}', endpoint=told.endpoint)
    target, pieces = target_of(told.dialect), [chunk(event) for event in told.events]
    head = STREAM_HEAD.replace(b"text/event-stream", told.kind) + chunk(b"\n" + told.begin)

    def work() -> None:
        reader.begin(ticket, target, b"", CHUNKED)
        reader.feed(head)
        for piece in islice(cycle(pieces), RUNS):
            reader.feed(piece)
        reader.feed(b"0\r\n\r\n")

    reader.begin(ticket, target, b"", CHUNKED)
    reader.feed(head)
    assert b"".join(reader.feed(piece) or b"" for piece in islice(cycle(pieces), 3)).count(b" brown") == 3
    timed(work, RUNS)


_SSE = b"text/event-stream"


def test_tell_anthropic(timed: Timed, tmp_path: Path) -> None:
    _told(timed, tmp_path, Told("anthropic", _SSE, ANTHROPIC_BEGIN, (ANTHROPIC_EVENT,)))


def test_pass_anthropic(timed: Timed, tmp_path: Path) -> None:
    _told(timed, tmp_path, Told("anthropic", _SSE, ANTHROPIC_BEGIN, (ANTHROPIC_EVENT,), endpoint=4))


def test_tell_gemini(timed: Timed, tmp_path: Path) -> None:
    events = (GEMINI_EVENT % (9, 96), GEMINI_EVENT % (12, 99), GEMINI_EVENT % (131, 218))
    _told(timed, tmp_path, Told("gemini", _SSE, b"", events))


def test_tell_ollama(timed: Timed, tmp_path: Path) -> None:
    events = (OLLAMA_EVENT % b"19.385406455", OLLAMA_EVENT % b"19.40540645")
    _told(timed, tmp_path, Told("ollama", b"application/x-ndjson", b"", events))


def test_tell_openai(timed: Timed, tmp_path: Path) -> None:
    _told(timed, tmp_path, Told("openai", _SSE, b"", (EVENT,), endpoint=4))


def test_tell_padded(timed: Timed, tmp_path: Path) -> None:
    """OpenAI's events, filled up so that their lengths tell nothing."""
    events = (PADDED_EVENT % b"kT9xQ2", PADDED_EVENT % b"hV0", PADDED_EVENT % b"")
    _told(timed, tmp_path, Told("openai", _SSE, b"", events, endpoint=4))


def test_tell_arguments(timed: Timed, tmp_path: Path) -> None:
    _told(timed, tmp_path, Told("openai", _SSE, ARGUMENTS_BEGIN, (ARGUMENTS_EVENT,), endpoint=4))


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
