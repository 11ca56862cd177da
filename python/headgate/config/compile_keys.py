"""Keys of the document to keys as workers know them: by digest, never by text.

Invariant: no two keys share a name or a digest, also not with the admin key; every limit is a number, 0 is
unlimited.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from headgate.config import runtime, schema
from headgate.config.accounts import AccountTable
from headgate.config.findings import Findings
from headgate.config.patterns import overlap
from headgate.config.problems import Path
from headgate.config.secrets import Secret

ADMIN = "admin"
MIN_KEY_BYTES = 16
_MINTED_SIGNS = 43
_PREVIEW_SIGNS = 12
_HEX_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")


def check_text(secret: Secret) -> str | None:
    """What is wrong with a key's text, or None."""
    text = secret.reveal()
    if len(text.encode("utf-8", "surrogatepass")) < MIN_KEY_BYTES:
        return f"must be at least {MIN_KEY_BYTES} bytes long"
    if not text.isascii() or not text.isprintable() or " " in text:
        return "must hold only visible ASCII signs, because a header carries it"
    return None


def digests(document: schema.Document, admin_digest: str | None, findings: Findings) -> list[str]:
    """The digest of each key in file order; an unusable key has an empty one, its problem noted."""
    names: dict[str, Path] = {}
    seen: dict[str, Path] = {}
    if document.auth.admin_key is not None and (fault := check_text(document.auth.admin_key)):
        findings.problem(("auth", "admin_key"), fault)
    found: list[str] = []
    for index, key in enumerate(document.keys):
        path: Path = ("keys", index)
        if key.name == ADMIN:
            findings.problem((*path, "name"), '"admin" is the name of the admin key (auth.admin_key)')
        findings.unique(names, key.name, (*path, "name"))
        digest = _digest(key, path, findings)
        first = seen.setdefault(digest, path)
        if digest and digest == admin_digest:
            findings.problem(path, "is the admin key; every key needs its own text")
        elif digest and first != path:
            findings.problem(path, f'is the same key as "{document.keys[int(first[1])].name}"')
        found.append(digest)
    return found


def keys(
    document: schema.Document,
    found: Sequence[str],
    admin_digest: str | None,
    accounts: AccountTable,
    now_s: float,
) -> tuple[runtime.Key, ...]:
    """The keys with their slots, the admin key first; only for a document without problems."""
    slots = accounts.assign([*([admin_digest] if admin_digest else []), *found], now_s)
    compiled = [_admin(admin_digest, slots[admin_digest])] if admin_digest else []
    limits = document.rate_limits
    for key, digest in zip(document.keys, found, strict=True):
        compiled.append(
            runtime.Key(
                name=key.name,
                digest=digest,
                preview=_preview(key, document.auth.key_prefix, digest),
                role=key.role,
                account=slots[digest],
                allowed_models=tuple(dict.fromkeys(key.allowed_models or ())),
                rpm=limits.default_rpm if key.rpm is None else key.rpm,
                tpm=limits.default_tpm if key.tpm is None else key.tpm,
                max_concurrency=key.max_concurrency,
                expires_at=key.expires_at,
                blocked=key.blocked,
            )
        )
    return tuple(compiled)


def check_use(
    document: schema.Document, routes: Sequence[runtime.Route], now_s: float, findings: Findings
) -> None:
    """Note what a key says in vain: models that no route has, an end in the past, no model at all."""
    for index, key in enumerate(document.keys):
        path: Path = ("keys", index)
        if key.allowed_models is not None and not key.allowed_models:
            findings.problem(
                (*path, "allowed_models"), "allows no model; leave it out to allow all, or set blocked: true"
            )
        for place, pattern in enumerate(key.allowed_models or ()):
            if not any(overlap(pattern, route.alias) for route in routes):
                findings.warn((*path, "allowed_models", place), f'"{pattern}" matches no model of any route')
        if key.expires_at is not None and key.expires_at <= now_s:
            findings.warn((*path, "expires_at"), f'the key "{key.name}" has expired')


def _admin(digest: str, account: int) -> runtime.Key:
    return runtime.Key(
        name=ADMIN,
        digest=digest,
        preview=f"sha256:{digest[:8]}",
        role="admin",
        account=account,
        allowed_models=(),
        rpm=0,
        tpm=0,
        max_concurrency=0,
        expires_at=None,
        blocked=False,
    )


def _digest(key: schema.Key, path: Path, findings: Findings) -> str:
    if (key.key is None) == (key.key_hash is None):
        findings.problem(
            path, "needs either key or key_hash" if key.key is None else "has both key and key_hash; keep one"
        )
        return ""
    if key.key is not None:
        if fault := check_text(key.key):
            findings.problem((*path, "key"), fault)
            return ""
        return key.key.digest()
    if not _HEX_DIGEST.fullmatch(key.key_hash or ""):
        findings.problem((*path, "key_hash"), "must be a SHA-256: 64 hex digits")
        return ""
    return (key.key_hash or "").lower()


def _preview(key: schema.Key, prefix: str, digest: str) -> str:
    """The first 12 signs of a key as long as a minted one; of any other text too much would be told."""
    text = key.key.reveal() if key.key else ""
    if text.startswith(prefix) and len(text) >= len(prefix) + _MINTED_SIGNS:
        return text[:_PREVIEW_SIGNS]
    return f"sha256:{digest[:8]}"
