"""What one key gets when it asks for one model: its limits, its route, and each target ready to be called.

Invariant: made by the policy of one runtime and never changed; compared by identity, so that plans and steps
are cheap dictionary keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from headgate.config.runtime import Key, Provider, Route, Target
    from headgate.core import Limits
    from headgate.exchange import Endpoint

_MODEL_CHARS = "/:@+,;=()[]!"


class Step:
    """One target of a plan, ready to be called."""

    __slots__ = ("heads", "labels", "model", "provider", "served_model", "timeouts")

    def __init__(self, provider: Provider, target: Target, asked: str, heads: dict[Endpoint, bytes]) -> None:
        """`asked` is the requested model's name, kept where the target has none."""
        self.provider = provider
        self.model = target.model
        self.timeouts = target.timeouts
        self.served_model = served = target.model or asked
        self.heads = heads
        label = quote(served, safe=_MODEL_CHARS)
        self.labels = f"x-headgate-provider: {provider.name}\r\nx-headgate-model: {label}\r\n".encode()


class Plan:
    """What one key gets when it asks for one model."""

    __slots__ = ("key", "limits", "model", "route", "steps")

    def __init__(self, key: Key, limits: Limits, model: str, route: Route, steps: tuple[Step, ...]) -> None:
        self.key = key
        self.limits = limits
        self.model = model
        self.route = route
        self.steps = steps
