"""Who hosts a vendor's models, where that is, and how one gets in: facts as data.

Invariant: the first hosting of a type is its default, the first way in of a hosting too; nothing here is
imported from a cloud's library. Addresses are those of each cloud's own pages:
docs.aws.amazon.com/general/latest/gr/bedrock.html,
cloud.google.com/vertex-ai/generative-ai/docs/learn/locations,
learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle.
"""

from __future__ import annotations

from typing import NamedTuple

DIRECT = "direct"
AZURE = "azure"
VERTEX = "vertex"
BEDROCK = "bedrock"

HOSTINGS: dict[str, tuple[str, ...]] = {
    "openai": (DIRECT, AZURE),
    "anthropic": (DIRECT, BEDROCK, VERTEX),
    "gemini": (DIRECT, VERTEX),
    "azure": (AZURE,),
    "vertex": (VERTEX,),
    "bedrock": (BEDROCK,),
}
"""By type, who may host it; a type that is not here is at its own address alone."""


class Hosting(NamedTuple):
    """What a cloud wants to know and how it wants to be asked.

    `auths` are the ways in; `auth_header` and `auth_scheme` carry an API key, where it takes one.
    """

    auths: tuple[str, ...]
    keys: tuple[str, ...] = ()
    auth_header: str | None = None
    auth_scheme: str = ""


CLOUDS: dict[str, Hosting] = {
    DIRECT: Hosting(("api_key",)),
    AZURE: Hosting(("api_key", "azure_entra"), ("api_version",), "api-key"),
    VERTEX: Hosting(("gcp_oauth",), ("region", "project")),
    BEDROCK: Hosting(("aws_sigv4", "api_key"), ("region",), "Authorization", "Bearer "),
}
"""By hosting; `keys` are those of a provider that mean something there."""


class Auth(NamedTuple):
    """A way in that needs a library: the extra that brings it, and the module to look for."""

    extra: str
    module: str
    parameters: tuple[str, ...]


AUTHS: dict[str, Auth] = {
    "aws_sigv4": Auth("aws", "botocore", ("profile",)),
    "gcp_oauth": Auth("gcp", "google.auth", ("credentials_file",)),
    "azure_entra": Auth("azure", "azure.identity", ("tenant_id", "client_id", "client_secret", "scope")),
}
"""By `auth.type`; `parameters` are the keys of `auth` that mean something to it."""

# Vertex serves these from several regions of one part of the world.
_VERTEX_WIDE = {
    "global": "aiplatform.googleapis.com",
    "us": "aiplatform.us.rep.googleapis.com",
    "eu": "aiplatform.eu.rep.googleapis.com",
}


def hostings(type_: str) -> tuple[str, ...]:
    """Who may host a type, its default first."""
    return HOSTINGS.get(type_, (DIRECT,))


def base_url(hosting: str, region: str) -> str | None:
    """Where a cloud answers for a region; None where each customer has an address of their own."""
    if hosting == BEDROCK:
        suffix = ".cn" if region.startswith("cn-") else ""
        return f"https://bedrock-runtime.{region}.amazonaws.com{suffix}"
    if hosting == VERTEX:
        return f"https://{_VERTEX_WIDE.get(region, f'{region}-aiplatform.googleapis.com')}"
    return None
