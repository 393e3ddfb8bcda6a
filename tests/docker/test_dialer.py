"""Addresses of engines, and the names made of them."""

from __future__ import annotations

import socket

import pytest

from backends.docker import name_of_address, transport_for
from swarmkit import Denied, Invalid
from swarmkit.transport import TcpDialer, UnixDialer


@pytest.mark.parametrize(
    ("address", "dialer"),
    [
        ("unix:///run/a.sock", UnixDialer("/run/a.sock")),
        ("/run/a.sock", UnixDialer("/run/a.sock")),
        ("tcp://10.0.0.1:2375", TcpDialer("10.0.0.1", 2375)),
        ("tcp://web-1", TcpDialer("web-1", 2375)),
        ("tcp://web-1:4000/", TcpDialer("web-1", 4000)),
        ("tcp://[::1]:2375", TcpDialer("::1", 2375)),
    ],
)
def test_address_is_understood(address: str, dialer: object) -> None:
    """A Unix socket by URL or by path, and TCP by name or number, with the port that is usual."""
    assert transport_for(address, insecure=True) == dialer


@pytest.mark.parametrize(
    "address",
    [
        "unix://relative.sock",
        "unix:run/a.sock",
        "tcp://",
        "tcp://:2375",
        "tcp://host:port",
        "tcp://host:99999",
        "tcp://user@host:2375",
        "tcp://:secret@host:2375",
        "tcp://host:2375/path",
        "tcp://host:2375?query",
        "http://host:2375",
        "gopher://host",
        "ssh:host",
        "host:2375",
    ],
)
def test_other_addresses_are_invalid(address: str) -> None:
    """What is no address of an engine is Invalid, and the error quotes it."""
    with pytest.raises(Invalid) as caught:
        transport_for(address)
    assert repr(address) in caught.value.message


@pytest.mark.parametrize("address", ["unix:///run/a.sock", "tcp://web:2375", "tcp://[::1]:1"])
def test_address_comes_back(address: str) -> None:
    """A dialer's address is one that makes it."""
    assert transport_for(address, insecure=True).address == address


def test_default_is_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an address it is $DOCKER_HOST, and without that the standard socket."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://localhost:2375")
    assert transport_for() == TcpDialer("localhost", 2375)
    monkeypatch.delenv("DOCKER_HOST")
    assert transport_for() == UnixDialer("/var/run/docker.sock")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("unix:///run/a.sock", "a"),
        ("unix:///run/user/1/podman podman.sock", "podman-podman"),
        ("unix:///run/.sock", "engine"),
        ("tcp://web-1.example.org:2375", "web-1.example.org"),
        ("tcp://10.0.0.1:2375", "10.0.0.1"),
        ("tcp://[fe80::1]:2375", "fe80--1"),
        ("memory://engine", "engine"),
    ],
)
def test_host_is_named_after_its_address(address: str, name: str) -> None:
    """A name is the host of the address, or the stem of the socket's file, with what a name may not have left out."""
    assert name_of_address(address) == name


def test_standard_socket_is_named_after_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine of this machine is called as the machine."""
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop")
    assert name_of_address("unix:///var/run/docker.sock") == "laptop"


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:2375", "tcp://web-1", "tcp://[2001:db8::1]:2375"])
def test_plain_tcp_to_another_machine_is_denied(address: str) -> None:
    """What leaves this machine in the clear must be meant: the error says what else there is."""
    with pytest.raises(Denied, match="--insecure"):
        transport_for(address)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:2375", "tcp://localhost", "tcp://[::1]:2375"])
def test_plain_tcp_to_this_machine_is_allowed(address: str) -> None:
    """Loopback stays on the machine."""
    assert isinstance(transport_for(address), TcpDialer)


async def test_name_that_cannot_be_resolved_is_no_connection() -> None:
    """A host's name that is none is an OSError, as the contract of dialers has it."""
    with pytest.raises(OSError, match="not a host's name"):
        await TcpDialer(f"a{'x' * 70}.example", 1)()
