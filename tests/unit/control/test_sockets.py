"""Sockets: a taken port is refused by name, ours is shared by exactly our workers."""

from __future__ import annotations

import socket

import pytest
from headgate.control import sockets


def test_a_port_in_use_is_refused_by_name() -> None:
    with sockets.alone("127.0.0.1", 0) as other:
        port = sockets.port_of(other)
        with pytest.raises(sockets.AddressInUseError, match=f"127.0.0.1:{port} is in use by another program"):
            sockets.shared("127.0.0.1", port, 2)


def test_a_port_that_another_server_would_share_is_refused_too() -> None:
    theirs = sockets.shared("127.0.0.1", 0, 1)
    port = sockets.port_of(theirs[0])
    theirs[0].listen()
    with pytest.raises(sockets.AddressInUseError, match="in use"):
        sockets.shared("127.0.0.1", port, 1)
    theirs[0].close()


def test_shared_sockets_have_one_port() -> None:
    made = sockets.shared("127.0.0.1", 0, 4)
    assert len({sockets.port_of(sock) for sock in made}) == 1
    for sock in made:
        sock.listen()
        sock.close()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7"])
def test_an_address_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(sockets.AddressInUseError, match="cannot listen on"):
        sockets.alone(host, 0)


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_addresses_are_written_as_in_urls() -> None:
    assert sockets.listen_address("::1", 80) == "[::1]:80"
    assert sockets.listen_address("127.0.0.1", 80) == "127.0.0.1:80"


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.2", True), ("::1", True), ("localhost", True), ("192.0.2.1", False)]
)
def test_loopback(host: str, *, expected: bool) -> None:
    assert sockets.is_loopback(host) is expected
