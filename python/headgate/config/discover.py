"""Providers from the environment, for a configuration that names none.

Invariant: only the variables that `config.env` declares are looked at; `echo` is always there, so that there
is always something that answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from headgate.config import env as environment
from headgate.config.schema import Provider
from headgate.config.secrets import Secret
from headgate.providers.catalog import CATALOG, Vendor
from headgate.providers.hosting import AZURE, BEDROCK, VERTEX, hostings

_OLLAMA_PORT = 11434
# By hosting, the keys of a provider that a variable may fill; the first that is set.
_FILLED: dict[str, dict[str, tuple[environment.Variable, ...]]] = {
    AZURE: {"base_url": (environment.AZURE_OPENAI_ENDPOINT,)},
    BEDROCK: {"region": (environment.AWS_REGION, environment.AWS_DEFAULT_REGION)},
    VERTEX: {
        "region": (environment.GOOGLE_CLOUD_LOCATION,),
        "project": (environment.GOOGLE_CLOUD_PROJECT,),
    },
}


def from_environment(env: Mapping[str, str]) -> tuple[list[Provider], list[str]]:
    """The providers whose variable is set, `echo` last; and what is to be said about the others."""
    providers: list[Provider] = []
    remarks: list[str] = []
    for vendor in CATALOG.values():
        value = env.get(vendor.env, "").strip() if vendor.env else ""
        if not value:
            continue
        if vendor.prefixes:
            providers.append(_provider(vendor, value))
        else:
            remarks.append(
                f"{vendor.env} is set, but {vendor.title} hosts models of many makers; "
                f"name those you want: providers: [{{name: {vendor.type}, api_key: ${{{vendor.env}}}, "
                "models: [...]}]"
            )
    providers.append(Provider(name="echo", models=list(CATALOG["echo"].prefixes)))
    return providers, remarks


def filled(provider: Provider, env: Mapping[str, str]) -> Provider:
    """The provider with what its cloud's own variables say and it does not."""
    hosting = provider.hosting or hostings(provider.type or provider.name)[0]
    changes: dict[str, str] = {}
    for key, variables in _FILLED.get(hosting, {}).items():
        values = [value for variable in variables if (value := env.get(variable.name, "").strip())]
        if values and getattr(provider, key) is None:
            changes[key] = values[0]
    return provider.model_copy(update=changes) if changes else provider


def _provider(vendor: Vendor, value: str) -> Provider:
    models = list(vendor.prefixes)
    if vendor.env_is_host:
        return Provider(name=vendor.type, base_url=host_url(value), models=models)
    return Provider(name=vendor.type, api_key=Secret(value), models=models)


def host_url(value: str) -> str:
    """The base URL of an OLLAMA_HOST: scheme, host and port are each optional (ollama's envconfig/config.go).

    0.0.0.0 and [::] are where a server listens; a client calls the loopback.
    """
    scheme, _, rest = value.rpartition("://")
    authority = rest.split("/", 1)[0]
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        host, port = authority, ""
    default_port = {"http": "80", "https": "443"}.get(scheme, str(_OLLAMA_PORT))
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - not bound
    return f"{scheme or 'http'}://{host}:{port or default_port}/v1"
