"""The built-in model that says back what it was told: a first answer without any provider.

Invariant: it answers as a provider would, with exact usage, so that everything around it is the real thing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from headgate.core import Scan, Tokenizer, echo, read_usage, replay, stream_from_answer
from headgate.errors import Failure, RequestError

if TYPE_CHECKING:
    from headgate.exchange import Endpoint
    from headgate.ports import Listener, Writer


class EchoAnswer:
    """An answer that is whole from the beginning; the same shape as a judged upstream connection."""

    __slots__ = ("_answer", "_chunked", "_include_usage", "first_token_ns", "read_at", "sink")

    mid_event = False

    def __init__(
        self, body: bytes, scan: Scan, endpoint: Endpoint, tokenizer: Tokenizer, *, chunked: bool
    ) -> None:
        """`chunked` is how a stream of it is framed for the client."""
        answer = echo(body, endpoint.number, tokenizer)
        if answer is None:
            message = "The echo model has no embeddings. Configure a provider that has."
            raise RequestError(Failure.INVALID_REQUEST, message, param="model")
        self._answer = answer
        self._include_usage = scan.include_usage
        self._chunked = chunked
        self.sink: Writer | None = None
        self.read_at = 0.0
        self.first_token_ns = time.monotonic_ns()

    def take_answer(self) -> tuple[bytes, bytes, tuple[int, int, int, int] | None]:
        """The whole answer, without header lines of its own."""
        return self._answer, b"", self.usage()

    def usage(self) -> tuple[int, int, int, int] | None:
        """Exact usage."""
        return read_usage(self._answer)

    def relay_to(self, sink: Writer, listener: Listener) -> None:
        """Write the whole stream and end."""
        events = stream_from_answer(self._answer, self._include_usage) or b""
        sink.write(replay(events, self._chunked, self._include_usage))
        listener.ended(None)

    def pause(self) -> None:
        """Nothing is read."""

    def resume(self) -> None:
        """Nothing is read."""

    def abort(self) -> None:
        """Nothing is open."""
