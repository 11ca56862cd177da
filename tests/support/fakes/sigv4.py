"""Signature Version 4 as the service checks it: computed again from what was received, and compared.

Invariant: what counts is the method, path, query, headers and body on the wire; what a caller says it
signed must have the host and the date in it.
Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from support.fakes.server import need

if TYPE_CHECKING:
    from support.upstream import Received

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, *"
    r"SignedHeaders=([a-z0-9;-]+), *Signature=([0-9a-f]{64})"
)


class Credentials(NamedTuple):
    """Whose signature is expected, and for what."""

    access_key: str
    secret_key: str
    region: str
    service: str


def verify(request: Received, credentials: Credentials) -> None:
    """Refuse a request whose signature is not right."""
    told = request.headers.get("authorization")
    need(told, "Missing Authentication Token", 403, "MissingAuthenticationTokenException")
    found = _AUTHORIZATION.fullmatch(told or "")
    need(
        found,
        "Authorization header is not in the format of AWS4-HMAC-SHA256",
        403,
        "IncompleteSignatureException",
    )
    assert found
    access, day, region, service, names, signature = found.groups()
    known = access == credentials.access_key
    need(known, "The security token included in the request is invalid.", 403, "UnrecognizedClientException")
    date = request.headers.get("x-amz-date", "")
    scope = (
        (region, service) == (credentials.region, credentials.service)
        and date.startswith(day)
        and "T" in date
    )
    need(
        scope,
        f"Credential should be scoped to a valid region and service: {region}, {service}",
        403,
        _INVALID,
    )
    signed = names.split(";")
    need(
        {"host", "x-amz-date"} <= set(signed) and signed == sorted(signed),
        "SignedHeaders is wrong",
        403,
        _INVALID,
    )
    said = request.headers.get("x-amz-content-sha256", hashlib.sha256(request.body).hexdigest())
    need(said == hashlib.sha256(request.body).hexdigest(), "The body's hash is wrong", 403, _INVALID)
    same = _signature(request, credentials, signed) == signature
    need(
        same, "The request signature we calculated does not match the signature you provided.", 403, _INVALID
    )


_INVALID = "InvalidSignatureException"


def _signature(request: Received, credentials: Credentials, signed: list[str]) -> str:
    auth = SigV4Auth(
        BotoCredentials(credentials.access_key, credentials.secret_key),
        credentials.service,
        credentials.region,
    )
    headers = {name: request.headers.get(name, "") for name in signed}
    url = f"http://{request.headers['host']}{request.path}"
    mirrored = AWSRequest(request.method, url, headers=headers, data=request.body)
    mirrored.context["timestamp"] = request.headers["x-amz-date"]
    canonical = auth.canonical_request(mirrored)
    return str(auth.signature(auth.string_to_sign(mirrored, canonical), mirrored))
