"""The document: exactly the keys that do something, each with its description and default.

Invariant: a key is here only when the compiler uses it; `docs/reference/configuration.md` and the JSON Schema
are generated from these models, so a description here is the one place where a key is explained.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from headgate.config.fields import Duration, Flag, Instant, Limit, Listen, Name, Section, Size, Workers
from headgate.config.secrets import Secret
from headgate.config.values import Address

Role = Literal["admin", "member", "viewer", "service_account"]


class Server(Section):
    """The listener for applications."""

    listen: Listen = Address("127.0.0.1", 8080)
    """Address and port for applications."""
    workers: Workers = 0
    """Worker processes; `auto` is one per core that this process may use. macOS always runs one."""
    max_body: Size = 32 << 20
    """The largest request body; a larger one is answered 413."""
    header_timeout: Duration = 10.0
    """How long a client may take to send the head of a request."""
    body_timeout: Duration = 60.0
    """How long a client may take to send the body of a request."""
    idle_timeout: Duration = 120.0
    """How long a connection is kept open between requests."""
    shutdown_timeout: Duration = 30.0
    """How long requests in flight may take to finish when Headgate is stopped."""


class Control(Section):
    """The listener for operators: metrics and administration."""

    listen: Listen = Address("127.0.0.1", 8081)
    """Address and port for operators; keep it away from the public."""


class Auth(Section):
    """Keys in general, and the admin key."""

    key_prefix: Name = "gnd_"
    """What keys made by `headgate keys create` begin with."""
    admin_key: Secret | None = None
    """The admin key, at least 16 bytes. When it is absent, HEADGATE_ADMIN_KEY is used, else a key is made at
    the first start, printed once, and only its hash is kept."""


class RateLimits(Section):
    """Limits of keys that name none of their own; 0 is unlimited."""

    default_rpm: Limit = 60
    """Requests per minute and key."""
    default_tpm: Limit = 100_000
    """Tokens per minute and key, prompt and completion together."""


class Cache(Section):
    """The memory cache for deterministic requests (temperature up to 0.3, or a seed)."""

    enabled: Flag = True
    """Whether answers are kept."""
    max_bytes: Size = 256 << 20
    """Memory for the cache on this host, divided by its workers."""
    default_ttl: Duration = 300.0
    """How long an answer is kept when its route does not say."""


class Timeouts(Section):
    """Deadlines by phase of a call to a provider."""

    connect: Duration = 5.0
    """Until the connection stands, TLS included."""
    first_byte: Duration = 60.0
    """From the request's last byte to the answer's first byte."""
    first_token: Duration = 60.0
    """From the request's last byte to the first content of a stream."""
    idle: Duration = 60.0
    """Between two pieces of an answer."""
    total: Duration = 600.0
    """For the whole request, all attempts together."""


class TimeoutOverrides(Section):
    """Deadlines that differ here; absent ones are inherited."""

    connect: Duration | None = None
    """Until the connection stands, TLS included."""
    first_byte: Duration | None = None
    """From the request's last byte to the answer's first byte."""
    first_token: Duration | None = None
    """From the request's last byte to the first content of a stream."""
    idle: Duration | None = None
    """Between two pieces of an answer."""
    total: Duration | None = None
    """For the whole request, all attempts together."""


class Telemetry(Section):
    """What is logged."""

    access_log: Literal["json", "text", "none"] = "json"
    """One line per request on standard output: `json`, `text` or `none`."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important messages that are logged."""


class ProviderAuth(Section):
    """How one gets in at a cloud; each key belongs to one `type`."""

    type: Literal["api_key", "azure_entra", "gcp_oauth", "aws_sigv4"] | None = None
    """`api_key` sends the provider's `api_key`; the others fetch a credential and renew it: `azure_entra` by
    Entra ID, `gcp_oauth` by Application Default Credentials, `aws_sigv4` by the AWS SDK's chain. When absent:
    `gcp_oauth` on vertex; `aws_sigv4` on bedrock unless there is an `api_key`; else `api_key`."""
    profile: Name | None = None
    """aws_sigv4: the profile of AWS's own configuration files; AWS_PROFILE or `default` when absent."""
    credentials_file: str | None = None
    """gcp_oauth: a service account's key or a workload identity's configuration, relative to this file; when
    absent, what Application Default Credentials find."""
    tenant_id: Name | None = None
    """azure_entra: the tenant of the application whose `client_secret` is given."""
    client_id: Name | None = None
    """azure_entra: that application, or the managed or workload identity that is meant."""
    client_secret: Secret | None = None
    """azure_entra: the application's secret; without one, what azure-identity's default chain finds."""
    scope: Name | None = None
    """azure_entra: what the token is for; https://cognitiveservices.azure.com/.default when absent."""


