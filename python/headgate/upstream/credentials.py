"""The handles of credentials that providers are called with; others fill them.

Invariant: a provider keeps its handle while who and where it is stays the same, so that a request that
holds one sees what is newest; nothing secret is kept here besides the handles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.core import Credential

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headgate.config.runtime import CredentialSpec, Provider

_AWS = "aws_sigv4"
_AWS_SERVICE = "bedrock"
_Identity = tuple["CredentialSpec", str | None]


class CredentialTable:
    """By provider, its handle."""

    def __init__(self) -> None:
        """Know nobody yet."""
        self._handles: dict[str, tuple[_Identity, Credential]] = {}

    def adopt(self, providers: Iterable[Provider]) -> None:
        """Have a handle for each of these that needs one, and for no other."""
        before, self._handles = self._handles, {}
        for provider in providers:
            spec = provider.credential
            if spec is None:
                continue
            identity = (spec, provider.region)
            kept = before.get(provider.name)
            if kept is None or kept[0] != identity:
                kept = (identity, _empty(spec, provider.region))
            self._handles[provider.name] = kept

    def handle(self, provider: Provider) -> Credential | None:
        """What the provider is called with; None where its headers say it all."""
        found = self._handles.get(provider.name)
        return found[1] if found else None

    def apply(self, provider: str, secret: Mapping[str, str | None], expires_ms: int | None) -> bool:
        """Fill a provider's handle; False, and nothing changes, when there is none or it does not fit."""
        found = self._handles.get(provider)
        if found is None:
            return False
        credential = found[1]
        if found[0][0].kind == _AWS:
            keys = (secret.get("access_key_id") or "", secret.get("secret_access_key") or "")
            return credential.set_keys(*keys, secret.get("session_token"), expires_ms)
        return credential.set_token(secret.get("token") or "", expires_ms)


def _empty(spec: CredentialSpec, region: str | None) -> Credential:
    return Credential.aws(region or "", _AWS_SERVICE) if spec.kind == _AWS else Credential.bearer()
