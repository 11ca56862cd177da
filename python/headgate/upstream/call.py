"""One request to one provider, ready to be sent, also twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.config.runtime import Timeouts

STREAM, CHUNKED, WANTS_USAGE, CAPTURE = 1, 2, 4, 8


class Call:
    """One request to a provider, in bytes, and how its answer is to be read (`options`: the reader's bits).

    `total_at` is the loop's second at which the whole request must be over.
    """

    __slots__ = ("model", "options", "prompt_tokens", "request", "slot", "timeouts", "total_at")

    def __init__(  # noqa: PLR0913, PLR0917  a constructor
        self,
        request: bytes,
        options: int,
        model: str,
        journal: tuple[int, int],
        timeouts: Timeouts,
        total_at: float,
    ) -> None:
        """`journal` is the journal's slot and the prompt tokens to begin with."""
        self.request = request
        self.options = options
        self.model = model
        self.slot, self.prompt_tokens = journal
        self.timeouts = timeouts
        self.total_at = total_at
