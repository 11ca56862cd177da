"""What a start says on standard output: where it listens and a command that works when pasted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.control.sockets import listen_address

if TYPE_CHECKING:
    from headgate.config.runtime import Runtime

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  addresses to recognise, not to listen on
_FALLBACK_MODEL = "echo"


def base_url(host: str, port: int) -> str:
    """A URL that reaches the listener from this machine."""
    return f"http://{listen_address(_ANY.get(host, host), port)}"


def greeting(runtime: Runtime, url: str, control_url: str, made_key: str | None) -> str:
    """The lines to print; `made_key` is shown this once."""
    lines = ["headgate is ready", f"  address    {url}", f"  metrics    {control_url}/metrics"]
    if made_key is not None:
        lines.append(f"  admin key  {made_key}   (shown this once; only its hash is kept)")
    key = made_key or "$HEADGATE_KEY"
    lines += [
        "",
        f"  curl {url}/v1/chat/completions -H 'Content-Type: application/json' \\",
        f'    -H "Authorization: Bearer {key}" \\',
        f"""    -d '{{"model":"{first_model(runtime)}","messages":[{{"role":"user","content":"Hello"}}]}}'""",
        "",
    ]
    return "\n".join(lines) + "\n"


def first_model(runtime: Runtime) -> str:
    """A model name that the first usable route serves."""
    models = {provider.name: provider.models for provider in runtime.providers}
    for route in runtime.routes:
        if "*" not in route.alias:
            return route.alias
        named = [
            model for target in route.targets for model in models.get(target.provider, ()) if "*" not in model
        ]
        if named:
            return route.alias.replace("*", named[0])
    return _FALLBACK_MODEL
