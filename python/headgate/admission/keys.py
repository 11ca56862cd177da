"""Identify the caller: bearer text to key, and what that key may do.

Invariant: only SHA-256 digests are held; the text of a key is never stored, logged or echoed.
"""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from headgate.config.runtime import ROLES, Permission
from headgate.core import Desk, KeyTable
from headgate.errors import Failure, RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.config.runtime import Key
    from headgate.core import LedgerWorker, SpoolPage

BEARER = b"bearer "
NEVER_MS = 1 << 63


class KeyRing:
    """The keys of one runtime and their native limits."""

    __slots__ = ("_indices", "_keys", "_permissions", "_table")

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = tuple(keys)
        self._table = KeyTable([key.digest for key in keys])
        self._indices = {key.name: index for index, key in enumerate(keys)}
        self._permissions = {key.name: ROLES[key.role] for key in keys}

    def identify(self, authorization: bytes | None, now_unix: float) -> Key:
        """The key behind an `Authorization` header.

        Raises:
            RequestError: 401 without a key, with an unknown or an expired one; 403 when it is blocked.
        """
        if not authorization:
            message = "No API key was given. Send it as `Authorization: Bearer <key>`."
            raise RequestError(Failure.MISSING_API_KEY, message)
        token = authorization[7:].strip() if authorization[:7].lower() == BEARER else authorization
        index = self._table.find(token)
        if index < 0:
            message = "The API key is not known here. Check it, or create one with `headgate keys create`."
            raise RequestError(Failure.INVALID_API_KEY, message)
        key = self._keys[index]
        if key.blocked:
            raise RequestError(Failure.KEY_BLOCKED, f"The key {key.name!r} is blocked.")
        if key.expires_at is not None and key.expires_at <= now_unix:
            raise RequestError(Failure.KEY_EXPIRED, f"The key {key.name!r} has expired.")
        return key

    def desk(self, ledger: LedgerWorker, page: SpoolPage) -> Desk:
        """The native desk that takes in the requests of these keys; their records go to `page`."""
        return Desk(ledger, self._table, page, [_holder(key) for key in self._keys])

    def index(self, key: Key) -> int:
        """A key's place, which is its name at the desk."""
        return self._indices[key.name]

    def require(self, key: Key, permission: Permission) -> None:
        """Refuse a key whose role lacks `permission`.

        Raises:
            RequestError: 403 insufficient_permission.
        """
        if permission not in self._permissions[key.name]:
            message = f"The role {key.role!r} of key {key.name!r} lacks the permission {permission.name}."
            raise RequestError(Failure.INSUFFICIENT_PERMISSION, message)


def _holder(key: Key) -> tuple[int, int, int, int, int]:
    """A key as the desk wants it; a blocked one has ended already."""
    until_ms = NEVER_MS if key.expires_at is None else math.ceil(key.expires_at * 1000)
    return key.account, key.rpm, key.tpm, key.max_concurrency, 0 if key.blocked else until_ms


def allows(key: Key, model: str) -> bool:
    """Whether a key may use `model`: names or patterns with `*`; none listed allows all."""
    allowed = key.allowed_models
    return not allowed or model in allowed or any(fnmatchcase(model, pattern) for pattern in allowed)


def require_model(key: Key, model: str) -> None:
    """Refuse a model that the key may not use.

    Raises:
        RequestError: 403 model_not_allowed.
    """
    if not allows(key, model):
        message = f"The key {key.name!r} may not use the model {model!r}."
        raise RequestError(Failure.MODEL_NOT_ALLOWED, message, param="model")
