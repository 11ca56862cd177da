"""What one key gets when it asks for one model: its route, and each target ready to be called.

Invariant: made by the policy of one runtime and never changed; compared by identity, so that plans and steps
are cheap dictionary keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from headgate.core import Target

if TYPE_CHECKING:
    from headgate.config.runtime import Key, Provider, Route
    from headgate.config.runtime import Target as RouteTarget
    from headgate.exchange import Endpoint

_MODEL_CHARS = "/:@+,;=()[]!"


class Step:
    """One target of a plan, ready to be called; `look_s` is its shortest phase."""

    __slots__ = ("labels", "look_s", "provider", "served_model", "targets", "timeouts")

    def __init__(
        self, provider: Provider, target: RouteTarget, asked: str, heads: dict[Endpoint, bytes]
    ) -> None:
        """`asked` is the requested model's name, kept where the target has none."""
        self.provider = provider
        self.timeouts = timeouts = target.timeouts
        self.look_s = min(timeouts.first_byte_s, timeouts.first_token_s, timeouts.idle_s)
        self.served_model = served = target.model or asked
        self.targets = {
            endpoint: Target(head, target.model, served, provider.stream_usage, provider.dialect)
            for endpoint, head in heads.items()
        }
        label = quote(served, safe=_MODEL_CHARS)
        self.labels = f"x-headgate-provider: {provider.name}\r\nx-headgate-model: {label}\r\n".encode()


class Plan:
    """What one key gets when it asks for one model."""

    __slots__ = ("key", "model", "route", "steps")

    def __init__(self, key: Key, model: str, route: Route, steps: tuple[Step, ...]) -> None:
        self.key = key
        self.model = model
        self.route = route
        self.steps = steps
