"""What clouds hand out, in the words of each of them: tokens and keys, and where one asks for them.

Invariant: an answer here is as the cloud's own page has it; who asks for it, and with what, is in
`Cloud.asked`.
Source: developers.google.com/identity/protocols/oauth2/service-account,
cloud.google.com/compute/docs/metadata/querying-metadata,
docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html,
learn.microsoft.com/azure/app-service/overview-managed-identity.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from support.cloud import Cloud

GOOGLE_TOKEN = "POST /token"
AWS_KEYS = "GET /keys"
AZURE_TOKEN = "GET /msi"
_ACCOUNT = "GET /computeMetadata/v1/instance/service-accounts/default/"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@cache
def key() -> rsa.RSAPrivateKey:
    """A service account's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def service_account(token_uri: str) -> dict[str, str]:
    """The file that Google's console makes."""
    pem = key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": "gateway@p.iam.gserviceaccount.com",
        "token_uri": token_uri,
    }


def google_token(token: str, lifetime_s: int = 3600) -> tuple[int, str]:
    """An access token, as the token endpoint and the metadata server answer."""
    return 200, json.dumps({"access_token": token, "expires_in": lifetime_s, "token_type": "Bearer"})


def aws_keys(access_key: str, secret_key: str, session: str, lifetime_s: int = 3600) -> tuple[int, str]:
    """Keys, as a container's endpoint answers."""
    until = datetime.fromtimestamp(time.time() + lifetime_s, UTC)
    keys = {"AccessKeyId": access_key, "SecretAccessKey": secret_key, "Token": session}
    return 200, json.dumps(keys | {"Expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ")})


def azure_token(token: str, lifetime_s: int = 3600) -> tuple[int, str]:
    """A machine's token, as App Service answers."""
    until = str(int(time.time()) + lifetime_s)
    answer = {"access_token": token, "expires_on": until, "resource": "r", "token_type": "Bearer"}
    return 200, json.dumps(answer)


def google_machine(here: Cloud, token: str) -> dict[str, str]:
    """Make `here` a machine's metadata server too; the variables that lead to it."""
    here.headers["metadata-flavor"] = "Google"
    here.answers["GET /"] = (200, "")
    here.answers["GET /computeMetadata/v1/project/project-id"] = (200, "p")
    here.answers[_ACCOUNT] = (200, json.dumps({"email": "a@b", "scopes": [_SCOPE], "aliases": []}))
    here.answers[f"{_ACCOUNT}token"] = google_token(token)
    host = f"127.0.0.1:{here.port}"
    return {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host, "NO_GCE_CHECK": "false"}


def aws_container(here: Cloud, keys: tuple[int, str]) -> dict[str, str]:
    """Make `here` a container's endpoint too; the variables that lead to it."""
    here.answers[AWS_KEYS] = keys
    uri = here.url + AWS_KEYS.removeprefix("GET ")
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "let me in"}


def azure_machine(here: Cloud, token: tuple[int, str]) -> dict[str, str]:
    """Make `here` a machine's identity endpoint too; the variables that lead to it."""
    here.answers[AZURE_TOKEN] = token
    uri = here.url + AZURE_TOKEN.removeprefix("GET ")
    return {"IDENTITY_ENDPOINT": uri, "IDENTITY_HEADER": "let me in"}
