"""From the document to the compiled form: what can be known before a request comes is settled here.

Invariant: `compile_runtime` either gives a `Runtime` in which every reference resolves, or raises with every
problem; the table of accounts changes only when it succeeds.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path as FilePath

from headgate.config import compile_keys, compile_providers, compile_routes, runtime, schema
from headgate.config.accounts import AccountTable
from headgate.config.findings import Findings
from headgate.config.loader import Loaded
from headgate.config.problems import ConfigWarning, Path

_CGROUP_LIMIT = FilePath("/sys/fs/cgroup/cpu.max")


def compile_runtime(
    loaded: Loaded, *, generation: int, admin_digest: str | None, accounts: AccountTable, now_s: float
) -> tuple[runtime.Runtime, list[ConfigWarning]]:
    """Compile a loaded document.

    Args:
        loaded: what `loader.load` gave.
        generation: the number of this configuration; higher than any before it.
        admin_digest: SHA-256 (hex) of the admin key; None serves without one.
        accounts: who has which slot of the ledger.
        now_s: Unix seconds.

    Raises:
        InvalidConfigError: with every semantic problem.
    """
    document = loaded.document
    findings = Findings(loaded.origin)
    timeouts = _timeouts(document.timeouts)
    providers = _providers(loaded, timeouts, findings)
    routes = compile_routes.routes(document, providers, timeouts, findings)
    digests = compile_keys.digests(document, admin_digest, findings)
    compile_keys.check_use(document, routes, now_s, findings)
    _check_listeners(document, findings)
    if not routes:
        findings.warn((), "has no model that can be served: give a provider models, or add a route")
    warnings = [*loaded.warnings, *findings.finish()]
    compiled = runtime.Runtime(
        generation=generation,
        server=_server(document.server),
        control_host=document.control.listen.host,
        control_port=document.control.listen.port,
        state_dir=str((loaded.config_dir / document.state_dir).resolve()),
        keys=compile_keys.keys(document, digests, admin_digest, accounts, now_s),
        providers=tuple(providers.values()),
        routes=routes,
        cache=runtime.CacheSettings(
            enabled=document.cache.enabled,
            max_bytes=document.cache.max_bytes,
            default_ttl_s=document.cache.default_ttl,
        ),
        telemetry=runtime.Telemetry(
            access_log=document.telemetry.access_log, log_level=document.telemetry.log_level
        ),
    )
    return compiled, warnings


def available_cpus() -> int:
    """Cores that this process may use: its affinity, and a container's quota (cgroup v2, cpu.max)."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _CGROUP_LIMIT.read_text(encoding="ascii").split()
        allowed = -(-int(quota) // int(period))
    except (OSError, ValueError):
        return affinity
    return max(1, min(affinity, allowed))


def _providers(loaded: Loaded, timeouts: runtime.Timeouts, findings: Findings) -> dict[str, runtime.Provider]:
    """The enabled providers by name; a disabled one is checked all the same."""
    names: dict[str, Path] = {}
    compiled: dict[str, runtime.Provider] = {}
    for index, entry in enumerate(loaded.document.providers or ()):
        path: Path = ("providers", index)
        findings.unique(names, entry.name, (*path, "name"))
        provider = compile_providers.provider(entry, path, timeouts, loaded.config_dir, findings)
        if provider is not None and entry.enabled:
            compiled.setdefault(provider.name, provider)
    return compiled


def _timeouts(document: schema.Timeouts) -> runtime.Timeouts:
    return runtime.Timeouts(
        connect_s=document.connect,
        first_byte_s=document.first_byte,
        first_token_s=document.first_token,
        idle_s=document.idle,
        total_s=document.total,
    )


def _server(document: schema.Server) -> runtime.ServerSettings:
    workers = document.workers or available_cpus()
    return runtime.ServerSettings(
        host=document.listen.host,
        port=document.listen.port,
        # macOS gives all connections of a shared port to one process.
        workers=1 if sys.platform == "darwin" else workers,
        max_body_bytes=document.max_body,
        header_timeout_s=document.header_timeout,
        body_timeout_s=document.body_timeout,
        idle_timeout_s=document.idle_timeout,
        shutdown_timeout_s=document.shutdown_timeout,
    )


def _check_listeners(document: schema.Document, findings: Findings) -> None:
    listen, control = document.server.listen, document.control.listen
    if listen == control and listen.port:
        findings.problem(("control", "listen"), "is the same address as server.listen")
