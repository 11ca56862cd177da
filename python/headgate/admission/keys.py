"""Identify the caller: bearer text to key, and what that key may do.

Invariant: only SHA-256 digests are held; the text of a key is never stored, logged or echoed.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from headgate.config.runtime import ROLES, Permission
from headgate.core import KeyTable, Limits
from headgate.errors import Failure, RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.config.runtime import Key

BEARER = b"bearer "


class KeyRing:
    """The keys of one runtime and their native limits."""

    __slots__ = ("_keys", "_limits", "_permissions", "_table")

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = tuple(keys)
        self._table = KeyTable([key.digest for key in keys])
        self._limits = {key.account: Limits(key.rpm, key.tpm, key.max_concurrency) for key in keys}
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

    def limits(self, key: Key) -> Limits:
        """The native form of a key's limits."""
        return self._limits[key.account]

    def require(self, key: Key, permission: Permission) -> None:
        """Refuse a key whose role lacks `permission`.

        Raises:
            RequestError: 403 insufficient_permission.
        """
        if permission not in self._permissions[key.name]:
            message = f"The role {key.role!r} of key {key.name!r} lacks the permission {permission.name}."
            raise RequestError(Failure.INSUFFICIENT_PERMISSION, message)


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
