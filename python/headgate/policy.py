"""One runtime, compiled for serving: what a key may do with a model is worked out once, not per request.

Invariant: a policy is swapped whole, so that a request sees one generation only; its plans are bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.admission.keys import KeyRing, require_model
from headgate.config.runtime import Permission
from headgate.errors import Failure, RequestError
from headgate.exchange import ENDPOINTS
from headgate.plan import Plan, Step
from headgate.routing.table import RouteTable
from headgate.upstream.request import request_head

if TYPE_CHECKING:
    from headgate.config.runtime import Key, Runtime

MAX_PLANS = 4096


class Policy:
    """The keys, routes and providers of one runtime."""

    __slots__ = ("_heads", "_plans", "keys", "routes", "runtime")

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.keys = KeyRing(runtime.keys)
        self.routes = RouteTable(runtime)
        self._plans: dict[tuple[str, str], Plan] = {}
        self._heads = {
            provider.name: {endpoint: request_head(provider, endpoint.path) for endpoint in ENDPOINTS}
            for provider in runtime.providers
            if provider.kind == "http"
        }

    def plan(self, key: Key, model: str) -> Plan:
        """What `key` gets for `model`.

        Raises:
            RequestError: 403 when the key may not use models or this one, 404 when nothing serves it.
        """
        plan = self._plans.get((key.name, model))
        if plan is None:
            plan = self._make(key, model)
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            self._plans[key.name, model] = plan
        return plan

    def _make(self, key: Key, model: str) -> Plan:
        self.keys.require(key, Permission.USE_MODELS)
        route = self.routes.find(model, admin=key.role == "admin")
        if route is None:
            message = f"The model {model!r} does not exist here. GET /v1/models lists those that do."
            raise RequestError(Failure.MODEL_NOT_FOUND, message, param="model")
        require_model(key, model)
        steps = [
            Step(self.routes.provider(target.provider), target, model, self._heads.get(target.provider, {}))
            for target in route.targets
        ]
        return Plan(key, self.keys.limits(key), model, route, tuple(steps))
