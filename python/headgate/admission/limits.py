"""Turn the ledger's refusals into answers, and learn what a route usually produces.

Invariant: a request is admitted by one native call, all limits or none (RULINGS 1, 10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.errors import Failure, RequestError

if TYPE_CHECKING:
    from headgate.config.runtime import Key
    from headgate.core import Admission

FIRST_RESERVE_TOKENS = 1024
LEARNING_RATE = 0.1

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


def refusal(admission: Admission, key: Key) -> RequestError:
    """The error for a refused admission, with Retry-After where waiting helps."""
    failure, text = _REFUSALS[admission.refused or "no_slot"]
    wait = admission.retry_after_s if failure is not Failure.REQUEST_EXCEEDS_LIMIT else None
    return RequestError(failure, text.format(key=key), retry_after_s=wait)


class OutputMeans:
    """The mean of what each route produced, for requests that name no maximum."""

    __slots__ = ("_means",)

    def __init__(self) -> None:
        self._means: dict[str, float] = {}

    def expected(self, alias: str) -> int:
        """Tokens to reserve for a route; 1,024 until something was learned."""
        return int(self._means.get(alias, FIRST_RESERVE_TOKENS))

    def learn(self, alias: str, completion_tokens: int) -> None:
        """Take one answer into the route's mean."""
        mean = self._means.get(alias)
        self._means[alias] = (
            float(completion_tokens) if mean is None else mean + LEARNING_RATE * (completion_tokens - mean)
        )

    def reserve(self, prompt: int, alias: str, capacity: int) -> int:
        """Tokens to reserve without an explicit maximum: the route's mean, at most the bucket."""
        wanted = prompt + self.expected(alias)
        return min(wanted, max(capacity, prompt)) if capacity else wanted
