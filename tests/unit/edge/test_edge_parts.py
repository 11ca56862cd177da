"""The edge's parts without a socket: chunks, deadlines, ids, queues, header lines."""

import asyncio
import re
from itertools import pairwise

import pytest
from headgate.deadlines import NEVER, Deadlines
from headgate.edge import writer
from headgate.edge.body import QUEUE_HIGH_BYTES, BodyBroken, QueueSink
from headgate.edge.chunked import ChunkedDecoder
from headgate.edge.head import HeadParser
from headgate.edge.limits import EdgeError, Limits, Load, OverCapacity, Refused
from headgate.edge.pending import PendingBody
from headgate.edge.request import CHUNKED, EdgeRequest, edge_request, note_headers
from headgate.edge.request_id import RequestIds
from headgate.edge.sinks import ClientSink, SizedSink
from hypothesis import given
from hypothesis import strategies as st

MAX_BYTES = 1000
HEXISH = st.sampled_from(
    [b"0", b"5", b"a", b"\r\n", b"\n", b"\r", b";x", b" ", b"hello", b"X: y", b"Host: z", b"\0"]
)


def outcome(data: bytes, cuts: list[int]) -> tuple[bytes, bool, bytes] | str:
    """Body, end and rest; or the code of the refusal."""
    decoder = ChunkedDecoder(MAX_BYTES)
    rest = b""
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    try:
        for start, end in pairwise(edges):
            part = data[start:end]
            rest += part if decoder.done else decoder.feed(part)
    except EdgeError as error:
        return error.code
    return bytes(decoder.body), decoder.done, rest


