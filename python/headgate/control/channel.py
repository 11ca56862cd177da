"""What control and a worker say to each other: framed JSON over a socketpair.

Invariant: a frame is 4 bytes of length (network order) and that many bytes of JSON, at most
`MAX_FRAME_BYTES`; any split of the bytes gives the same messages, and a frame that is not one of the messages
below ends the channel. The end of the stream is a message too: a worker whose control is gone drains and
exits (RULINGS 2).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, cast

import orjson

from headgate.errors import HeadgateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_FRAME_BYTES = 1 << 20
_LENGTH = struct.Struct("!I")
_MAX_FDS = 4


class ChannelError(HeadgateError):
    """The other end sent what is not a message."""


@dataclass(frozen=True, slots=True)
class Start:
    """Control to worker, once, with two descriptors: the listening socket and the seat's lock."""

    worker: int
    state_dir: str
    ledger_path: str
    boot: str
    shape: list[int]
    snapshot_path: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Worker to control: it accepts connections."""

    generation: int
    pid: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Control to worker: a new configuration is in the file."""

    generation: int
    path: str


@dataclass(frozen=True, slots=True)
class SnapshotApplied:
    """Worker to control: it serves by this configuration now."""

    generation: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """Control to worker: what a provider is called with from now on, until `expires_ms` (Unix time).

    `secret` has `token`, or `access_key_id`, `secret_access_key` and `session_token`.
    """

    provider: str
    secret: dict[str, str | None] = field(repr=False)
    expires_ms: int | None


@dataclass(frozen=True, slots=True)
class Drain:
    """Control to worker: accept nothing more, finish what is in flight, exit."""

    timeout_s: float


@dataclass(frozen=True, slots=True)
class Drained:
    """Worker to control, its last words; `cut` requests were still in flight when the time was up."""

    cut: int


Message = Start | Ready | Snapshot | SnapshotApplied | Credentials | Drain | Drained

_KINDS: dict[str, type[Message]] = {
    "start": Start,
    "ready": Ready,
    "snapshot": Snapshot,
    "snapshot_applied": SnapshotApplied,
    "credentials": Credentials,
    "drain": Drain,
    "drained": Drained,
}
_NAMES: dict[type[Message], str] = {kind: name for name, kind in _KINDS.items()}


def encode(message: Message) -> bytes:
    """The frame of a message."""
    body = orjson.dumps({"kind": _NAMES[type(message)], **asdict(message)})
    return _LENGTH.pack(len(body)) + body


def decode(body: bytes) -> Message:
    """The message of a frame's body.

    Raises:
        ChannelError: it is none.
    """
    try:
        fields = orjson.loads(body)
        kind = _KINDS[fields.pop("kind")]
        return kind(**fields)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        message = "a frame that is no message"
        raise ChannelError(message) from error


class Framer:
    """Cuts bytes into messages."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        """Start with nothing received."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes; the rest waits.

        Raises:
            ChannelError: a frame is too long or is no message.
        """
        self._buffer += data
        found: list[Message] = []
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_FRAME_BYTES:
                message = f"a frame of {length} bytes"
                raise ChannelError(message)
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                break
            found.append(decode(bytes(self._buffer[_LENGTH.size : end])))
            del self._buffer[:end]
        return found


class Channel(asyncio.Protocol):
    """One end of the socketpair on a loop."""

    def __init__(self, on_message: Callable[[Message], None], on_end: Callable[[], None]) -> None:
        """`on_end` is called once, when the other end is gone or broke the protocol."""
        self._on_message = on_message
        self._on_end = on_end
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(
        cls, sock: socket.socket, on_message: Callable[[Message], None], on_end: Callable[[], None]
    ) -> Channel:
        """Take over one end of a socketpair."""
        sock.settimeout(0)
        channel = cls(on_message, on_end)
        await asyncio.get_running_loop().create_unix_connection(lambda: channel, sock=sock)
        return channel

    def send(self, message: Message) -> None:
        """Queue a message; after the end it goes nowhere, and `on_end` has told so."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode(message))

    def close(self) -> None:
        """Close after what is queued was written."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        try:
            for message in self._framer.feed(data):
                self._on_message(message)
        except ChannelError:
            if self._transport is not None:
                self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._transport = None
        self._on_end()


def send_start(sock: socket.socket, start: Start, fds: Sequence[int]) -> None:
    """Send the first message and its descriptors (SCM_RIGHTS) before the channel is on a loop."""
    socket.send_fds(sock, [encode(start)], list(fds))


def receive_start(sock: socket.socket) -> tuple[Start, list[int]] | None:
    """Wait for the first message; None if control went away instead.

    Raises:
        ChannelError: something else came first.
    """
    sock.settimeout(None)
    data, fds, _flags, _address = socket.recv_fds(sock, _LENGTH.size, _MAX_FDS)
    if not data:
        return None
    (length,) = _LENGTH.unpack(data)
    body = bytearray()
    while len(body) < length:
        part = sock.recv(length - len(body))
        if not part:
            return None
        body += part
    message = decode(bytes(body))
    if not isinstance(message, Start):
        text = "the first message is not a start"
        raise ChannelError(text)
    return message, fds
