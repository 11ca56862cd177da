"""Requests that two readers could read in two ways are refused, and nothing behind them is interpreted.

Each case is the exact bytes and the status; a `GET /smuggled` follows every one of them in the same write.
Sources: RFC 9112 sections 2.2, 3, 5, 6, 7, 9.6 and 11.2.
"""

import pytest

pytestmark = pytest.mark.asyncio

HOST = b"Host: a\r\n"
FOLLOWED_BY = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def get(*lines: bytes, first: bytes = b"GET / HTTP/1.1", host: bytes = HOST) -> bytes:
    return first + b"\r\n" + host + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def body(header: bytes, data: bytes = b"hello") -> bytes:
    return b"POST /echo HTTP/1.1\r\n" + HOST + header + b"\r\n\r\n" + data


def chunked(data: bytes) -> bytes:
    return body(b"Transfer-Encoding: chunked", data)


LENGTHS = {
    "cl and te": (body(b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"), 400),
    "te and cl": (body(b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n"), 400),
    "two lengths": (body(b"Content-Length: 5\r\nContent-Length: 6"), 400),
    "two equal lengths": (body(b"Content-Length: 5\r\nContent-Length: 5"), 400),
    "list of lengths": (body(b"Content-Length: 5, 5"), 400),
    "plus": (body(b"Content-Length: +5"), 400),
    "minus": (body(b"Content-Length: -5"), 400),
    "hex": (body(b"Content-Length: 0x5"), 400),
    "empty length": (body(b"Content-Length: "), 400),
    "length with space": (body(b"Content-Length: 5 5"), 400),
    "underscore": (body(b"Content-Length: 1_0"), 400),
    "fraction": (body(b"Content-Length: 5.0"), 400),
    "length overflow": (body(b"Content-Length: 18446744073709551621"), 400),
    "huge length": (body(b"Content-Length: 99999999999999999"), 413),
}
CODINGS = {
    "xchunked": (body(b"Transfer-Encoding: xchunked", b"0\r\n\r\n"), 400),
    "chunked, identity": (body(b"Transfer-Encoding: chunked, identity", b"0\r\n\r\n"), 400),
    "identity, chunked": (body(b"Transfer-Encoding: identity, chunked", b"0\r\n\r\n"), 400),
    "identity": (body(b"Transfer-Encoding: identity", b""), 400),
    "chunked twice": (body(b"Transfer-Encoding: chunked, chunked", b"0\r\n\r\n"), 400),
    "two headers": (body(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"), 400),
    "second header hides": (body(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x", b"0\r\n\r\n"), 400),
    "gzip, chunked": (body(b"Transfer-Encoding: gzip, chunked", b"0\r\n\r\n"), 501),
    "tab before": (body(b"Transfer-Encoding:\tchunked", b"0\r\n\r\n"), 400),
    "tab after": (body(b"Transfer-Encoding: chunked\t", b"0\r\n\r\n"), 400),
    "space after": (body(b"Transfer-Encoding: chunked ", b"0\r\n\r\n"), 400),
    "vertical tab": (body(b"Transfer-Encoding: \x0bchunked", b"0\r\n\r\n"), 400),
    "quoted": (body(b'Transfer-Encoding: "chunked"', b"0\r\n\r\n"), 400),
    "comma": (body(b"Transfer-Encoding: ,chunked", b"0\r\n\r\n"), 400),
    "empty coding": (body(b"Transfer-Encoding: ", b""), 400),
    "on http/1.0": (get(b"Transfer-Encoding: chunked", first=b"POST /echo HTTP/1.0") + b"0\r\n\r\n", 400),
    "underscored name": (body(b"Transfer_Encoding: chunked\r\nContent-Length: x", b""), 400),
}
LINES = {
    "bare lf everywhere": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "bare lf after request line": (b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    "bare lf after header": (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
    "bare lf at the end": (b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
    "bare cr in value": (get(b"X: a\rb"), 400),
    "bare cr as line end": (b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400),
    "folded": (get(b"X: a", b" b"), 400),
    "folded with tab": (get(b"X: a", b"\tb"), 400),
    "space before first header": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    "nul in name": (get(b"X\0: a"), 400),
    "nul in value": (get(b"X: a\0b"), 400),
    "control in value": (get(b"X: a\x01b"), 400),
    "delete in value": (get(b"X: a\x7fb"), 400),
    "space before colon": (get(b"X : a"), 400),
    "space before colon of length": (body(b"Content-Length : 5"), 400),
    "tab before colon": (get(b"X\t: a"), 400),
    "empty name": (get(b": a"), 400),
    "no colon": (get(b"X"), 400),
    "high byte in name": (get(b"X\xff: a"), 400),
    "parenthesis in name": (get(b"X(: a"), 400),
    "two empty lines first": (b"\r\n\r\n" + get(), 400),
}
TARGETS = {
    "no host": (get(host=b""), 400),
    "two hosts": (get(b"Host: b"), 400),
    "two equal hosts": (get(b"Host: a"), 400),
    "two hosts on http/1.0": (get(b"Host: b", first=b"GET / HTTP/1.0"), 400),
    "empty host": (get(host=b"Host: \r\n"), 400),
    "host with space": (get(host=b"Host: a b\r\n"), 400),
    "host list": (get(host=b"Host: a, b\r\n"), 400),
    "host with user": (get(host=b"Host: u@a\r\n"), 400),
    "host with path": (get(host=b"Host: a/b\r\n"), 400),
    "absolute, other host": (get(first=b"GET http://b/ HTTP/1.1"), 400),
    "absolute with user": (get(first=b"GET http://u@a/ HTTP/1.1"), 400),
    "absolute, other scheme": (get(first=b"GET ftp://a/ HTTP/1.1"), 400),
    "fragment": (get(first=b"GET /#x HTTP/1.1"), 400),
    "relative": (get(first=b"GET x HTTP/1.1"), 400),
    "asterisk": (get(first=b"GET * HTTP/1.1"), 400),
    "space in target": (get(first=b"GET / x HTTP/1.1"), 400),
    "two spaces": (get(first=b"GET  / HTTP/1.1"), 400),
    "tab as space": (get(first=b"GET\t/\tHTTP/1.1"), 400),
    "space at the end": (get(first=b"GET / HTTP/1.1 "), 400),
    "high byte in target": (get(first=b"GET /\xff HTTP/1.1"), 400),
    "nul in target": (get(first=b"GET /\0 HTTP/1.1"), 400),
    "long target": (get(first=b"GET /" + b"x" * 9000 + b" HTTP/1.1"), 414),
    "connect": (get(first=b"CONNECT a:80 HTTP/1.1"), 501),
    "unknown method": (get(first=b"BREW / HTTP/1.1"), 501),
    "trace": (get(first=b"TRACE / HTTP/1.1"), 501),
    "small method": (get(first=b"get / HTTP/1.1"), 400),
    "high byte in method": (get(first=b"G\xc8T / HTTP/1.1"), 400),
    "high byte first": (get(first=b"\xffGET / HTTP/1.1"), 400),
    "http/0.9": (b"GET /\r\n\r\n", 400),
    "http/0.9 written": (get(first=b"GET / HTTP/0.9"), 505),
    "http/1.2": (get(first=b"GET / HTTP/1.2"), 505),
    "http/2.0": (get(first=b"GET / HTTP/2.0"), 505),
    "http/11": (get(first=b"GET / HTTP/11"), 400),
    "small http": (get(first=b"GET / http/1.1"), 400),
    "http/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "tls hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "other expectation": (body(b"Content-Length: 5\r\nExpect: 200-ok"), 417),
    "many headers": (get(*(b"X: a" for _ in range(200))), 431),
    "large header": (get(b"X: " + b"a" * 70_000), 431),
}
CHUNKS = {
    "bad hex": (chunked(b"g\r\nhello\r\n0\r\n\r\n"), 400),
    "hex prefix": (chunked(b"0x5\r\nhello\r\n0\r\n\r\n"), 400),
    "plus": (chunked(b"+5\r\nhello\r\n0\r\n\r\n"), 400),
    "minus": (chunked(b"-5\r\nhello\r\n0\r\n\r\n"), 400),
    "empty size": (chunked(b"\r\nhello\r\n0\r\n\r\n"), 400),
    "space before size": (chunked(b" 5\r\nhello\r\n0\r\n\r\n"), 400),
    "space after size": (chunked(b"5 \r\nhello\r\n0\r\n\r\n"), 400),
    "underscore": (chunked(b"1_0\r\nhello\r\n0\r\n\r\n"), 400),
    "overflow": (chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n"), 400),
    "huge": (chunked(b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n"), 413),
    "bare lf after size": (chunked(b"5\nhello\r\n0\r\n\r\n"), 400),
    "bare cr in extension": (chunked(b"5;a\rb\r\nhello\r\n0\r\n\r\n"), 400),
    "bare lf in extension": (chunked(b"5;a\nb\r\nhello\r\n0\r\n\r\n"), 400),
    "nul in extension": (chunked(b"5;\0\r\nhello\r\n0\r\n\r\n"), 400),
    "long extension": (chunked(b"5;" + b"a" * 5000 + b"\r\nhello\r\n0\r\n\r\n"), 400),
    "no crlf after data": (chunked(b"5\r\nhello0\r\n\r\n"), 400),
    "bare lf after data": (chunked(b"5\r\nhello\n0\r\n\r\n"), 400),
    "longer than its size": (chunked(b"5\r\nhello!\r\n0\r\n\r\n"), 400),
    "bare lf at the end": (chunked(b"5\r\nhello\r\n0\r\n\n"), 400),
    "trailer length": (chunked(b"0\r\nContent-Length: 5\r\n\r\n"), 400),
    "trailer coding": (chunked(b"0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400),
    "trailer host": (chunked(b"0\r\nHost: b\r\n\r\n"), 400),
    "trailer key": (chunked(b"0\r\nAuthorization: Bearer x\r\n\r\n"), 400),
    "trailer folded": (chunked(b"0\r\nX: a\r\n b\r\n\r\n"), 400),
    "trailer space before colon": (chunked(b"0\r\nX : a\r\n\r\n"), 400),
    "trailer bare lf": (chunked(b"0\r\nX: a\n\r\n"), 400),
    "trailers too large": (chunked(b"0\r\n" + b"X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 500 + b"\r\n"), 431),
}
CASES = [
    pytest.param(data, status, id=f"{group}: {name}")
    for group, cases in (
        ("length", LENGTHS), ("coding", CODINGS), ("line", LINES), ("target", TARGETS), ("chunk", CHUNKS),
    )
    for name, (data, status) in cases.items()
]  # fmt: skip
PARTS = (1 << 20, 1, 7)


@pytest.mark.parametrize("step", PARTS, ids=["at once", "byte by byte", "by sevens"])
@pytest.mark.parametrize(("data", "status"), CASES)
async def test_refused_and_closed(edge, data, status, step):
    if step != PARTS[0] and len(data) > 6000:
        step = 997
    async with edge() as served:
        client = await served.connect()
        sent = data + FOLLOWED_BY
        for at in range(0, len(sent), step):
            client.send(sent[at : at + step])
            if len(sent) < 6000:
                await client.flush()
        answer = await client.rest()
        assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
        assert answer.count(b"\r\nx-request-id: ") == 1, answer
        assert b"\r\nconnection: close\r\n" in answer
        assert b"smuggled" not in answer.partition(b'"path"')[0]
        client.close()


HARMLESS = {
    "absolute": (get(first=b"GET http://a/ HTTP/1.1"), b"hello"),
    "absolute, no path": (get(first=b"GET http://a?x=1 HTTP/1.1"), b"hello"),
    "one empty line first": (b"\r\n" + get(), b"hello"),
    "high bytes in value": (get(b"X: \xc3\xa9"), b"hello"),
    "tab in value": (get(b"X:\ta\tb"), b"hello"),
    "body of a get": (get(b"Content-Length: 5") + b"xxxxx", b"hello"),
    "upgrade": (
        get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AA"),
        b"hello",
    ),
    "upgrade with a body": (body(b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5"), b"hello"),
    "upgrade with chunks": (
        body(
            b"Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"
        ),
        b"hello",
    ),
    "capitals": (body(b"TRANSFER-ENCODING: CHUNKED", b"5\r\nhello\r\n0\r\n\r\n"), b"hello"),
    "extension": (chunked(b'5;a="b c"\r\nhello\r\n0;x\r\n\r\n'), b"hello"),
    "leading zeros": (chunked(b"0005\r\nhello\r\n000\r\n\r\n"), b"hello"),
    "trailer": (chunked(b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"), b"hello"),
}


@pytest.mark.parametrize("step", PARTS, ids=["at once", "byte by byte", "by sevens"])
@pytest.mark.parametrize(("data", "expected"), HARMLESS.values(), ids=HARMLESS.keys())
async def test_harmless_oddities_are_served(edge, data, expected, step):
    async with edge() as served:
        client = await served.connect()
        sent = data + FOLLOWED_BY
        for at in range(0, len(sent), step):
            client.send(sent[at : at + step])
            await client.flush()
        first, second = await client.reply(), await client.reply()
        client.close()
    assert (first.status, first.body) == (200, expected)
    assert second.status == 404
