"""What the gateway answers itself: the model that says back what it was told, and counts nobody else makes.

Invariant: it answers as a provider would, with exact usage, so that everything around it is the real thing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from headgate import core
from headgate.errors import Failure, RequestError

if TYPE_CHECKING:
    from headgate.core import Tokenizer
    from headgate.exchange import Exchange
    from headgate.ports import Listener, Writer

ESTIMATE = b"x-headgate-estimate: true\r\n"


class OwnAnswer:
    """An answer that is whole from the beginning; the same shape as a judged upstream connection."""

    __slots__ = ("_exchange", "_usage", "answer", "first_token_ns", "note", "read_at", "sink")

    mid_event = False

    def __init__(
        self, exchange: Exchange, answer: bytes, usage: tuple[int, int, int, int], note: bytes = b""
    ) -> None:
        """`note` is header lines that go with it."""
        self.answer = answer
        self.note = note
        self._usage = usage
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
        events = core.stream_from_answer(endpoint, self.answer, wants_usage) or b""
        sink.write(core.replay(endpoint, events, exchange.chunked, wants_usage) or b"")
        listener.ended(None)

    def pause(self) -> None:
        """Nothing is read."""

    def resume(self) -> None:
        """Nothing is read."""

    def abort(self) -> None:
        """Nothing is open."""


def echo(exchange: Exchange, tokenizer: Tokenizer) -> OwnAnswer:
    """The built-in model that says back what it was told: a first answer without any provider.

    Raises:
        RequestError: 400 for what is no conversation.
    """
    answered = core.echo(exchange.body, exchange.endpoint.number, exchange.model, tokenizer)
    if answered is None:
        message = "The echo model holds conversations and does nothing else. Configure a provider."
        raise RequestError(Failure.INVALID_REQUEST, message, param="model")
    return OwnAnswer(exchange, *answered)


def count(exchange: Exchange, tokenizer: Tokenizer) -> OwnAnswer:
    """Our own count of a request's tokens, said to be an estimate: another tokenizer has others."""
    tokens = exchange.ticket.count_prompt(tokenizer, exchange.step.served_model)
    body = core.count_body(exchange.endpoint.number, tokens)
    return OwnAnswer(exchange, body, (0, 0, 0, 0), ESTIMATE)
