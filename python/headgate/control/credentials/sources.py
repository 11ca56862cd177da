"""By kind of credential, who fetches it.

Invariant: a cloud's library is imported when the first credential of its kind is wanted, and not before; it
does not log, because it would log whole answers with the keys in them.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from headgate.control.credentials.fetched import CredentialError, Fetched, failure

if TYPE_CHECKING:
    from headgate.config.runtime import CredentialSpec

_MODULES = {"aws_sigv4": "aws", "gcp_oauth": "gcp", "azure_entra": "azure"}
_TALKERS = ("azure", "botocore", "google", "msal", "urllib3")


def fetch(spec: CredentialSpec) -> Fetched:
    """The credential of now; it blocks.

    Raises:
        CredentialError: there is none.
    """
    for name in _TALKERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        module = import_module(f"headgate.control.credentials.{_MODULES[spec.kind]}")
    except ImportError as error:
        raise CredentialError(f"{error.name} is not installed") from None
    try:
        fetched: Fetched = module.fetch(spec)
    except CredentialError:
        raise
    except Exception as error:  # noqa: BLE001  whatever a library throws, the next try may do better
        raise failure(error, spec) from None
    return fetched
