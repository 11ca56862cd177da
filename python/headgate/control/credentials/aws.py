"""AWS keys by botocore's chain: environment, profile, container, instance metadata.

Invariant: each fetch walks the chain anew, so that rotated files and roles are taken up.
Source: botocore.amazonaws.com/v1/documentation/api/latest/reference/credentials.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.session import Session

from headgate.control.credentials.fetched import CredentialError, Fetched

if TYPE_CHECKING:
    from headgate.config.runtime import CredentialSpec


def fetch(spec: CredentialSpec) -> Fetched:
    """The keys of now.

    Raises:
        CredentialError: the chain found none. What fails in it throws errors of its own.
    """
    found = Session(profile=spec.get("profile")).get_credentials()
    if found is None:
        raise CredentialError("AWS's chain of credentials found none")
    keys = found.get_frozen_credentials()
    # Only keys that end have this attribute; botocore has no public name for it.
    expiry = getattr(found, "_expiry_time", None)
    secret = {
        "access_key_id": keys.access_key,
        "secret_access_key": keys.secret_key,
        "session_token": keys.token,
    }
    return Fetched(secret, expiry.timestamp() if expiry else None)
