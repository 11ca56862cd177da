"""Entra ID tokens by azure-identity: an application's secret, or its default chain.

Invariant: each fetch asks anew; nothing is asked of a person.
Source: learn.microsoft.com/python/api/azure-identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure.identity import ClientSecretCredential, DefaultAzureCredential

from headgate.control.credentials.fetched import Fetched

if TYPE_CHECKING:
    from headgate.config.runtime import CredentialSpec

_SCOPE = "https://cognitiveservices.azure.com/.default"
_LIMITS = {"connection_timeout": 10, "read_timeout": 10, "retry_total": 0}


def fetch(spec: CredentialSpec) -> Fetched:
    """The token of now; azure-identity throws errors of its own."""
    with _credential(spec) as found:
        token = found.get_token(spec.get("scope") or _SCOPE)
    return Fetched({"token": token.token}, float(token.expires_on))


def _credential(spec: CredentialSpec) -> ClientSecretCredential | DefaultAzureCredential:
    tenant, client, secret = (spec.get(name) for name in ("tenant_id", "client_id", "client_secret"))
    if tenant and client and secret:
        return ClientSecretCredential(tenant, client, secret, **_LIMITS)
    # The same id names a managed identity and a workload identity; the chain uses that which there is.
    chosen = {"managed_identity_client_id": client, "workload_identity_client_id": client} if client else {}
    return DefaultAzureCredential(exclude_developer_cli_credential=True, **chosen, **_LIMITS)
