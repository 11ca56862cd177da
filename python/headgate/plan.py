"""What one key gets when it asks for one model: its route, and each target ready to be called.

Invariant: made by the policy of one runtime and never changed; compared by identity, so that plans and steps
are cheap dictionary keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from headgate.core import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.config.runtime import Key, Provider, Route
    from headgate.config.runtime import Target as RouteTarget
    from headgate.core import Credential, Manner
    from headgate.exchange import Endpoint

    Heads = Callable[[Provider, Endpoint, str], tuple[str, bytes, bytes] | None]
    """The dialect that a provider is spoken to in, and the heads for a whole answer and for a stream."""

_MODEL_CHARS = "/:@+,;=()[]!"


class Step:
    """One target of a plan, ready to be called; `look_s` is its shortest phase."""

    __slots__ = (
        "_credential",
        "_heads",
        "_manner",
        "_model",
        "_targets",
        "labels",
        "look_s",
        "provider",
        "served_model",
        "timeouts",
    )

    def __init__(
        self,
        provider: Provider,
        target: RouteTarget,
        manner: Manner,
        credential: Credential | None,
        heads: Heads,
    ) -> None:
        """`manner` is how the model that answers is spoken to; `credential` is None where headers say it."""
        self.provider = provider
        self.timeouts = timeouts = target.timeouts
        self.look_s = min(timeouts.first_byte_s, timeouts.first_token_s, timeouts.idle_s)
        self.served_model = served = manner.model
        self._model = target.model
        self._heads = heads
        self._manner = manner
        self._credential = credential
        self._targets: dict[Endpoint, Target | None] = {}
        label = quote(served, safe=_MODEL_CHARS)
        self.labels = f"x-headgate-provider: {provider.name}\r\nx-headgate-model: {label}\r\n".encode()

    def target(self, endpoint: Endpoint) -> Target | None:
        """Where a request to `endpoint` goes; None where the provider has no such thing."""
        try:
            return self._targets[endpoint]
        except KeyError:
            found = self._heads(self.provider, endpoint, self.served_model)
            target = self._targets[endpoint] = None if found is None else self._make(*found)
            return target

    def _make(self, dialect: str, whole: bytes, stream: bytes) -> Target:
        speech = (dialect, self.provider.hosting)
        return Target((whole, stream), self._model, self._manner, speech, self._credential)


class Plan:
    """What one key gets when it asks for one model."""

    __slots__ = ("key", "model", "route", "steps")

    def __init__(self, key: Key, model: str, route: Route, steps: tuple[Step, ...]) -> None:
        self.key = key
        self.model = model
        self.route = route
        self.steps = steps
