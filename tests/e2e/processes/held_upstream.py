"""An upstream that answers when the test says so."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_ANSWER = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "held",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "late"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }
).encode()
_PATIENCE_S = 8.0


class HeldUpstream:
    """Accepts requests, says so, and holds every answer until `release`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._arrivals = threading.Semaphore(0)
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> HeldUpstream:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(_PATIENCE_S)

    def arrived(self) -> None:
        """Return when one more request has arrived."""
        assert self._arrivals.acquire(timeout=_PATIENCE_S), "no request reached the upstream"

    def release(self) -> None:
        """Answer what is held and all that comes."""
        self._released.set()

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            data = b""
            while b"\r\n\r\n" not in data or not data.endswith(b"}"):
                part = connection.recv(65536)
                if not part:
                    return
                data += part
            self._arrivals.release()
            self._released.wait(_PATIENCE_S)
            head = (
                f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(_ANSWER)}\r\n\r\n"
            )
            try:
                connection.sendall(head.encode() + _ANSWER)
            except OSError:
                return
