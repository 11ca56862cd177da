"""Who hosts a provider's models, and how one gets in there.

Invariant: what is returned fits together (the cloud hosts the type, the way in is one of the cloud's, what it
needs is there); no message repeats a secret. Whether a library is installed is looked up, never imported.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path as FilePath
from typing import NamedTuple

from headgate.config import schema
from headgate.config.findings import Findings
from headgate.config.problems import Path
from headgate.config.runtime import CredentialSpec
from headgate.providers.catalog import Vendor
from headgate.providers.hosting import AUTHS, BEDROCK, CLOUDS, DIRECT, base_url, hostings

_API_KEY = "api_key"
_WHERE = {
    "region": (re.compile(r"[a-z0-9-]{1,40}"), "is no region's name"),
    "project": (re.compile(r"[a-z0-9.:-]{1,100}"), "is no project's id"),
    "api_version": (re.compile(r"[A-Za-z0-9.-]{1,40}"), "is no version such as 2024-10-21"),
}
_MISSING = {
    ("bedrock", "region"): "is missing: name one, such as eu-central-1, or set AWS_REGION",
    (
        "vertex",
        "region",
    ): "is missing: name one, such as europe-west1 or global, or set GOOGLE_CLOUD_LOCATION",
    ("vertex", "project"): "is missing: name one, or set GOOGLE_CLOUD_PROJECT",
}


class Hosted(NamedTuple):
    """Where a provider is; `vendor` is its row with what the hosting changes."""

    hosting: str
    vendor: Vendor
    credential: CredentialSpec | None


def hosted(
    document: schema.Provider, vendor: Vendor, path: Path, config_dir: FilePath, findings: Findings
) -> Hosted | None:
    """Where a provider is, or None with the problem noted."""
    possible = hostings(vendor.type)
    hosting = document.hosting or possible[0]
    if hosting not in possible:
        findings.problem(
            (*path, "hosting"),
            f'"{hosting}" does not host type {vendor.type}; it has {" or ".join(possible)}',
        )
        return None
    region = _checked(document, hosting, path, findings)
    auth = _auth(document, hosting, path, findings)
    if auth is None:
        return None
    credential = None if auth == _API_KEY else _credential(document, auth, path, config_dir, findings)
    if hosting != DIRECT:
        vendor = vendor._replace(
            base_url=base_url(hosting, region),
            auth_header=CLOUDS[hosting].auth_header or vendor.auth_header,
            auth_scheme=CLOUDS[hosting].auth_scheme,
            needs_key=auth == _API_KEY,
            # A version of the vendor's own API means nothing there.
            headers=(),
        )
    if credential is not None and document.enabled:
        _check_installed(document, auth, path, findings)
    return Hosted(hosting, vendor, credential)


def _checked(document: schema.Provider, hosting: str, path: Path, findings: Findings) -> str:
    """Look at the keys that say where the models are; a region, the document's if that is one."""
    region = "unknown"
    for key, (form, fault) in _WHERE.items():
        value: str | None = getattr(document, key)
        if value is None:
            if message := _MISSING.get((hosting, key)):
                findings.problem((*path, key), message)
        elif key not in CLOUDS[hosting].keys:
            findings.problem((*path, key), f"does nothing: hosting is {hosting}")
        elif not form.fullmatch(value):
            findings.problem((*path, key), fault)
        elif key == "region":
            region = value
    return region


def _auth(document: schema.Provider, hosting: str, path: Path, findings: Findings) -> str | None:
    """The way in; None when the cloud has no such."""
    possible = CLOUDS[hosting].auths
    here = (*path, "auth")
    auth: str | None = document.auth.type
    if auth is None:
        auth = _API_KEY if hosting == BEDROCK and document.api_key else possible[0]
    elif auth not in possible:
        findings.problem((*here, "type"), f"is not taken by {hosting}; it takes {' or '.join(possible)}")
        return None
    known = AUTHS[auth].parameters if auth in AUTHS else ()
    for key in schema.ProviderAuth.model_fields:
        if key != "type" and key not in known and getattr(document.auth, key) is not None:
            findings.problem((*here, key), f"does nothing: the type is {auth}")
    if auth != _API_KEY:
        _check_no_other_way(document, auth, path, findings)
    return auth


def _check_no_other_way(document: schema.Provider, auth: str, path: Path, findings: Findings) -> None:
    """A fetched credential is the only one that is sent."""
    if document.api_key is not None:
        findings.problem((*path, _API_KEY), f"does nothing: auth.type is {auth}")
    for name in document.headers:
        if name.lower() == "authorization":
            findings.problem((*path, "headers", name), f"is set by auth.type {auth}")


def _credential(
    document: schema.Provider, auth: str, path: Path, config_dir: FilePath, findings: Findings
) -> CredentialSpec:
    """What the way in needs to be gone."""
    here = (*path, "auth")
    said = document.auth
    if said.client_secret is not None:
        for key in ("tenant_id", "client_id"):
            if getattr(said, key) is None:
                findings.problem((*here, key), "is missing: client_secret belongs to an application")
    elif said.tenant_id is not None:
        findings.problem((*here, "tenant_id"), "does nothing without client_secret")
    file = None
    if said.credentials_file is not None:
        file = config_dir / said.credentials_file
        if document.enabled:
            _check_file(file, (*here, "credentials_file"), findings)
    parameters = {
        "profile": said.profile,
        "credentials_file": str(file) if file else None,
        "tenant_id": said.tenant_id,
        "client_id": said.client_id,
        "client_secret": said.client_secret.reveal() if said.client_secret else None,
        "scope": said.scope,
    }
    return CredentialSpec(auth, tuple((name, value) for name, value in parameters.items() if value))


def _check_file(file: FilePath, here: Path, findings: Findings) -> None:
    try:
        file.read_bytes()
    except (OSError, ValueError) as error:
        findings.problem(here, f"cannot be read: {getattr(error, 'strerror', None) or 'not a file name'}")


def _check_installed(document: schema.Provider, auth: str, path: Path, findings: Findings) -> None:
    needed = AUTHS[auth]
    if installed(needed.module):
        return
    said = next((key for key in ("hosting", "type") if getattr(document, key)), "name")
    here = (*path, "auth", "type") if document.auth.type else (*path, said)
    findings.problem(here, f"needs {needed.module}: pip install 'headgate[{needed.extra}]'")


def installed(module: str) -> bool:
    """Whether a module could be imported; packages above it are, it is not."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
