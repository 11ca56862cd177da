"""Turn the ledger's refusals into answers, and learn what a route usually produces.

Invariant: a request is admitted by one native call, all limits or none (RULINGS 1, 10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.core import OutputMean
from headgate.errors import Failure, RequestError

if TYPE_CHECKING:
    from headgate.config.runtime import Key
    from headgate.core import Ticket

_REFUSALS = {
    "rpm": (
        Failure.RPM_EXCEEDED,
        "Rate limit reached for requests: {key.rpm} per minute for the key {key.name!r}.",
    ),
    "tpm": (
        Failure.TPM_EXCEEDED,
        "Rate limit reached for tokens: {key.tpm} per minute for the key {key.name!r}.",
    ),
    "concurrency": (
        Failure.CONCURRENCY_EXCEEDED,
        "Too many requests at once: {key.max_concurrency} for the key {key.name!r}.",
    ),
    "too_large": (
        Failure.REQUEST_EXCEEDS_LIMIT,
        "The prompt and max tokens together exceed what the key {key.name!r} may ever use in a minute "
        "({key.tpm} tokens). Shorten the prompt or lower max_completion_tokens.",
    ),
    "no_slot": (Failure.OVERLOADED, "Too many requests are in flight on this gateway. Try again shortly."),
}


def refusal(ticket: Ticket, key: Key) -> RequestError:
    """The error for a refused ticket, with Retry-After where waiting helps."""
    failure, text = _REFUSALS[ticket.refused or "no_slot"]
    wait = ticket.retry_after_s if failure is not Failure.REQUEST_EXCEEDS_LIMIT else None
    return RequestError(failure, text.format(key=key), retry_after_s=wait)


class OutputMeans:
    """The mean of what each route produced, for requests that name no maximum; survives a reload."""

    __slots__ = ("_means",)

    def __init__(self) -> None:
        self._means: dict[str, OutputMean] = {}

    def of(self, alias: str) -> OutputMean:
        """The mean of the route that has this alias."""
        return self._means.setdefault(alias, OutputMean())
