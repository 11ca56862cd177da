"""The built-in model that says back what it was told: a first answer without any provider.

Invariant: it answers as a provider would, with exact usage, so that everything around it is the real thing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from headgate.core import Tokenizer, echo, replay, stream_from_answer
from headgate.errors import Failure, RequestError

if TYPE_CHECKING:
    from headgate.exchange import Exchange
    from headgate.ports import Listener, Writer


class EchoAnswer:
    """An answer that is whole from the beginning; the same shape as a judged upstream connection."""

    __slots__ = ("_exchange", "_usage", "answer", "first_token_ns", "read_at", "sink")

    mid_event = False

    def __init__(self, exchange: Exchange, tokenizer: Tokenizer) -> None:
        answered = echo(exchange.body, exchange.endpoint.number, exchange.model, tokenizer)
        if answered is None:
            message = "The echo model holds conversations and does nothing else. Configure a provider."
            raise RequestError(Failure.INVALID_REQUEST, message, param="model")
        self.answer, self._usage = answered
        self._exchange = exchange
        self.sink: Writer | None = None
        self.read_at = 0.0
        self.first_token_ns = time.monotonic_ns()

    def usage(self) -> tuple[int, int, int, int]:
        """Exact usage."""
        return self._usage

    def relay_to(self, sink: Writer, listener: Listener) -> None:
        """Write the whole stream and end."""
        exchange, endpoint = self._exchange, self._exchange.endpoint.number
        wants_usage = exchange.ticket.include_usage
        events = stream_from_answer(endpoint, self.answer, wants_usage) or b""
        sink.write(replay(endpoint, events, exchange.chunked, wants_usage) or b"")
        listener.ended(None)

    def pause(self) -> None:
        """Nothing is read."""

    def resume(self) -> None:
        """Nothing is read."""

    def abort(self) -> None:
        """Nothing is open."""