@given(
    st.lists(st.binary(min_size=1, max_size=80), max_size=8),
    st.lists(st.integers(0, 999)),
    st.binary(max_size=9),
)
def test_any_split_of_good_chunks_gives_the_body(parts, cuts, behind):
    data = b"".join(b"%x;e=1\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\nX-T: 1\r\n\r\n"
    assert outcome(data + behind, cuts) == (b"".join(parts), True, behind)


@given(st.lists(HEXISH, max_size=14).map(b"".join), st.lists(st.integers(0, 99)))
def test_any_split_of_any_bytes_gives_the_same(data, cuts):
    assert outcome(data, cuts) == outcome(data, [])


@given(st.binary(max_size=300), st.lists(st.integers(0, 999)))
def test_an_unfinished_body_is_not_done(body, cuts):
    data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    result = outcome(data[:-1], cuts)
    assert result == (body, False, b"")


def test_chunks_over_the_limit():
    assert outcome(b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n", [])[1]
    assert outcome(b"3e9\r\n", []) == "body_too_large"


class Member:
    """Counts its expirations."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.told: list[float] = []

    def expired(self, now: float) -> None:
        self.told.append(now)
        self.deadline = NEVER


@given(st.lists(st.floats(0, 100), max_size=20), st.lists(st.floats(0, 100), max_size=20))
def test_deadlines_tell_once_and_never_early(deadlines, sweeps):
    now = 0.0
    sweeper = Deadlines(lambda: now)
    members = [Member(deadline) for deadline in deadlines]
    for member in members:
        sweeper.add(member)
    for now in sorted(sweeps):  # noqa: B007  the sweeper's clock reads it
        sweeper.sweep()
    for member, deadline in zip(members, deadlines, strict=True):
        first = [moment for moment in sorted(sweeps) if moment >= deadline][:1]
        assert member.told == first


def test_discarded_member_is_not_told():
    sweeper = Deadlines(lambda: 10.0)
    member = Member(1.0)
    sweeper.add(member)
    sweeper.discard(member)
    sweeper.discard(member)
    sweeper.sweep()
    assert member.told == []


def test_ids_are_uuid7_in_order_and_distinct():
    now = 1_700_000_000_000_000_000
    ids = RequestIds(lambda: now)
    made = [ids.new() for _ in range(2000)]
    assert len(set(made)) == 2000
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one)
        for one in made
    )
    assert {int(one.replace("-", "")[:12], 16) for one in made} == {1_700_000_000_000}


@given(st.binary(max_size=140))
def test_offered_ids_are_taken_only_when_harmless(offered):
    taken = RequestIds().accept(offered) == offered.decode("latin-1")
    assert taken == bool(re.fullmatch(rb"[A-Za-z0-9._-]{1,128}", offered))


def pending(length: int, load: Load, wanted: list[int]) -> PendingBody:
    return PendingBody(length, Limits(max_body_bytes=MAX_BYTES), load, lambda: wanted.append(1))


@given(st.binary(max_size=50), st.binary(max_size=9), st.integers(0, 50))
def test_sized_body_ends_where_it_says(body, behind, cut):
    load, wanted = Load(MAX_BYTES), []
    one = pending(len(body) + 1, load, wanted)
    data = body + b"!" + behind
    rest = one.feed(data[:cut])
    rest += data[cut:] if one.complete else one.feed(data[cut:])
    assert one.complete
    assert rest == behind
    assert asyncio.run(one.read()) == body + b"!"
    assert load.bodies_bytes == len(body) + 1
    one.release()
    one.release()
    assert (load.bodies_bytes, wanted) == (0, [1])


def test_body_over_capacity_is_refused_and_gives_all_back():
    load = Load(10)
    one = pending(CHUNKED, load, [])
    one.feed(b"5\r\nhello\r\n")
    one.feed(b"6\r\nhello!\r\n0\r\n\r\n")
    with pytest.raises(OverCapacity):
        asyncio.run(one.read())
    one.release()
    assert load.bodies_bytes == 0


class Recorder:
    """A Source, and the connection of a sink, that write down what happens."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def pause(self) -> None:
        self.log.append("pause")

    def resume(self) -> None:
        self.log.append("resume")

    def gone(self) -> None:
        self.log.append("gone")

    def attach(self, sink: object) -> None:
        self.log.append("attach")

    def relay_finished(self) -> None:
        self.log.append("finished")

    def relay_broken(self) -> None:
        self.log.append("broken")


def test_dead_sink_writes_nothing_and_ends_once():
    record, written = Recorder(), []
    sink = ClientSink(record, written.append, chunked=True)
    sink.write(b"a")
    sink.finish()
    sink.write(b"b")
    sink.abort()
    sink.finish()
    assert (record.log, written) == (["finished"], [b"a"])


@pytest.mark.parametrize(("size", "end"), [(2, "broken"), (3, "finished"), (4, "broken")])
def test_sized_sink_counts(size, end):
    record, written = Recorder(), []
    sink = SizedSink(record, written.append, 3)
    for _ in range(size):
        sink.write(b"x")
    sink.finish()
    assert record.log == [end]
    assert len(written) <= 3


def test_queue_holds_its_source_back_and_lets_it_go():
    async def scenario() -> None:
        record = Recorder()
        sink = QueueSink(record)
        for _ in range(3):
            sink.write(b"x" * (QUEUE_HIGH_BYTES // 2))
        assert record.log == ["pause"]
        await sink.next()
        assert record.log == ["pause"]
        await sink.next()
        await sink.next()
        assert record.log == ["pause", "resume"]
        sink.abort()
        with pytest.raises(BodyBroken):
            await sink.next()
        sink.leave()
        assert "gone" not in record.log

    asyncio.run(scenario())


@pytest.mark.parametrize("value", [b"a\r\nb: c", b"a\nb", b"a\0b", b"a\r"])
def test_header_injection_is_an_error(value):
    with pytest.raises(ValueError, match="line break"):
        writer.header_lines([(b"x", value)])


def test_framing_fields_of_the_application_are_dropped():
    lines = writer.header_lines(
        [(b"Content-Length", b"5"), (b"X-A", b"b"), (b"Transfer-Encoding", b"chunked")]
    )
    assert lines == b"X-A: b\r\n"


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z-]{1,9}", fullmatch=True), st.from_regex(r"[!-~]{1,20}", fullmatch=True)
        )
    )
)
def test_rendered_lines_read_back(pairs):
    encoded = [(name.encode(), value.encode()) for name, value in pairs if name.encode() not in writer.OWNED]
    assert writer.parse_lines(writer.header_lines(encoded)) == encoded


def head_or_refusal(heads: HeadParser, raw: bytes) -> tuple[EdgeRequest, int] | EdgeError | None:
    try:
        return heads.parse(raw, 0, 1)
    except EdgeError as error:
        return error


