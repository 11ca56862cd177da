"""Google access tokens by google-auth: a file, or Application Default Credentials.

Invariant: a configured file is one of the kinds below, which run no command; all requests end in time.
Source: cloud.google.com/docs/authentication/application-default-credentials.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google.auth
from google.auth import aws, exceptions, identity_pool, transport
from google.oauth2 import credentials as user
from google.oauth2 import service_account

from headgate.control.credentials.fetched import CredentialError, Fetched

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message

    from headgate.config.runtime import CredentialSpec

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_TIMEOUT_S = 10.0


class _Response(transport.Response):
    """An answer, as google-auth looks at it."""

    def __init__(self, status: int, headers: Message[str, str], data: bytes) -> None:
        self._parts = (status, headers, data)

    @property
    def status(self) -> int:
        """The status code."""
        return self._parts[0]

    @property
    def headers(self) -> Message[str, str]:
        """The header fields, whose names have no case."""
        return self._parts[1]

    @property
    def data(self) -> bytes:
        """The body."""
        return self._parts[2]


class Request(transport.Request):
    """What google-auth calls out with: its own would need a library more."""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: object,
    ) -> _Response:
        """Ask, and give the answer whatever its status.

        Raises:
            TransportError: there was none.
        """
        request = urllib.request.Request(url, body, dict(headers or {}), method=method)  # noqa: S310  google-auth's
        try:
            with urllib.request.urlopen(request, timeout=min(timeout or _TIMEOUT_S, _TIMEOUT_S)) as answer:  # noqa: S310
                return _Response(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return _Response(refusal.code, refusal.headers, refusal.read())
        except OSError as error:
            raise exceptions.TransportError(error) from error


def fetch(spec: CredentialSpec) -> Fetched:
    """The token of now.

    Raises:
        CredentialError: the file is of no kind that is taken. google-auth throws errors of its own.
    """
    file = spec.get("credentials_file")
    found = _of_file(Path(file)) if file else google.auth.default(scopes=_SCOPES, request=Request())[0]
    found.refresh(Request())
    if not found.token:
        raise CredentialError("Google gave no token")
    # google-auth's times have no zone and are in UTC.
    return Fetched(
        {"token": found.token}, found.expiry.replace(tzinfo=UTC).timestamp() if found.expiry else None
    )


def _of_file(file: Path) -> Any:  # noqa: ANN401  google-auth's classes have no common type for this
    info = json.loads(file.read_bytes())
    kind = info.get("type") if isinstance(info, dict) else None
    if kind == "service_account":
        return service_account.Credentials.from_service_account_info(info, scopes=_SCOPES)
    if kind == "authorized_user":
        return user.Credentials.from_authorized_user_info(info, scopes=_SCOPES)
    if kind == "external_account":
        source = info.get("credential_source", {})
        if "executable" in source:
            raise CredentialError("a workload identity that runs a command is not taken")
        if str(source.get("environment_id", "")).startswith("aws"):
            return aws.Credentials.from_info(info, scopes=_SCOPES)
        return identity_pool.Credentials.from_info(info, scopes=_SCOPES)
    raise CredentialError("the file is no service account's, user's or workload identity's")
