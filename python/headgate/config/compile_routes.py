"""Routes of the document, and those that follow from providers' models, with targets in order.

Invariant: every target names an enabled provider; an alias has one route; a route that the file writes wins
over one that follows from a provider's models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from headgate.config import runtime, schema
from headgate.config.compile_providers import overridden
from headgate.config.findings import Findings
from headgate.config.patterns import overlap
from headgate.config.problems import Path, did_you_mean


def routes(
    document: schema.Document,
    providers: Mapping[str, runtime.Provider],
    timeouts: runtime.Timeouts,
    findings: Findings,
) -> tuple[runtime.Route, ...]:
    """All routes: those of the file in its order, then those by name."""
    written = {entry.name for entry in document.providers or ()}
    compiled: list[runtime.Route] = []
    taken: dict[str, Path] = {}
    for index, route in enumerate(document.routes):
        path: Path = ("routes", index)
        findings.unique(taken, route.model_alias, (*path, "model_alias"))
        targets = list(_targets(route, path, written, providers, findings))
        if not targets:
            if all(target.provider in written for target in route.targets):
                findings.warn(path, f'serves nothing: every provider of "{route.model_alias}" is disabled')
            continue
        compiled.append(
            runtime.Route(
                alias=route.model_alias,
                targets=tuple(sorted(targets, key=lambda target: target.priority)),
                timeouts=overridden(timeouts, route.timeouts),
                cache_ttl_s=route.cache_ttl,
                owned_by=min(targets, key=lambda target: target.priority).provider,
            )
        )
    routed = {target.provider for route in document.routes for target in route.targets}
    # The echo provider has a model by default, unless a route says what it is for.
    named = [entry for entry in document.providers or () if entry.models or entry.name not in routed]
    by_name = _by_name(named, taken, providers)
    for index, entry in enumerate(document.providers or ()):
        if entry.name not in routed and entry.name in providers and not providers[entry.name].models:
            message = f'provider "{entry.name}" has no models and no route: only admins reach it, as '
            findings.warn(("providers", index), f'{message}"{entry.name}/model"')
    return (*compiled, *(_route_by_name(name, targets, timeouts) for name, targets in by_name.items()))


def _targets(
    route: schema.Route,
    path: Path,
    written: set[str],
    providers: Mapping[str, runtime.Provider],
    findings: Findings,
) -> Iterator[runtime.Target]:
    seen: dict[str, Path] = {}
    for index, target in enumerate(route.targets):
        here: Path = (*path, "targets", index)
        if target.provider not in written:
            hint = did_you_mean(target.provider, sorted(written))
            findings.problem((*here, "provider"), f'no provider is called "{target.provider}"{hint}')
            continue
        model = target.model or ""
        findings.unique(seen, f"{target.provider} {model}".rstrip(), here)
        if "*" in model:
            findings.problem((*here, "model"), "must be one model; leave it out to keep the requested name")
        provider = providers.get(target.provider)
        if provider is None:
            continue
        asked = target.model or route.model_alias
        if provider.models and not any(overlap(asked, known) for known in provider.models):
            findings.warn(
                (*here, "model" if target.model else "provider"),
                f'provider "{provider.name}" lists no model "{asked}"{did_you_mean(asked, provider.models)}',
            )
        yield runtime.Target(
            provider=target.provider,
            model=target.model,
            priority=target.priority,
            timeouts=overridden(provider.timeouts, route.timeouts),
        )


def _by_name(
    entries: Sequence[schema.Provider], taken: Mapping[str, Path], providers: Mapping[str, runtime.Provider]
) -> dict[str, list[runtime.Target]]:
    """The targets of each model that no route of the file has, under its own name, in file order."""
    found: dict[str, list[runtime.Target]] = {}
    for entry in entries:
        provider = providers.get(entry.name)
        for model in provider.models if provider else ():
            if model in taken:
                continue
            timeouts = providers[entry.name].timeouts
            target = runtime.Target(provider=entry.name, model=None, priority=1, timeouts=timeouts)
            found.setdefault(model, []).append(target)
    return found


def _route_by_name(name: str, targets: list[runtime.Target], timeouts: runtime.Timeouts) -> runtime.Route:
    return runtime.Route(
        alias=name, targets=tuple(targets), timeouts=timeouts, cache_ttl_s=None, owned_by=targets[0].provider
    )