@given(st.binary(max_size=200))
def test_a_head_is_read_or_refused(noise):
    heads = HeadParser(Limits(), RequestIds())
    raw = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + noise.replace(b"\r\n\r\n", b"") + b"\r\n\r\n"
    found = head_or_refusal(heads, raw)
    if isinstance(found, EdgeError):
        assert 400 <= found.status < 600
        return
    assert found is not None
    request, end = found
    assert raw[:end].endswith(b"\r\n\r\n")
    assert request.method == "GET"
    assert request.received_ns == 1


PARSER = HeadParser(Limits(), RequestIds())


def parsed(*lines: bytes, first: bytes = b"GET / HTTP/1.1") -> EdgeRequest:
    raw = b"\r\n".join([first, b"Host: h", *lines, b"", b""])
    found = PARSER.parse(b"behind" + raw + b"rest", len(b"behind"), 1)
    assert found is not None
    request, end = found
    assert end == len(b"behind" + raw)
    return request


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"/a?b=c", (b"/a", b"b=c")),
        (b"/a", (b"/a", b"")),
        (b"/a?b?c", (b"/a", b"b?c")),
        (b"http://h/a?b", (b"/a", b"b")),
        (b"http://h", (b"/", b"")),
    ],
)
def test_targets(target, expected):
    request = parsed(first=b"GET %b HTTP/1.1" % target)
    assert (request.raw_path, request._raw_query) == expected


def test_expectation_of_http_1_0_is_ignored():
    assert not parsed(b"Expect: other", first=b"GET / HTTP/1.0").expects
    assert parsed(b"Expect: 100-Continue").expects
    with pytest.raises(Refused):
        parsed(b"Expect: other")


@pytest.mark.parametrize(
    ("lines", "special", "vendor"),
    [
        ([], False, False),
        ([b"X-Headgate-Cache: off"], True, False),
        ([b"X-HEADGATE-A-NAME-THAT-IS-LONGER-THAN-ANY-THAT-IS-KNOWN: 1"], True, False),
        ([b"X-Headgat: 1", b"X-Titles: 1", b"Open: 1"], False, False),
        ([b"OpenAI-Beta: a"], False, True),
        ([b"openai-whatever: a"], False, True),
        ([b"Anthropic-Version: a"], False, True),
        ([b"Idempotency-Key: a"], False, True),
        ([b"HTTP-Referer: a"], False, True),
        ([b"X-Title: a", b"X-Headgate-Cache-TTL: 5"], True, True),
    ],
)
def test_names_that_matter_are_noticed_the_same_under_both_servers(lines, special, vendor):
    request = parsed(*lines, b"Authorization:  Bearer a ", b"AUTHORIZATION: Bearer b")
    assert (request.special, request.vendor, request.authorization) == (special, vendor, b"Bearer a")
    other = edge_request("GET", (b"/", b""), [])
    note_headers(other, request.headers.values)
    assert (other.special, other.vendor, other.authorization) == (special, vendor, b"Bearer a")
    bare = parsed()
    note_headers(bare, bare.headers.values)
    assert bare.authorization is None


def test_names_are_in_lower_case_and_values_are_trimmed():
    request = parsed(b"X-Unknown:\t a b \t", b"Content-TYPE:x")
    assert request.headers.values == [(b"host", b"h"), (b"x-unknown", b"a b"), (b"content-type", b"x")]


@pytest.mark.parametrize(
    ("own", "taken"),
    [(b"a-b_c.9", True), (b"x" * 128, True), (b"x" * 129, False), (b"a b", False), (b"", False)],
)
def test_own_request_id(own, taken):
    assert (parsed(b"X-Request-ID: " + own).request_id == own.decode()) == taken
    assert parsed(b"X-Request-ID: " + own, b"X-Request-ID: second").request_id != "second"


@given(
    st.lists(
        st.sampled_from(
            [b"A: b", b"Content-Length: 5", b"Host: x", b" f", b"T", b"Transfer-Encoding: chunked"]
        )
    ),
    st.binary(max_size=9),
)
def test_a_head_is_not_read_before_it_is_whole_and_not_beyond(lines, behind):
    raw = b"\r\n".join([b"POST / HTTP/1.1", b"Host: h", *lines, b"", b""])
    assert all(PARSER.parse(raw[:cut], 0, 1) is None for cut in range(len(raw)))
    assert verdict(raw + behind) == verdict(raw)


def verdict(data: bytes) -> str | int:
    """The code of the refusal, or where the head ends."""
    try:
        found = PARSER.parse(data, 0, 1)
    except Refused as error:
        return error.code
    assert found is not None
    return found[1]
