"""Every environment variable that Headgate reads, declared once, and the only door to them.

Invariant: no other module touches `os.environ`; `docs/reference/environment.md` is generated from
`VARIABLES`. `${NAME}` in a configuration file may name any variable besides.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from headgate.providers.catalog import CATALOG


class Variable(NamedTuple):
    """A declared variable; `default` is in words, for the reference page."""

    name: str
    description: str
    default: str


CONFIG = Variable(
    "HEADGATE_CONFIG",
    "Path of the configuration file, when -c is not given.",
    "`./headgate.yaml` if it exists",
)
ADMIN_KEY = Variable(
    "HEADGATE_ADMIN_KEY",
    "The admin key, when the file has no `auth.admin_key`; at least 16 bytes.",
    "a key is made at the first start and printed once",
)
AWS_REGION = Variable(
    "AWS_REGION", "The region of providers on bedrock that name none.", "`AWS_DEFAULT_REGION`"
)
AWS_DEFAULT_REGION = Variable("AWS_DEFAULT_REGION", "As `AWS_REGION`, which wins.", "no region")
GOOGLE_CLOUD_LOCATION = Variable(
    "GOOGLE_CLOUD_LOCATION", "The region of providers on vertex that name none.", "no region"
)
GOOGLE_CLOUD_PROJECT = Variable(
    "GOOGLE_CLOUD_PROJECT", "The project of providers on vertex that name none.", "no project"
)
AZURE_OPENAI_ENDPOINT = Variable(
    "AZURE_OPENAI_ENDPOINT", "The `base_url` of providers on azure that name none.", "no address"
)
CLOUDS = (AWS_REGION, AWS_DEFAULT_REGION, GOOGLE_CLOUD_LOCATION, GOOGLE_CLOUD_PROJECT, AZURE_OPENAI_ENDPOINT)
VARIABLES: tuple[Variable, ...] = (
    CONFIG,
    ADMIN_KEY,
    *(
        Variable(
            row.env,
            f"The {'address' if row.env_is_host else 'key'} of {row.title}: makes the provider `{row.type}` "
            "when the configuration has no `providers`.",
            "no such provider",
        )
        for row in CATALOG.values()
        if row.env
    ),
    *CLOUDS,
)

_REFERENCE = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(:-((?:[^}$]|\$(?!\{))*))?\}|(\{))")


def environ() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


class UndefinedVariableError(ValueError):
    """`${NAME}` names nothing and has no default."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the environment variable {name} is not set; set it or write ${{{name}:-default}}")


def expand(text: str, env: Mapping[str, str]) -> str:
    """Replace `${NAME}` and `${NAME:-default}`, and `$$` by `$`.

    The default serves when the variable is unset or empty, as in a POSIX shell (2.6.2); it is taken as
    written and ends at the first `}`. What a variable holds is not expanded again.

    Raises:
        UndefinedVariableError: a name is unset and has no default.
        ValueError: `${` does not begin a reference.
    """

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        if match[4] is not None:
            message = "${ begins no ${NAME} or ${NAME:-default}; write $${ for the signs themselves"
            raise ValueError(message)
        name, default = match[1], match[3]
        value = env.get(name)
        if match[2] is not None and not value:
            return str(default)
        if value is None:
            raise UndefinedVariableError(name)
        return value

    return _REFERENCE.sub(replace, text)
