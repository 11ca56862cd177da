"""`headgate doctor`: what on this machine keeps the gateway from running well, and what helps.

Invariant: looking changes nothing: no file is left behind, no port stays taken, and nothing beyond this
machine is called without `--online`.
"""

from __future__ import annotations

import errno
import importlib
import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from headgate.cli import output
from headgate.cli.check import base_url, compiled
from headgate.cli.main import OK, PROBLEM
from headgate.config.runtime import Provider, Runtime
from headgate.config.values import Address
from headgate.errors import ConfigError

_OPEN_FILES = 4096
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - looked at, not written to
_SHARED_BYTES = 64 << 20
_WAIT_S = 3.0


class Finding(NamedTuple):
    """One line: what was looked at, how it is, and what helps when it is not well."""

    name: str
    state: Literal["ok", "warn", "fail"]
    message: str
    fix: str = ""


def doctor(config: Path | None, *, online: bool, as_json: bool) -> int:
    """Look at everything and print it; 1 when something keeps the gateway from running."""
    findings = list(_findings(config, online=online))
    if as_json:
        output.write_json({"findings": [finding._asdict() for finding in findings]})
    else:
        output.write_lines([_line(finding) for finding in findings])
    return PROBLEM if any(finding.state == "fail" for finding in findings) else OK


def _line(finding: Finding) -> str:
    fix = f" → {finding.fix}" if finding.fix else ""
    return f"{finding.state:4}  {finding.name:14}  {finding.message}{fix}"


def _findings(config: Path | None, *, online: bool) -> Iterator[Finding]:
    yield native_module()
    yield open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    yield shared_memory(_SHARED_MEMORY)
    try:
        loaded, runtime, warnings = compiled(config)
    except ConfigError as error:
        yield Finding("config", "fail", str(error), "correct it; see `headgate check`")
        return
    yield Finding("config", "ok", f"{loaded.origin.file} is good")
    for warning in warnings:
        yield Finding("config", "warn", str(warning))
    yield state_dir(Path(runtime.state_dir))
    yield port("server.listen", runtime.server.host, runtime.server.port)
    yield port("control.listen", runtime.control_host, runtime.control_port)
    if online:
        yield from _reachability(runtime)


def native_module() -> Finding:
    """Whether the Rust core can be loaded."""
    try:
        importlib.import_module("headgate._core")
    except ImportError as error:
        return Finding("native module", "fail", f"headgate._core does not load: {error}", "run `make build`")
    return Finding("native module", "ok", "headgate._core loads")


def open_files(limit: int) -> Finding:
    """Whether enough connections may be open."""
    if limit == resource.RLIM_INFINITY or limit >= _OPEN_FILES:
        return Finding(
            "open files", "ok", "no limit" if limit == resource.RLIM_INFINITY else f"{limit} allowed"
        )
    return Finding(
        "open files", "warn", f"only {limit} allowed; each request needs two", "run `ulimit -n 65536`"
    )


def shared_memory(mount: Path) -> Finding:
    """Whether there is a memory file system for the ledger."""
    try:
        stat = os.statvfs(mount)
    except OSError:
        fix = "mount a tmpfs at /dev/shm"
        return Finding(
            "shared memory", "warn", f"{mount} is not there; the ledger will be a file on disk", fix
        )
    free = stat.f_bavail * stat.f_frsize
    if not os.access(mount, os.W_OK) or free < _SHARED_BYTES:
        fix = "give it 64 MiB (docker run --shm-size=64m)"
        return Finding("shared memory", "warn", f"{mount} has {free >> 20} MiB that may be used", fix)
    return Finding("shared memory", "ok", f"{mount} has {free >> 20} MiB free")


def state_dir(directory: Path) -> Finding:
    """Whether the state directory can be written, or made."""
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not existing.is_dir():
        return Finding("state_dir", "fail", f"{existing} is no directory", "set state_dir to another place")
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding(
            "state_dir", "fail", f"{existing} may not be written", f"run `chown $(id -un) {existing}`"
        )
    return Finding(
        "state_dir", "ok", f"{directory} {'is writable' if existing == directory else 'can be made'}"
    )


def port(name: str, host: str, number: int) -> Finding:
    """Whether the port can be taken, or a gateway answers on it."""
    where = str(Address(host, number))
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            if _answers_healthz(host, number):
                return Finding(name, "ok", f"{where} is served by a gateway that answers /healthz")
            return Finding(
                name,
                "fail",
                f"{where} is taken by another program",
                f"find it with `ss -ltnp sport = :{number}`",
            )
        fix = f"set {name} to an address of this machine"
        return Finding(name, "fail", f"{where} cannot be taken: {error.strerror}", fix)
    return Finding(name, "ok", f"{where} is free")


def _answers_healthz(host: str, number: int) -> bool:
    request = f"GET /healthz HTTP/1.1\r\nHost: {Address(host, number)}\r\nConnection: close\r\n\r\n"
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - called, not bound
    try:
        with socket.create_connection((target, number), timeout=_WAIT_S) as connection:
            connection.sendall(request.encode("ascii"))
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def _reachability(runtime: Runtime) -> Iterator[Finding]:
    for provider in runtime.providers:
        if provider.kind != "echo":
            yield reachable(provider)


def reachable(provider: Provider) -> Finding:
    """Whether the provider's name resolves and its port takes a connection; nothing is sent."""
    name = f"provider {provider.name}"
    try:
        with socket.create_connection((provider.host, provider.port), timeout=_WAIT_S):
            return Finding(name, "ok", f"{base_url(provider)} can be reached")
    except socket.gaierror:
        return Finding(
            name, "warn", f"{provider.host} has no address", "correct base_url, or the machine's DNS"
        )
    except OSError as error:
        reason = error.strerror or "no answer in time"
        fix = "start it, or open the firewall"
        return Finding(name, "warn", f"{base_url(provider)} cannot be reached: {reason}", fix)
