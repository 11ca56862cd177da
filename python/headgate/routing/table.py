"""Find the route of a model name.

Invariant: the exact name wins, then the longest pattern; `provider/model` always works for admins (SPEC A).
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from headgate.config.runtime import Route, Target

if TYPE_CHECKING:
    from headgate.config.runtime import Provider, Runtime


class RouteTable:
    """The routes of one runtime."""

    __slots__ = ("_exact", "_patterns", "_providers")

    def __init__(self, runtime: Runtime) -> None:
        self._providers = {provider.name: provider for provider in runtime.providers}
        self._exact = {route.alias: route for route in runtime.routes if "*" not in route.alias}
        patterns = [route for route in runtime.routes if "*" in route.alias]
        self._patterns = tuple(sorted(patterns, key=lambda route: len(route.alias), reverse=True))

    def find(self, model: str, *, admin: bool) -> Route | None:
        """The route that serves `model`, None when there is none."""
        route = self._exact.get(model)
        if route is not None:
            return route
        direct = self._direct(model) if admin else None
        if direct is not None:
            return direct
        for pattern in self._patterns:
            if fnmatchcase(model, pattern.alias):
                return pattern
        return None

    def provider(self, name: str) -> Provider:
        """The provider of a target; the compiler saw to it that it exists."""
        return self._providers[name]

    def listed(self) -> list[tuple[str, str]]:
        """Model names that can be asked for as they stand, each with its owner, in the file's order."""
        return [(route.alias, route.owned_by) for route in self._exact.values()]

    def usable(self) -> bool:
        """Whether anything can be served at all."""
        return bool(self._exact or self._patterns)

    def _direct(self, model: str) -> Route | None:
        name, _, rest = model.partition("/")
        provider = self._providers.get(name)
        if provider is None or not rest:
            return None
        target = Target(provider=name, model=rest, priority=1, timeouts=provider.timeouts)
        return Route(
            alias=model, targets=(target,), timeouts=provider.timeouts, cache_ttl_s=None, owned_by=name
        )
