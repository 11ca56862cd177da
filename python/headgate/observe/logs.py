"""Log lines: JSON on standard error, with the request they belong to, and never with a key in them.

Invariant: every line that a handler of ours writes has passed `mask`, message, arguments and traceback
included.
"""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from typing import TextIO

# A known prefix, or the word that announces a credential; at least six characters so that words are left
# alone.
_SECRET = re.compile(
    r"""(?ix)
    (?P<lead>
        \bBearer\s+ | \bBasic\s+
      |
      (?:x-api-key|api[-_]?key|x-goog-api-key|admin[-_]?key|authorization|password|secret)["']?\s*[:=]\s*["']?
        (?:(?:Bearer|Basic)\s+)?
      | [?&]key=
    )?
    (?P<body>
        (?(lead) [^\s"',&;]{6,}
        | (?<![A-Za-z0-9]) (?:sk-|gnd_|gsk_|xai-|AIza|ghp_|hf_|r8_|AKIA) [A-Za-z0-9_\-.]{6,} )
    )
    """
)
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def mask(text: str) -> str:
    """The text with everything that looks like a credential replaced by `***`."""
    return _SECRET.sub(lambda match: f"{match['lead'] or ''}***", text)


class JsonFormatter(logging.Formatter):
    """One JSON object per line; `extra={"request_id": …, "trace_id": …}` become fields."""

    def __init__(self, process: str) -> None:
        """`process` is control or worker-N."""
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its line feed."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields: dict[str, object] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": mask(record.getMessage()),
        }
        for name in ("request_id", "trace_id"):
            value = getattr(record, name, None)
            if value is not None:
                fields[name] = mask(str(value))
        if record.exc_info:
            fields["exception"] = mask(self.formatException(record.exc_info))
        return orjson.dumps(fields).decode()


def configure(process: str, stream: TextIO | None = None) -> None:
    """Send every logger's lines to `stream`, standard error by default; `process` is control or worker-N."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)


def set_level(level: str) -> None:
    """Log from this level on: debug, info, warning or error."""
    logging.getLogger().setLevel(_LEVELS.get(level.lower(), logging.INFO))
