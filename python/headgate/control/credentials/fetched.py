"""What a cloud gave, and why it gave nothing.

Invariant: an error's text holds nothing that looks like a secret; it is made by `failure` alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from headgate.errors import HeadgateError

if TYPE_CHECKING:
    from headgate.config.runtime import CredentialSpec

_LONG = re.compile(r"[A-Za-z0-9+/_=~-]{24,}")
_MAX_TEXT = 300


class Fetched(NamedTuple):
    """A credential; `secret` as the channel's message has it, `expires_s` in Unix time, None for never."""

    secret: dict[str, str | None]
    expires_s: float | None

    def __repr__(self) -> str:
        return f"Fetched(expires_s={self.expires_s})"


class CredentialError(HeadgateError):
    """A cloud gave no credential; the text is for the log."""


def failure(error: Exception, spec: CredentialSpec) -> CredentialError:
    """A library's error in a form that may be logged."""
    text = str(error)
    if secret := spec.get("client_secret"):
        text = text.replace(secret, "[redacted]")
    text = " ".join(_shown(word) for word in text.split())
    return CredentialError(f"{type(error).__name__}: {text[:_MAX_TEXT]}")


def _shown(word: str) -> str:
    """A word without what may be a key; an address is long too, and is kept up to its query."""
    if word.startswith(("http://", "https://")):
        return word.partition("?")[0]
    return _LONG.sub("[redacted]", word)
