"""Addresses of engines, and the names made of them."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path

import pytest

from backends.docker import EngineStage, docker, name_of_address, transport_for
from swarmkit import Denied, Invalid
from swarmkit.transport import TcpDialer, TlsFiles, TlsTransport, Transport, UnixDialer


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
    """What is no address of an engine is Invalid, and the error quotes it, without a password."""
    with pytest.raises(Invalid) as caught:
        transport_for(address)
    assert repr(address.replace("secret", "***")) in caught.value.message


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


# -- TLS -----------------------------------------------------------------------------------------------------------

FILES = ("--cacert", "/t/ca.pem", "--cert", "/t/cert.pem", "--key", "/t/key.pem")
NAMED = TlsFiles("/t/ca.pem", "/t/cert.pem", "/t/key.pem")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder in which the docker command's files are; nothing is in it."""
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    monkeypatch.delenv("DOCKER_TLS_VERIFY", raising=False)
    return tmp_path


def transport_of(*words: str) -> Transport:
    """Parse the words of the part `docker`."""
    stage = docker.parse(words)
    assert isinstance(stage, EngineStage)
    return stage.transport


@pytest.mark.parametrize(
    "words",
    [
        ("--tlsverify", *FILES),
        ("--tlsverify", "--tls", *FILES),
        FILES,
        ("--tlscacert=/t/ca.pem", "--tlscert=/t/cert.pem", "--tlskey=/t/key.pem"),
    ],
)
def test_tls_is_asked_for_as_from_the_docker_command(words: tuple[str, ...], folder: Path) -> None:
    """By its names of the options, and shorter ones; each file means TLS, which checks unless told otherwise."""
    assert transport_of("tcp://web-1", *words) == TlsTransport("web-1", 2376, NAMED)


def test_certificate_and_key_are_used_if_they_are_there(folder: Path) -> None:
    """Of the docker command's files only the CA's is needed; half of a pair is missed when it is read."""
    ca, cert, key = (str(folder / f"{stem}.pem") for stem in ("ca", "cert", "key"))
    assert transport_of("tcp://web-1", "--tlsverify") == TlsTransport("web-1", 2376, TlsFiles(ca))
    assert transport_of("tcp://web-1", "--tls") == TlsTransport("web-1", 2376, TlsFiles(verify=False))
    (folder / "key.pem").touch()
    assert transport_of("tcp://web-1", "--tlsverify") == TlsTransport("web-1", 2376, TlsFiles(ca, cert, key))
    (folder / "key.pem").unlink()
    files = TlsFiles(ca, "/t/cert.pem", key)
    assert transport_of("tcp://web-1", "--cert", "/t/cert.pem") == TlsTransport("web-1", 2376, files)


@pytest.mark.parametrize(
    ("variables", "where"),
    [
        ({"DOCKER_CERT_PATH": "/certs", "DOCKER_CONFIG": "/config"}, "/certs"),
        ({"DOCKER_CONFIG": "/config"}, "/config"),
        ({"HOME": "/home/me"}, "/home/me/.docker"),
    ],
)
def test_files_are_where_the_docker_command_has_them(
    variables: dict[str, str], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In $DOCKER_CERT_PATH, else in its folder."""
    for name in ("DOCKER_CERT_PATH", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert transport_of("tcp://web-1", "--tlsverify") == TlsTransport("web-1", 2376, TlsFiles(f"{where}/ca.pem"))


def test_environment_asks_for_tls(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$DOCKER_TLS_VERIFY is for every address of TCP, for no other, and not against what is said."""
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_HOST", "tcp://web-1:4000")
    verified = TlsFiles(str(folder / "ca.pem"))
    assert transport_of() == TlsTransport("web-1", 4000, verified)
    assert transport_of("tcp://localhost") == TlsTransport("localhost", 2376, verified)
    assert transport_of("unix:///x") == UnixDialer("/x")
    assert transport_of("tcp://web-1", "--insecure") == TcpDialer("web-1", 2375)
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "")
    assert transport_of("tcp://localhost") == TcpDialer("localhost", 2375)


@pytest.mark.parametrize("address", ["unix:///x", "/x", "ssh://web-1", "gopher://web-1"])
def test_tls_is_for_tcp_only(address: str) -> None:
    """Nobody is to believe that there is TLS where there is none."""
    with pytest.raises(Invalid, match="TLS is for addresses of TCP"):
        docker.parse([address, *FILES])


def test_tls_that_is_insecure_is_refused() -> None:
    """One of the two is a mistake."""
    with pytest.raises(Invalid, match="leave out one of them"):
        docker.parse(["tcp://web-1", "--insecure", "--tlsverify"])


@pytest.mark.parametrize(
    "words",
    [
        ["unix:///run/a.sock"],
        ["tcp://127.0.0.1:2375"],
        ["tcp://web-1:2375", "--insecure"],
        ["tcp://web-1:2376", "--tlsverify", *FILES],
        ["tcp://web-1:2376", "--tlsverify", "--cacert", "/with space/ca.pem"],
        ["tcp://web-1:2376", "--tls"],
    ],
)
def test_stage_says_the_words_that_make_it_again(words: list[str], folder: Path) -> None:
    """Those of TLS included."""
    stage = docker.parse(words)
    assert str(stage) == shlex.join(["docker", *words])
    assert docker.parse(shlex.split(str(stage))[1:]) == stage
