"""The channel: any split of the bytes gives the same messages, garbage ends it, descriptors cross."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import struct

import pytest
import uvloop
from headgate.control.channel import (
    MAX_FRAME_BYTES,
    Channel,
    ChannelError,
    Credentials,
    Drain,
    Drained,
    Framer,
    Message,
    Ready,
    Snapshot,
    SnapshotApplied,
    Start,
    encode,
    receive_start,
    send_start,
)
from hypothesis import given
from hypothesis import strategies as st

START = Start(3, "/state", "/segment", "boot", [1, 2, 3, 4, 5], "/snapshot")

_NUMBER = st.integers(0, 1 << 53)
_MESSAGES = st.one_of(
    st.builds(Ready, generation=_NUMBER, pid=_NUMBER),
    st.builds(Snapshot, generation=_NUMBER, path=st.text(st.characters(exclude_categories=("Cs",)))),
    st.builds(SnapshotApplied, generation=_NUMBER),
    st.builds(
        Credentials,
        provider=st.just("p"),
        secret=st.dictionaries(st.sampled_from(["token", "session_token"]), st.none() | st.just("t")),
        expires_ms=st.none() | _NUMBER,
    ),
    st.builds(Drain, timeout_s=st.floats(0, 1e6)),
    st.builds(Drained, cut=_NUMBER),
)


@given(messages=st.lists(_MESSAGES, max_size=6), cuts=st.lists(st.integers(0, 2000), max_size=8))
def test_any_split_gives_the_same_messages(messages: list[Message], cuts: list[int]) -> None:
    data = b"".join(encode(message) for message in messages)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    framer = Framer()
    found: list[Message] = []
    for begin, end in itertools.pairwise(edges):
        found += framer.feed(data[begin:end])
    assert found == messages


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"1", b'{"kind":"no"}', b'{"kind":"ready"}', b'{"kind":"drained","cut":1,"x":2}'],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(ChannelError):
        Framer().feed(struct.pack("!I", len(body)) + body)


def test_a_frame_that_would_be_too_long_is_refused_before_it_is_held() -> None:
    with pytest.raises(ChannelError, match=str(MAX_FRAME_BYTES + 1)):
        Framer().feed(struct.pack("!I", MAX_FRAME_BYTES + 1))


def test_the_start_message_brings_its_descriptors() -> None:
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    with ours, theirs:
        send_start(ours, START, (writing,))
        os.close(writing)
        ours.sendall(encode(Drain(1.5)))
        found = receive_start(theirs)
        assert found is not None
        start, (inherited,) = found
        os.write(inherited, b"x")
        os.close(inherited)
        assert (start, os.read(reading, 9)) == (START, b"x")
        assert Framer().feed(theirs.recv(999)) == [Drain(1.5)]
    os.close(reading)


def test_a_worker_without_control_gets_no_start() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs:
        assert receive_start(theirs) is None


def test_both_ends_talk_and_learn_of_the_end() -> None:
    async def talk() -> None:
        ours, theirs = socket.socketpair()
        heard: asyncio.Queue[Message] = asyncio.Queue()
        ended = asyncio.Event()
        here = await Channel.open(ours, heard.put_nowait, ended.set)
        there = await Channel.open(theirs, lambda message: there.send(message), lambda: None)  # noqa: PLW0108  not yet bound
        for number in range(100):
            here.send(Ready(number, 1))
        assert [await heard.get() for _ in range(100)] == [Ready(number, 1) for number in range(100)]
        there.close()
        await ended.wait()
        here.send(Ready(1, 1))

    uvloop.run(asyncio.wait_for(talk(), 5))


def test_garbage_ends_the_channel() -> None:
    async def talk() -> None:
        ours, theirs = socket.socketpair()
        ended = asyncio.Event()
        await Channel.open(ours, lambda _message: None, ended.set)
        with theirs:
            theirs.sendall(b"\0\0\0\2no")
            await ended.wait()

    uvloop.run(asyncio.wait_for(talk(), 5))


def test_a_credential_does_not_show_its_secret() -> None:
    assert repr(Credentials("p", {"token": "s3cret"}, 5)) == "Credentials(provider='p', expires_ms=5)"
