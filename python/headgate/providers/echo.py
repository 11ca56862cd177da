"""The built-in model that says back what it was told: a first answer without any provider.

Invariant: it answers as a provider would, with exact usage, so that everything around it is the real thing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from headgate.core import Ticket, Tokenizer, echo, read_usage, replay, stream_from_answer
from headgate.errors import Failure, RequestError

if TYPE_CHECKING:
    from headgate.exchange import Endpoint
    from headgate.ports import Listener, Writer


class EchoAnswer:
    """An answer that is whole from the beginning; the same shape as a judged upstream connection."""

    __slots__ = ("_chunked", "_include_usage", "answer", "first_token_ns", "read_at", "sink")

    mid_event = False

    def __init__(
        self, body: bytes, ticket: Ticket, endpoint: Endpoint, tokenizer: Tokenizer, *, chunked: bool
    ) -> None:
        """`chunked` is how a stream of it is framed for the client."""
        answer = echo(body, endpoint.number, tokenizer)
        if answer is None:
            message = "The echo model has no embeddings. Configure a provider that has."
            raise RequestError(Failure.INVALID_REQUEST, message, param="model")
        self.answer = answer
        self._include_usage = ticket.include_usage
        self._chunked = chunked
        self.sink: Writer | None = None
        self.read_at = 0.0
        self.first_token_ns = time.monotonic_ns()

    def usage(self) -> tuple[int, int, int, int]:
        """Exact usage."""
        return read_usage(self.answer) or (0, 0, 0, 0)

    def relay_to(self, sink: Writer, listener: Listener) -> None:
        """Write the whole stream and end."""
        events = stream_from_answer(self.answer, self._include_usage) or b""
        sink.write(replay(events, self._chunked, self._include_usage))
        listener.ended(None)

    def pause(self) -> None:
        """Nothing is read."""

    def resume(self) -> None:
        """Nothing is read."""

    def abort(self) -> None:
        """Nothing is open."""
