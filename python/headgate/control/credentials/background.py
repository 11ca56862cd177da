"""Calls that block, beside the loop and without a hold on it.

Invariant: nobody waits for such a call at the end of the process: a library that tries its cloud for half a
minute must not delay a restart, as the loop's own threads would.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

from headgate.control.credentials.fetched import CredentialError, Fetched

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.config.runtime import CredentialSpec


async def in_background(fetch: Callable[[CredentialSpec], Fetched], spec: CredentialSpec) -> Fetched:
    """What `fetch` gives.

    Raises:
        CredentialError: as `fetch`.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Fetched] = loop.create_future()

    def settle(outcome: Fetched | CredentialError) -> None:
        if done.done():
            return
        if isinstance(outcome, CredentialError):
            done.set_exception(outcome)
        else:
            done.set_result(outcome)

    def run() -> None:
        outcome: Fetched | CredentialError
        try:
            outcome = fetch(spec)
        except CredentialError as error:
            outcome = error
        # A loop that is closed has nobody who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=run, name="credentials", daemon=True).start()
    return await done
