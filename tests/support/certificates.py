"""A certificate authority for one test run, made with the openssl command."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Authority:
    """Its certificate, and what it signs."""

    def __init__(self, home: Path, name: str) -> None:
        """Make key and certificate in `home`."""
        self._home = home
        self._name = name
        self.pem = home / f"{name}.pem"
        self._key = home / f"{name}.key"
        _openssl(
            "req", "-x509", *_NEW_KEY, "-keyout", self._key, "-out", self.pem, "-days", "2",
            "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
        )  # fmt: skip

    def server(
        self, subject: str, versions: tuple[ssl.TLSVersion, ssl.TLSVersion] | None = None
    ) -> ssl.SSLContext:
        """A server's context with a certificate for `subject` (`DNS:localhost`)."""
        stem = self._home / f"{self._name}-{subject.replace(':', '-')}"
        key, ask, made, more = (stem.with_suffix(end) for end in (".key", ".csr", ".pem", ".ext"))
        more.write_text(f"subjectAltName={subject}\nbasicConstraints=CA:FALSE\n")
        _openssl("req", *_NEW_KEY, "-keyout", key, "-out", ask, "-subj", "/CN=server")
        _openssl(
            "x509", "-req", "-in", ask, "-CA", self.pem, "-CAkey", self._key, "-CAcreateserial", "-out", made,
            "-days", "2", "-extfile", more,
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made, key)
        if versions is not None:
            context.minimum_version, context.maximum_version = versions
        return context


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def _openssl(*arguments: str | Path) -> None:
    command = ["openssl", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  arguments of our own
    assert done.returncode == 0, done.stderr
