"""The compiled configuration: frozen, numbered, swapped whole.

Invariant: nothing here is changed after it was built; a reload builds a new `Runtime` with a higher
generation. Control compiles it, writes it as JSON (mode 0600) and every worker reads the same bytes (RULINGS
7).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag


class Permission(IntFlag):
    """What a key may do (SPEC D)."""

    USE_MODELS = 1
    MANAGE_OWN_KEYS = 2
    VIEW_OWN_USAGE = 4
    VIEW_ALL_USAGE = 8
    MANAGE_ALL_KEYS = 16
    MANAGE_PROVIDERS = 32
    MANAGE_ROUTES = 64
    MANAGE_ORGS = 128


ROLES: dict[str, Permission] = {
    "admin": Permission(255),
    "member": Permission.USE_MODELS | Permission.MANAGE_OWN_KEYS | Permission.VIEW_OWN_USAGE,
    "viewer": Permission.VIEW_OWN_USAGE | Permission.VIEW_ALL_USAGE,
    "service_account": Permission.USE_MODELS,
}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines of one attempt by phase, in seconds; `total_s` covers all attempts of a request."""

    connect_s: float = 5.0
    first_byte_s: float = 60.0
    first_token_s: float = 60.0
    idle_s: float = 60.0
    total_s: float = 600.0


@dataclass(frozen=True, slots=True)
class CredentialSpec:
    """A credential that must be fetched and renewed.

    `kind` is `aws_sigv4`, `gcp_oauth` or `azure_entra`; `parameters` are what its `auth` section says.
    """

    kind: str
    parameters: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def get(self, name: str) -> str | None:
        """A parameter, if it was given."""
        return dict(self.parameters).get(name)


@dataclass(frozen=True, slots=True)
class Provider:
    """One upstream, ready to be called.

    `headers` holds the credential and the configured headers as they are sent, all but what `credential`
    brings; `kind` is `http` or `echo`; `hosting` is `direct`, `azure`, `vertex` or `bedrock`. `dialects` are
    what it speaks, the one to translate to first; `quirks` and `lacks` are where its form of it is smaller,
    by names of the core and labels of endpoints. `on_unsupported` is what becomes of what has no place in its
    dialect. `usual` names the headers that are the vendor's row's, because nobody configured others: what a
    caller asks for may take their place.
    """

    name: str
    type: str
    kind: str
    tls: bool
    host: str
    port: int
    base_path: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    ca_file: str | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    models: tuple[str, ...] = ()
    dialects: tuple[str, ...] = ("openai",)
    quirks: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    on_unsupported: str = "warn"
    hosting: str = "direct"
    region: str | None = None
    project: str | None = None
    api_version: str | None = None
    credential: CredentialSpec | None = None
    usual: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """Where a route may send a request; `model` None keeps the requested name.

    `timeouts` are the global ones, changed by the provider's and then by the route's.
    """

    provider: str
    model: str | None
    priority: int
    timeouts: Timeouts = field(default_factory=Timeouts)


@dataclass(frozen=True, slots=True)
class Route:
    """An alias (exact, or a pattern with `*`) and its targets in the order they are tried."""

    alias: str
    targets: tuple[Target, ...]
    timeouts: Timeouts
    cache_ttl_s: float | None
    owned_by: str


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as workers know it: the SHA-256, never the text.

    A limit of 0 is unlimited. `account` is the key's slot in the ledger.
    """

    name: str
    digest: str
    preview: str
    role: str
    account: int
    allowed_models: tuple[str, ...]
    rpm: int
    tpm: int
    max_concurrency: int
    expires_at: float | None
    blocked: bool


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The data-plane listener and its limits."""

    host: str
    port: int
    workers: int
    max_body_bytes: int
    header_timeout_s: float
    body_timeout_s: float
    idle_timeout_s: float
    shutdown_timeout_s: float


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """The memory cache; `max_bytes` is for the host and divided by its workers (RULINGS 15)."""

    enabled: bool
    max_bytes: int
    default_ttl_s: float


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What is logged; `access_log` is json, text or none."""

    access_log: str
    log_level: str


@dataclass(frozen=True, slots=True)
class Runtime:
    """Everything a worker needs to serve, at one generation."""

    generation: int
    server: ServerSettings
    control_host: str
    control_port: int
    state_dir: str
    keys: tuple[Key, ...]
    providers: tuple[Provider, ...]
    routes: tuple[Route, ...]
    cache: CacheSettings
    telemetry: Telemetry
