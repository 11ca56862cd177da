"""Where a client connection is.

Invariant: a connection in LINGER or CLOSED interprets nothing any more.
"""

from enum import Enum


class Phase(Enum):
    """The states of a connection, each with where it leads."""

    IDLE = 0  # -> HEAD on a part of a head, -> BUSY on a whole one
    HEAD = 1  # -> BUSY when the head is whole
    BUSY = 2  # -> IDLE after the answer, -> DRAIN while its body is coming, -> LINGER after the last answer
    DRAIN = 3  # -> IDLE when the unread body has passed
    LINGER = 4  # the last answer is written; input is thrown away until the client closes
    CLOSED = 5


IDLE, HEAD, BUSY, DRAIN, LINGER, CLOSED = Phase
