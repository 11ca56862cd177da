"""Providers of the document to providers that can be called.

Invariant: each compiled header is legal in HTTP/1.1 (RFC 9110, section 5.5) and none of them steers the
connection; no message repeats a header's value, a key or a URL's credentials.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import NamedTuple
from urllib.parse import urlsplit

from headgate.config import runtime, schema
from headgate.config.compile_hosting import hosted
from headgate.config.findings import Findings
from headgate.config.problems import Path, did_you_mean
from headgate.providers.catalog import CATALOG, Vendor
from headgate.providers.hosting import AZURE, CLOUDS, hostings

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]+")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*")
_OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NO_ADDRESS_ON_AZURE = " on azure; name https://RESOURCE.openai.azure.com, or set AZURE_OPENAI_ENDPOINT"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ENDPOINTS = ("/chat/completions", "/completions", "/embeddings", "/models", "/responses", "/messages")


class Endpoint(NamedTuple):
    """Where a base URL points."""

    tls: bool
    host: str
    port: int
    base_path: str


def provider(
    document: schema.Provider,
    path: Path,
    timeouts: runtime.Timeouts,
    config_dir: FilePath,
    findings: Findings,
) -> runtime.Provider | None:
    """One provider, or None with the problems noted."""
    vendor = _vendor(document, path, findings)
    if vendor is None:
        return None
    place = hosted(document, vendor, path, config_dir, findings)
    if place is None:
        return None
    vendor = place.vendor
    if vendor.kind == "echo":
        endpoint: Endpoint | None = _echo(document, path, findings)
    else:
        endpoint = _endpoint(document.base_url or vendor.base_url, path, vendor, findings)
    headers = _headers(document, vendor, path, findings)
    ca_file = _ca_file(document.ca_file, path, config_dir, findings)
    if endpoint is None:
        return None
    if ca_file and not endpoint.tls:
        findings.problem((*path, "ca_file"), "does nothing: base_url is not https")
    return runtime.Provider(
        name=document.name,
        type=vendor.type,
        kind=vendor.kind,
        tls=endpoint.tls,
        host=endpoint.host,
        port=endpoint.port,
        base_path=_without_api(endpoint.base_path) if place.hosting == AZURE else endpoint.base_path,
        headers=headers,
        ca_file=ca_file,
        timeouts=overridden(timeouts, document.timeouts),
        models=tuple(dict.fromkeys(_models(document, vendor))),
        dialects=_dialects(document, vendor, path, findings),
        quirks=vendor.quirks,
        lacks=vendor.lacks,
        on_unsupported=document.on_unsupported,
        hosting=place.hosting,
        region=document.region,
        project=document.project,
        api_version=document.api_version,
        credential=place.credential,
        usual=tuple(name for name, _ in vendor.headers if not _says(document, name)),
    )


def _says(document: schema.Provider, name: str) -> bool:
    return any(told.lower() == name for told in document.headers)


def _dialects(document: schema.Provider, vendor: Vendor, path: Path, findings: Findings) -> tuple[str, ...]:
    wanted = document.dialect
    if wanted is None:
        return vendor.dialects
    if wanted not in vendor.dialects:
        known = ", ".join(vendor.dialects)
        findings.problem(
            (*path, "dialect"), f'"{wanted}" is not spoken by type "{vendor.type}"; it has: {known}'
        )
    return (wanted,)


def _without_api(base_path: str) -> str:
    """Azure's pages show addresses with and without the API's own path."""
    return base_path.removesuffix("/v1").removesuffix("/openai")


def _models(document: schema.Provider, vendor: Vendor) -> Sequence[str]:
    if document.models is None and vendor.kind == "echo":
        return vendor.prefixes
    return document.models or ()


def overridden(base: runtime.Timeouts, changes: schema.TimeoutOverrides) -> runtime.Timeouts:
    """The deadlines with what a section says differently."""

    def pick(change: float | None, inherited: float) -> float:
        return inherited if change is None else change

    return runtime.Timeouts(
        connect_s=pick(changes.connect, base.connect_s),
        first_byte_s=pick(changes.first_byte, base.first_byte_s),
        first_token_s=pick(changes.first_token, base.first_token_s),
        idle_s=pick(changes.idle, base.idle_s),
        total_s=pick(changes.total, base.total_s),
    )


def _vendor(document: schema.Provider, path: Path, findings: Findings) -> Vendor | None:
    name = document.type or document.name
    if name in CATALOG:
        return CATALOG[name]
    here = (*path, "type" if document.type else "name")
    if document.type:
        findings.problem(here, f'no such provider type "{name}"{did_you_mean(name, CATALOG)}')
    else:
        findings.problem(
            here,
            f'"{name}" is no provider type{did_you_mean(name, CATALOG)}; add type: openai_compatible with a '
            "base_url, or a type of the catalogue (docs/providers.md)",
        )
    return None


def _echo(document: schema.Provider, path: Path, findings: Findings) -> Endpoint:
    for key in ("base_url", "api_key", "headers", "ca_file"):
        if getattr(document, key):
            findings.problem((*path, key), "does nothing: echo is built in and calls nobody")
    return Endpoint(tls=False, host="", port=0, base_path="")


def _endpoint(base_url: str | None, path: Path, vendor: Vendor, findings: Findings) -> Endpoint | None:
    here = (*path, "base_url")
    if base_url is None:
        hint = _NO_ADDRESS_ON_AZURE if AZURE in hostings(vendor.type) else ""
        findings.problem(here, f'is missing: type "{vendor.type}" has no address of its own{hint}')
        return None
    try:
        endpoint, fault = _split(base_url)
    except ValueError:
        endpoint, fault = None, "is no URL such as https://api.example.com/v1"
    if fault:
        findings.problem(here, fault)
        return None
    if endpoint is not None and not endpoint.base_path and vendor.dialect != "openai" and vendor.base_url:
        # Where a dialect has one root, its SDKs take the bare host for an address, and so do we.
        return endpoint._replace(base_path=urlsplit(vendor.base_url).path)
    return endpoint


def _split(base_url: str) -> tuple[Endpoint | None, str | None]:
    """The endpoint, or what is wrong with the URL; ValueError when it is none at all."""
    if not base_url.isprintable() or " " in base_url:
        # The parser would drop line breaks silently.
        return None, "holds blanks or control characters"
    parts = urlsplit(base_url)
    base_path = parts.path.rstrip("/")
    host = parts.hostname or ""
    port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme, 0)
    faults = (
        (parts.scheme not in _DEFAULT_PORTS, "must begin with https:// or http://"),
        ("@" in parts.netloc, "must hold no user or password; use api_key or headers"),
        (
            bool(parts.query or parts.fragment) or base_url.endswith(("?", "#")),
            "must hold no query and no fragment",
        ),
        (not _HOST.fullmatch(host), "names no host"),
        (port == 0, "names port 0"),
        (not _PATH.fullmatch(base_path), "has a path with signs that are not allowed in a URL"),
        (base_path.endswith(_ENDPOINTS), "must end before the endpoint, for example at /v1"),
    )
    fault = next((words for found, words in faults if found), None)
    return None if fault else Endpoint(parts.scheme == "https", host, port, base_path), fault


def _headers(
    document: schema.Provider, vendor: Vendor, path: Path, findings: Findings
) -> tuple[tuple[str, str], ...]:
    headers: dict[str, tuple[str, str]] = {}
    if document.api_key is not None:
        key = document.api_key.reveal()
        if not _HEADER_VALUE.fullmatch(key) or " " in key:
            findings.problem(
                (*path, "api_key"), "is empty or holds blanks or signs that a header cannot carry"
            )
        headers[vendor.auth_header.lower()] = (vendor.auth_header, vendor.auth_scheme + key)
    elif vendor.needs_key and not any(
        name.lower() == vendor.auth_header.lower() for name in document.headers
    ):
        entra = (
            " (or set auth.type to azure_entra)" if vendor.auth_header == CLOUDS[AZURE].auth_header else ""
        )
        findings.warn(path, f"has no api_key; {vendor.title} will refuse its requests{entra}")
    for name, secret in document.headers.items():
        here = (*path, "headers", name)
        if not _TOKEN.fullmatch(name):
            findings.problem(here, "is no header name")
        elif name.lower() in _OURS or name.lower().startswith("x-headgate-"):
            findings.problem(here, "is set by Headgate itself")
        elif name.lower() in headers:
            findings.problem(
                here, "is set twice (api_key sets one too)" if document.api_key else "is set twice"
            )
        if not _HEADER_VALUE.fullmatch(secret.reveal()):
            findings.problem(here, "is empty or holds signs that a header cannot carry")
        headers[name.lower()] = (name, secret.reveal())
    for name, value in vendor.headers:
        headers.setdefault(name.lower(), (name, value))
    return tuple(headers.values())


def _ca_file(name: str | None, path: Path, config_dir: FilePath, findings: Findings) -> str | None:
    if name is None:
        return None
    here = (*path, "ca_file")
    file = config_dir / name
    try:
        pem = b"-----BEGIN CERTIFICATE-----" in file.read_bytes()
    except (OSError, ValueError) as error:
        findings.problem(here, f"cannot be read: {getattr(error, 'strerror', None) or 'not a file name'}")
        return None
    if not pem:
        findings.problem(here, "holds no PEM certificate")
    return str(file)
