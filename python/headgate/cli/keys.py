"""`headgate keys create`: a key is shown once; what is kept is its hash (RULINGS 27).

Invariant: a key has 256 bits from the system's generator.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from headgate.cli import output
from headgate.cli.main import OK
from headgate.config.compile_keys import ADMIN, check_text
from headgate.config.explain import problems_of
from headgate.config.loader import load
from headgate.config.problems import dotted
from headgate.config.schema import Auth, Key
from headgate.config.secrets import Secret
from headgate.errors import ConfigError

USAGE = 2
_KEY_BYTES = 32


def mint(prefix: str) -> str:
    """A new key: the prefix and 43 base64url characters (RFC 4648, section 5, without padding)."""
    return prefix + base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).rstrip(b"=").decode("ascii")


def create(name: str, options: Mapping[str, object], config: Path | None, *, as_json: bool) -> int:
    """Print a new key and its lines for the configuration; the exit code."""
    given = {option: value for option, value in options.items() if value is not None}
    key = mint(_prefix(config))
    digest = Secret(key).digest()
    fault = _fault({"name": name, "key_hash": digest, **given}) or check_text(Secret(key))
    if fault:
        sys.stderr.write(f"{fault}\n")
        return USAGE
    if as_json:
        output.write_json({"name": name, "key": key, "key_hash": digest, **given})
        return OK
    # JSON's scalars and lists are YAML's, so any name is quoted right.
    lines = [f"    {option}: {json.dumps(value, ensure_ascii=False)}" for option, value in given.items()]
    output.write_lines(
        [
            "The key, shown only this once:",
            "",
            f"  {key}",
            "",
            "For the configuration (its hash; the key cannot be had from it):",
            "",
            "keys:",
            f"  - name: {json.dumps(name, ensure_ascii=False)}",
            f"    key_hash: {digest}",
            *lines,
        ]
    )
    return OK


def _fault(entry: Mapping[str, object]) -> str | None:
    """What the configuration would say against such a key."""
    if entry["name"] == ADMIN:
        return 'name: "admin" is the name of the admin key'
    try:
        Key.model_validate(dict(entry))
    except ValidationError as error:
        return "\n".join(f"{dotted(problem.path)}: {problem.message}" for problem in problems_of(error, Key))
    return None


def _prefix(config: Path | None) -> str:
    """The configured prefix; an unusable configuration that was not named does not stand in the way."""
    try:
        return load(config).document.auth.key_prefix
    except ConfigError:
        if config is not None:
            raise
        return Auth().key_prefix