class Provider(Section):
    """Somewhere that answers requests."""

    name: Name
    """What routes and metrics call it."""
    type: Name | None = None
    """What it is, a type of the catalogue below; the name when absent."""
    base_url: str | None = Field(default=None, json_schema_extra={"examples": ["https://api.openai.com/v1"]})
    """Where its API begins, without the endpoint; the type's own address when absent."""
    api_key: Secret | None = None
    """The credential, sent the way the type wants it."""
    hosting: Literal["direct", "azure", "vertex", "bedrock"] | None = None
    """Who runs the models; `direct`, the default, is the vendor itself. `openai` may be on `azure`,
    `anthropic` on `bedrock` or `vertex`, `gemini` on `vertex`; the types `azure`, `vertex` and `bedrock`
    say so themselves."""
    region: Name | None = None
    """bedrock, vertex: where the models run; it makes the address. AWS_REGION, AWS_DEFAULT_REGION or
    GOOGLE_CLOUD_LOCATION when absent."""
    project: Name | None = None
    """vertex: the Google Cloud project; GOOGLE_CLOUD_PROJECT when absent."""
    api_version: Name | None = None
    """azure: the version of the API with deployments in its paths, such as 2024-10-21; the v1 API when
    absent."""
    auth: ProviderAuth = ProviderAuth()
    """How one gets in at a cloud."""
    models: list[Name] | None = None
    """Models that it has, names or patterns with `*`. They are served by name, but where a route has the
    same alias, that route decides."""
    headers: dict[str, Secret] = Field(default={})
    """Headers that are sent with every call; their values are kept secret."""
    timeouts: TimeoutOverrides = TimeoutOverrides()
    """Deadlines that differ for this provider."""
    dialect: Name | None = None
    """The only one of the type's dialects to speak, for models that are served in no other, such as
    `responses` at OpenAI. When absent, the caller's where the type has it, else the type's first."""
    on_unsupported: Literal["drop", "warn", "reject"] = "warn"
    """What becomes of members of a request that have no place in the provider's dialect: `drop` leaves them
    out, `warn` names them in `x-headgate-dropped` too, `reject` answers 400."""
    ca_file: str | None = None
    """Certificates to trust besides the system's, a PEM file, relative to this file."""
    enabled: Flag = True
    """Whether it is used; a disabled provider's targets are skipped."""


class Target(Section):
    """Where a route may send a request."""

    provider: Name
    """The name of a provider."""
    model: Name | None = None
    """The model's name there; the requested name when absent."""
    priority: Limit = 1
    """Lower is tried first; equal ones in the order of the file."""


class Route(Section):
    """A model name that applications use, and where its requests go."""

    model_alias: Name
    """The model name, or a pattern with `*`; the exact name wins, then the longest pattern."""
    strategy: Literal["priority"] = "priority"
    """How targets are chosen: `priority` tries them in order."""
    targets: list[Target] = Field(min_length=1)
    """Where requests may go; the next one is tried when one fails before its first content."""
    cache_ttl: Duration | None = None
    """How long answers of this route are kept; `0s` keeps none."""
    timeouts: TimeoutOverrides = TimeoutOverrides()
    """Deadlines that differ for this route; they win over the provider's."""


class Key(Section):
    """An API key."""

    name: Name
    """What logs and metrics call it."""
    key: Secret | None = None
    """The key itself, any text of at least 16 bytes. Prefer `key_hash`."""
    key_hash: str | None = Field(default=None, json_schema_extra={"pattern": r"^[0-9A-Fa-f]{64}$|\$\{"})
    """SHA-256 of the key, 64 hex digits, as `headgate keys create` prints it."""
    role: Role = "member"
    """What it may do: `admin` everything, `member` and `service_account` use models, `viewer` only look."""
    allowed_models: list[Name] | None = None
    """Models that it may use, names or patterns with `*`; all when absent."""
    rpm: Limit | None = None
    """Requests per minute; the default when absent, 0 is unlimited."""
    tpm: Limit | None = None
    """Tokens per minute; the default when absent, 0 is unlimited."""
    max_concurrency: Limit = 0
    """Requests at the same time; 0 is unlimited."""
    expires_at: Instant | None = None
    """When it ends, a date or a date and time; UTC when no offset is given."""
    blocked: Flag = False
    """Whether it is refused."""


class Document(Section):
    """The whole configuration of Headgate."""

    server: Server = Server()
    """The listener for applications."""
    control: Control = Control()
    """The listener for operators."""
    state_dir: Name = ".headgate"
    """Where Headgate keeps its state, relative to this file."""
    auth: Auth = Auth()
    """Keys in general, and the admin key."""
    rate_limits: RateLimits = RateLimits()
    """Limits of keys that name none of their own."""
    cache: Cache = Cache()
    """The memory cache."""
    timeouts: Timeouts = Timeouts()
    """Deadlines of calls to providers."""
    telemetry: Telemetry = Telemetry()
    """What is logged."""
    providers: list[Provider] | None = None
    """Who answers. When absent, provider keys in the environment make the providers, and `echo` is there."""
    routes: list[Route] = Field(default=[])
    """Model names and where they go."""
    keys: list[Key] = Field(default=[])
    """API keys, besides the admin key."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document, for editors; defaults are spelled as in a file."""
    schema = Document.model_json_schema()
    definitions: dict[str, dict[str, Any]] = {**schema["$defs"], "Document": schema}
    for model in Section.__subclasses__():
        optional = {name for name, field in model.model_fields.items() if not field.is_required()}
        spelled = model.model_construct().model_dump(mode="json", include=optional)
        for name, field in definitions[model.__name__]["properties"].items():
            field.pop("default", None)
            if spelled.get(name) is not None:
                field["default"] = spelled[name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Headgate configuration",
    }
