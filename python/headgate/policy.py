"""One runtime, compiled for serving: what a key may do with a model is worked out once, not per request.

Invariant: a policy is swapped whole, so that a request sees one generation only; its plans are bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.admission.keys import KeyRing, require_model
from headgate.config.runtime import Permission
from headgate.core import Manner, read_model
from headgate.errors import Failure, RequestError
from headgate.plan import Plan, Step
from headgate.providers.hosting import DIRECT
from headgate.providers.models import facts, flags
from headgate.routing.table import RouteTable
from headgate.upstream.request import heads

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.admission.limits import OutputMeans
    from headgate.config.runtime import Key, Provider, Runtime, Target
    from headgate.core import Credential, LedgerWorker, SpoolPage, Ticket

MAX_PLANS = 4096


class Policy:
    """The keys, routes and providers of one runtime, and the desk that takes requests in by them.

    Attributes:
        take: the desk's native call, which every request begins with.
        plans: what was worked out so far, by the numbers that tickets carry.
    """

    __slots__ = ("_credential", "_desk", "_means", "keys", "plans", "routes", "runtime", "take")

    def __init__(
        self,
        runtime: Runtime,
        books: tuple[LedgerWorker, SpoolPage],
        means: OutputMeans,
        credential: Callable[[Provider], Credential | None],
    ) -> None:
        """`books` get the requests and their records, `means` learn from them.

        `credential` gives what a provider is called with where its headers do not say it all.
        """
        self.runtime = runtime
        self.keys = KeyRing(runtime.keys)
        self.routes = RouteTable(runtime)
        self.plans: list[Plan] = []
        self._means = means
        self._credential = credential
        self._desk = self.keys.desk(*books)
        self.take = self._desk.open

    def first(
        self,
        authorization: bytes | None,
        body: bytes,
        asked: tuple[int, str | None],
        started: tuple[int, int, int],
    ) -> Ticket:
        """The ticket of a request that the desk did not know what to do with: it is the first of its kind.

        `asked` is the endpoint's number, and the model where the path names it.

        Raises:
            RequestError: it should not be served: 401 or 403 for the key, 400 for the body, 403 when the key
                may not use models or this one, 404 when nothing serves it.
        """
        key = self.keys.identify(authorization, started[2] / 1000)
        model = read_model(body, *asked)
        if not isinstance(model, str):
            code, param, message = model
            raise RequestError(Failure.INVALID_REQUEST, message, param=param, code=code)
        self._learn(self._make(key, model))
        ticket = self.take(authorization, body, asked, started)
        if ticket is None:
            message = "the desk refused a request that nothing is wrong with"
            raise RuntimeError(message)
        return ticket

    def _learn(self, plan: Plan) -> None:
        if len(self.plans) >= MAX_PLANS:
            self._desk.forget()
            self.plans.clear()
        mean = self._means.of(plan.route.alias)
        self._desk.learn(self.keys.index(plan.key), plan.model, len(self.plans), mean)
        self.plans.append(plan)

    def _make(self, key: Key, model: str) -> Plan:
        self.keys.require(key, Permission.USE_MODELS)
        route = self.routes.find(model, admin=key.role == "admin")
        if route is None:
            message = f"The model {model!r} does not exist here. GET /v1/models lists those that do."
            raise RequestError(Failure.MODEL_NOT_FOUND, message, param="model")
        require_model(key, model)
        return Plan(key, model, route, tuple(self._step(target, model) for target in route.targets))

    def _step(self, target: Target, asked: str) -> Step:
        provider = self.routes.provider(target.provider)
        how = manner(provider, target.model or asked)
        return Step(provider, target, how, self._credential(provider), heads)


def manner(provider: Provider, model: str) -> Manner:
    """How a provider's model is spoken to: by what is known of its vendor and of itself."""
    known = facts(provider.type if provider.hosting == DIRECT else provider.hosting, model)
    traits = sorted({*provider.quirks, *flags(provider.type, model)})
    return Manner(model, known.max_output_tokens if known else None, traits, provider.on_unsupported)
