"""Listening sockets: control makes them, keeps them, and lends one to each worker.

Invariant: a port that another program listens on is refused by name instead of shared (SO_REUSEPORT would
silently balance between two servers), and a socket outlives its worker, so that queued connections wait for
the next one (RULINGS 3).
"""

from __future__ import annotations

import contextlib
import errno
import socket

from headgate.errors import HeadgateError

BACKLOG = 128


class AddressInUseError(HeadgateError):
    """Another program listens there, or the address cannot be had."""


def alone(host: str, port: int) -> socket.socket:
    """A listening socket that shares its port with nobody; port 0 takes a free one.

    Raises:
        AddressInUseError: somebody else has it.
    """
    sock = _bound(host, port, reuse_port=False)
    # Two sockets may be bound with SO_REUSEADDR as long as none listens, so only listening proves it is free.
    try:
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise _refusal(host, port, error) from error
    return sock


def shared(host: str, port: int, count: int) -> list[socket.socket]:
    """`count` bound sockets that share one port, which was free before; the workers listen on them.

    Raises:
        AddressInUseError: somebody else has the port.
    """
    with alone(host, port) as probe:
        port = port_of(probe)
    with contextlib.ExitStack() as made:
        found = [made.enter_context(_bound(host, port, reuse_port=True)) for _ in range(count)]
        made.pop_all()
    return found


def port_of(sock: socket.socket) -> int:
    """The port that a socket is bound to."""
    return int(sock.getsockname()[1])


def listen_address(host: str, port: int) -> str:
    """`host:port` as it is written in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _bound(host: str, port: int, *, reuse_port: bool) -> socket.socket:
    try:
        family, kind, proto, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, proto)
    except OSError as error:
        raise _refusal(host, port, error) from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise _refusal(host, port, error) from error
    return sock


def _refusal(host: str, port: int, error: OSError) -> AddressInUseError:
    where = listen_address(host, port)
    if error.errno == errno.EADDRINUSE:
        return AddressInUseError(
            f"{where} is in use by another program; stop it or change the listen address"
        )
    return AddressInUseError(f"cannot listen on {where}: {error.strerror or error}")
