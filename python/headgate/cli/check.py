"""`headgate check`: what a configuration says, or everything that is wrong with it.

Invariant: no key, no header value and no digest is printed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from headgate.cli import output
from headgate.cli.main import OK, PROBLEM
from headgate.config.accounts import AccountTable
from headgate.config.compile import compile_runtime
from headgate.config.loader import Loaded, load
from headgate.config.problems import ConfigWarning, InvalidConfigError, dotted
from headgate.config.runtime import Key, Provider, Route, Runtime
from headgate.config.values import Address
from headgate.errors import ConfigError


def compiled(config: Path | None) -> tuple[Loaded, Runtime, list[ConfigWarning]]:
    """Load and compile as `serve` would, without touching the state directory.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    loaded = load(config)
    admin_key = loaded.document.auth.admin_key
    runtime, warnings = compile_runtime(
        loaded,
        generation=1,
        admin_digest=admin_key.digest() if admin_key else None,
        accounts=AccountTable(),
        now_s=time.time(),
    )
    return loaded, runtime, warnings


def check(config: Path | None, *, as_json: bool) -> int:
    """Print the problems, or a summary; the exit code."""
    try:
        loaded, runtime, warnings = compiled(config)
    except ConfigError as error:
        if as_json:
            output.write_json({"ok": False, "problems": _problems(error)})
        else:
            sys.stderr.write(f"{error}\n")
        return PROBLEM
    if as_json:
        output.write_json(_facts(loaded, runtime, warnings))
    else:
        output.write_lines(_summary(loaded, runtime, warnings))
    return OK


def base_url(provider: Provider) -> str:
    """The provider's address as a URL; `built in` for echo."""
    if provider.kind == "echo":
        return "built in"
    scheme, default = ("https", 443) if provider.tls else ("http", 80)
    authority = str(Address(provider.host, provider.port)) if provider.port != default else provider.host
    return f"{scheme}://{authority}{provider.base_path}"


def _problems(error: ConfigError) -> list[dict[str, object]]:
    if not isinstance(error, InvalidConfigError):
        return [{"file": None, "line": None, "path": "", "message": str(error)}]
    return [
        {
            "file": error.origin.file,
            "line": error.origin.line(problem.path),
            "path": dotted(problem.path),
            "message": problem.message,
        }
        for problem in error.problems
    ]


def _facts(loaded: Loaded, runtime: Runtime, warnings: Sequence[ConfigWarning]) -> dict[str, object]:
    return {
        "ok": True,
        "file": loaded.origin.file,
        "warnings": [str(warning) for warning in warnings],
        "listen": str(Address(runtime.server.host, runtime.server.port)),
        "control": str(Address(runtime.control_host, runtime.control_port)),
        "workers": runtime.server.workers,
        "state_dir": runtime.state_dir,
        "providers": [
            {"name": p.name, "type": p.type, "base_url": base_url(p), "models": list(p.models)}
            for p in runtime.providers
        ],
        "routes": [{"model_alias": r.alias, "targets": _targets(r)} for r in runtime.routes],
        "keys": [
            {"name": k.name, "role": k.role, "rpm": k.rpm, "tpm": k.tpm, "blocked": k.blocked,
             "allowed_models": list(k.allowed_models)}
            for k in runtime.keys
        ],
    }  # fmt: skip


def _summary(loaded: Loaded, runtime: Runtime, warnings: Sequence[ConfigWarning]) -> list[str]:
    providers = [("NAME", "TYPE", "ADDRESS", "MODELS")]
    providers += [(p.name, p.type, base_url(p), ", ".join(p.models) or "by route") for p in runtime.providers]
    routes = [("MODEL", "TARGETS, IN ORDER")]
    routes += [(r.alias, ", ".join(_targets(r))) for r in runtime.routes]
    keys = [("NAME", "ROLE", "RPM", "TPM", "MODELS")]
    keys += [(k.name, k.role, _limit(k.rpm), _limit(k.tpm), _models(k)) for k in runtime.keys]
    listen = Address(runtime.server.host, runtime.server.port)
    return [
        *(f"warning: {warning}" for warning in warnings),
        f"{loaded.origin.file}: good",
        f"  applications  {listen}, workers: {runtime.server.workers}",
        f"  operators     {Address(runtime.control_host, runtime.control_port)}",
        f"  state         {runtime.state_dir}",
        *output.table("Providers", providers),
        *output.table("Routes", routes),
        *output.table("Keys", keys),
    ]


def _targets(route: Route) -> list[str]:
    return [f"{target.provider}/{target.model or '(as requested)'}" for target in route.targets]


def _limit(limit: int) -> str:
    return str(limit) if limit else "unlimited"


def _models(key: Key) -> str:
    return "blocked" if key.blocked else ", ".join(key.allowed_models) or "all"
