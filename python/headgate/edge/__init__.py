"""The edge: HTTP/1.1 clients on one side, a BlackSheep application on the other.

Invariant: limits, timeouts, framing and back-pressure towards clients live here and nowhere else.
"""

from headgate.edge.body import Prepared, Relayed, Sink, Source
from headgate.edge.limits import BodyTimeout, BodyTooLarge, ClientGone, EdgeError, Limits, OverCapacity
from headgate.edge.request import EdgeRequest
from headgate.edge.server import Drained, Server

__all__ = [
    "BodyTimeout",
    "BodyTooLarge",
    "ClientGone",
    "Drained",
    "EdgeError",
    "EdgeRequest",
    "Limits",
    "OverCapacity",
    "Prepared",
    "Relayed",
    "Server",
    "Sink",
    "Source",
]
