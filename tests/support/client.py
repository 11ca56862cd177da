"""A plain HTTP client for what SDKs hide: raw bytes, arrival order, leaving in the middle."""

from __future__ import annotations

import http.client
import json
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

PATIENCE_S = 8.0
CHAT = "/v1/chat/completions"
_LINGER_NOT = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Answer:
    """A whole answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.json["error"]["code"])

    @property
    def request_id(self) -> str:
        """The x-request-id."""
        return self.headers["x-request-id"]

    @property
    def payloads(self) -> list[bytes]:
        """The data of each server-sent event."""
        events = self.body.split(b"\n\n")
        return [event.removeprefix(b"data: ") for event in events if event.startswith(b"data: ")]

    @property
    def text(self) -> str:
        """The content of a chat answer, streamed or not."""
        if not self.body.startswith(b"data:"):
            return str(self.json["choices"][0]["message"]["content"])
        chunks = [json.loads(payload) for payload in self.payloads if payload != b"[DONE]"]
        return "".join(c["delta"].get("content") or "" for chunk in chunks for c in chunk.get("choices", []))


@dataclass(frozen=True)
class Client:
    """Makes requests, each on a connection of its own."""

    url: str
    key: str | None

    def get(self, path: str) -> Answer:
        """One GET."""
        return self.ask("GET", path, None)

    def chat(self, model: str, headers: dict[str, str] | None = None, **members: Any) -> Answer:  # noqa: ANN401
        """One chat request, its answer read to the end."""
        return self.post(CHAT, chat_body(model, **members), headers)

    def post(self, path: str, body: bytes | dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
        """One POST."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", path, payload, headers)

    def ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request."""
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE_S)
        sent = {"content-type": "application/json", **(headers or {})}
        if self.key is not None:
            sent["authorization"] = f"Bearer {self.key}"
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def open(
        self,
        model: str,
        version: str = "HTTP/1.1",
        patience_s: float = PATIENCE_S,
        **members: Any,  # noqa: ANN401
    ) -> Streaming:
        """A streamed chat request that the test reads as it likes."""
        body = json.dumps(chat_body(model, **{"stream": True, **members})).encode()
        head = (
            f"POST {CHAT} {version}\r\nhost: gateway\r\nauthorization: Bearer {self.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return Streaming(self.url, head.encode() + body, patience_s)


class Streaming:
    """A connection with a request on it."""

    def __init__(self, url: str, request: bytes, patience_s: float) -> None:
        """Connect and send; each read may take `patience_s`."""
        address = urlsplit(url)
        self._sock = socket.create_connection((address.hostname, address.port), patience_s)
        self._sock.sendall(request)
        self.seen = b""
        """Everything that was read."""

    def __enter__(self) -> Streaming:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sock.close()

    def fileno(self) -> int:
        """For selectors."""
        return self._sock.fileno()

    def until(self, mark: bytes) -> bytes:
        """All that was read, as soon as `mark` is in it."""
        while mark not in self.seen:
            part = self._sock.recv(65536)
            assert part, f"ended without {mark!r}: {self.seen!r}"
            self.seen += part
        return self.seen

    def to_end(self) -> bytes:
        """All that was read, once the answer or the connection has ended."""
        while not self.seen.endswith(b"0\r\n\r\n"):
            part = self._sock.recv(65536)
            if not part:
                break
            self.seen += part
        return self.seen

    def receive(self, size: int) -> int:
        """Read up to `size` bytes and forget them; how many there were."""
        return len(self._sock.recv(size))

    @property
    def request_id(self) -> str:
        """The x-request-id of the head, which must have been read."""
        _, _, rest = self.seen.partition(b"x-request-id: ")
        return rest.partition(b"\r\n")[0].decode()

    def shrink(self, size: int) -> None:
        """Make the receive buffer small."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)

    def leave(self, *, reset: bool = False) -> None:
        """Close, with a TCP reset if asked."""
        if reset:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._sock.close()


def chat_body(model: str, content: str = "hello", **members: Any) -> dict[str, Any]:  # noqa: ANN401
    """A chat request."""
    return {"model": model, "messages": [{"role": "user", "content": content}], **members}
