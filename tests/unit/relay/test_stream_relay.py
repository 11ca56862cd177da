"""The client's end of a stream, on a clock of the test: comments, the two points, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from headgate.errors import Failure, RequestError
from headgate.exchange import CHAT
from headgate.relay.stream import BUFFER_BYTES, KEEP_ALIVE_S, StreamRelay

if TYPE_CHECKING:
    from headgate.relay.stream import Writer

_COMMENT = b": keep-alive\n\n"
_BROKEN = RequestError(Failure.UPSTREAM_TRUNCATED, "cut")


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def pass_to_deadline(self, relay: StreamRelay) -> None:
        """What the sweeper does."""
        self.now_s = relay.deadline
        relay.expired(self.now_s)


class Client:
    """The edge's side."""

    chunked = False

    def __init__(self) -> None:
        self.got = b""
        self.ends: list[str] = []

    def write(self, data: bytes) -> None:
        assert not self.ends, "written after the end"
        self.got += data

    def finish(self) -> None:
        self.ends.append("finished")

    def abort(self) -> None:
        self.ends.append("aborted")


class Provider:
    """A judged connection."""

    def __init__(self) -> None:
        self.sink: Writer | None = None
        self.read_at = 0.0
        self.first_token_ns = 0
        self.mid_event = False
        self.log: list[str] = []

    def relay_to(self, sink: Writer, listener: StreamRelay) -> None:
        self.sink = sink
        self.listener = listener

    def pause(self) -> None:
        self.log.append("pause")

    def resume(self) -> None:
        self.log.append("resume")

    def abort(self) -> None:
        self.log.append("abort")

    def send(self, data: bytes, now_s: float) -> None:
        assert self.sink is not None
        self.read_at = now_s
        self.sink.write(data)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def relay(clock: Clock) -> StreamRelay:
    return StreamRelay(clock, CHAT, chunked=False)


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def provider() -> Provider:
    return Provider()


async def test_comments_from_the_admission_on(relay: StreamRelay, clock: Clock, client: Client) -> None:
    """SPEC C: every 15 s, also before the first token; the first one sends the status."""
    assert not relay.begun.done()
    for count in (1, 2, 3):
        clock.pass_to_deadline(relay)
        assert clock.now_s == 100.0 + count * KEEP_ALIVE_S
        assert relay.begun.result() is None
        if count == 1:
            relay.attach(client)
        assert client.got == _COMMENT * count


async def test_a_comment_in_chunks(clock: Clock, client: Client) -> None:
    relay = StreamRelay(clock, CHAT, chunked=True, keep_alive_s=2.0)
    relay.attach(client)
    clock.pass_to_deadline(relay)
    assert client.got == b"%x\r\n%b\r\n" % (len(_COMMENT), _COMMENT)


async def test_comments_only_after_silence(
    relay: StreamRelay, clock: Clock, client: Client, provider: Provider
) -> None:
    relay.start(provider)
    relay.attach(client)
    clock.now_s += 10
    provider.send(b"data: 1\n\n", clock.now_s)
    clock.pass_to_deadline(relay)
    assert client.got == b"data: 1\n\n"
    assert relay.deadline == 110.0 + KEEP_ALIVE_S
    clock.pass_to_deadline(relay)
    assert client.got == b"data: 1\n\n" + _COMMENT


async def test_no_comment_inside_an_event_nor_for_a_full_client(
    relay: StreamRelay, clock: Clock, client: Client, provider: Provider
) -> None:
    relay.start(provider)
    relay.attach(client)
    provider.mid_event = True
    clock.pass_to_deadline(relay)
    provider.mid_event = False
    relay.pause()
    clock.pass_to_deadline(relay)
    assert client.got == b""
    relay.resume()
    clock.pass_to_deadline(relay)
    assert client.got == _COMMENT
    assert provider.log[-2:] == ["pause", "resume"]


async def test_a_failure_before_the_status_is_a_status(relay: StreamRelay) -> None:
    relay.fail(_BROKEN)
    assert relay.begun.result() is _BROKEN


async def test_a_failure_after_the_status_is_an_event(
    relay: StreamRelay, clock: Clock, client: Client
) -> None:
    clock.pass_to_deadline(relay)
    relay.attach(client)
    relay.fail(_BROKEN)
    assert client.got.startswith(_COMMENT + b"data: {")
    assert b'"upstream_truncated"' in client.got
    assert b"[DONE]" not in client.got
    assert client.ends == ["finished"]


async def test_a_failure_inside_an_event_breaks_off(
    relay: StreamRelay, client: Client, provider: Provider
) -> None:
    relay.start(provider)
    relay.attach(client)
    provider.mid_event = True
    relay.fail(_BROKEN)
    relay.finish()
    assert client.ends == ["aborted"]
    assert client.got == b""


async def test_bytes_before_the_client_wait_and_are_bounded(
    relay: StreamRelay, clock: Clock, client: Client, provider: Provider
) -> None:
    relay.start(provider)
    provider.send(b"x" * BUFFER_BYTES, clock.now_s)
    assert provider.log == []
    provider.send(b"y", clock.now_s)
    assert provider.log == ["pause"]
    relay.attach(client)
    assert client.got == b"x" * BUFFER_BYTES + b"y"
    assert provider.log == ["pause", "resume"]
    assert provider.sink is client


async def test_a_stream_that_ended_before_the_client_attached(relay: StreamRelay, client: Client) -> None:
    relay.write(b"all of it")
    relay.finish()
    relay.attach(client)
    assert (client.got, client.ends) == (b"all of it", ["finished"])


async def test_it_ends_once(relay: StreamRelay, client: Client, provider: Provider) -> None:
    outcome = relay.start(provider)
    relay.attach(client)
    provider.listener.ended(None)
    assert await outcome is None
    relay.finish()
    relay.finish()
    assert client.ends == ["finished"]
    assert relay.deadline == float("inf")


async def test_a_client_that_leaves_closes_the_provider(
    relay: StreamRelay, client: Client, provider: Provider
) -> None:
    outcome = relay.start(provider)
    relay.attach(client)
    relay.gone()
    assert provider.log[-1] == "abort"
    assert await outcome is None
    relay.finish()
    assert client.ends == []


async def test_a_client_that_leaves_before_any_answer_cancels_the_call(relay: StreamRelay) -> None:
    cancelled: list[bool] = []
    relay.cancel = lambda: cancelled.append(True)
    relay.gone()
    assert cancelled == [True]
    assert relay.begun.cancelled()


async def test_a_client_that_leaves_between_two_attempts_cancels_the_second(
    relay: StreamRelay, client: Client, provider: Provider
) -> None:
    cancelled: list[bool] = []
    relay.cancel = lambda: cancelled.append(True)
    relay.start(provider)
    relay.attach(client)
    provider.listener.ended(_BROKEN)
    relay.gone()
    assert cancelled == [True]
    assert "abort" not in provider.log
