"""AWS event streams, encoded by hand, so that no decoder is tested against its own library.

Invariant: prelude and message each carry their CRC32. Source: smithy.io/2.0/aws/amazon-eventstream.html.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

_STRING = 7


def frame(name: str, payload: dict[str, Any]) -> bytes:
    """An event."""
    kind = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return _message(kind, payload)


def exception(name: str, message: str) -> bytes:
    """An exception in the middle of a stream."""
    kind = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return _message(kind, {"message": message})


def _message(headers: dict[str, str], payload: dict[str, Any]) -> bytes:
    head = b"".join(_header(name, value) for name, value in headers.items())
    body = json.dumps(payload, ensure_ascii=False).encode()
    # Two lengths and their sum; headers; payload; the sum of all.
    prelude = struct.pack("!II", 16 + len(head) + len(body), len(head))
    whole = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + body
    return whole + struct.pack("!I", zlib.crc32(whole))


def _header(name: str, value: str) -> bytes:
    text = value.encode()
    return struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _STRING, len(text)) + text
