"""What an entry of etcd may say: a network address, and nothing that could be taken for anything else."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.docker import EngineStage
from backends.etcd.entries import Entry, Means, read_classic, read_member, stage_of
from swarmkit import Registry
from swarmkit.errors import Denied, Invalid
from swarmkit.pipeline import parse_stage
from swarmkit.transport import TlsFiles

PLAIN = Means(insecure=True)
TLS = Means(tls=TlsFiles("/ca.pem", "/cert.pem", "/key.pem"))


def entry(name: str = "web-1", address: object = "docker tcp://192.0.2.7:2376", **more: object) -> bytes:
    """Return an entry as it is registered, with further keys."""
    return json.dumps({"name": name, "address": address, "version": 1, **more}).encode()


def reason(value: bytes, name: str = "web-1", means: Means | None = None) -> str:
    """Return why an entry is refused."""
    with pytest.raises(Invalid) as refused:
        read_member(name, value, means or Means())
    return refused.value.message


def test_a_member_is_a_stage_and_labels() -> None:
    """An entry gives the text of a stage, and its labels; keys that are not known are left alone."""
    value = entry(address="docker ssh://192.0.2.7", labels={"zone": "a"}, later="x")
    assert read_member("web-1", value, Means()) == Entry("web-1", "docker ssh://192.0.2.7", {"zone": "a"})


@pytest.mark.parametrize(
    ("address", "means", "lost"),
    [
        ("docker tcp://192.0.2.7:2375", Means(), True),
        ("remote tcp://192.0.2.7:7000", Means(), True),
        ("docker tcp://192.0.2.7:2375", PLAIN, False),
        ("docker tcp://192.0.2.7:2376", TLS, False),
        ("docker ssh://192.0.2.7", Means(), False),
    ],
)
def test_plain_tcp_is_listed_and_not_opened(address: str, means: Means, lost: bool) -> None:
    """What to say so that it is, is said in the words of this part."""
    found = read_member("web-1", entry(address=address), means).lost
    assert ("'etcd URL/PREFIX --tlsverify'" in (found or "")) is lost


@pytest.mark.parametrize(
    ("address", "means", "stage"),
    [
        ("docker tcp://192.0.2.7:2376", Means(), "docker tcp://192.0.2.7:2376"),
        ("docker tcp://192.0.2.7:2376", PLAIN, "docker tcp://192.0.2.7:2376 --insecure"),
        (
            "docker tcp://192.0.2.7:2376",
            TLS,
            "docker tcp://192.0.2.7:2376 --tlsverify --cacert /ca.pem --cert /cert.pem --key /key.pem",
        ),
        ("docker tcp://127.0.0.1:2375", PLAIN, "docker tcp://127.0.0.1:2375"),
        ("docker tcp://[2001:db8::7]:2375", PLAIN, "docker 'tcp://[2001:db8::7]:2375' --insecure"),
        ("docker ssh://web.example", TLS, "docker ssh://web.example"),
        ("docker ssh://ops@192.0.2.7:2222", PLAIN, "docker ssh://ops@192.0.2.7:2222"),
        ("remote tcp://web_1.example:7000", Means(), "remote tcp://web_1.example:7000"),
    ],
)
def test_addresses(address: str, means: Means, stage: str) -> None:
    """How a member is spoken to is said by who reads, and for addresses of TCP only."""
    assert stage_of(address, means) == stage


@pytest.mark.parametrize(
    "address",
    [
        "docker unix:///var/run/docker.sock",
        "docker /var/run/docker.sock",
        "docker",
        "docker ",
        "docker --name x",
        "docker -H tcp://192.0.2.7:2375",
        "docker tcp://192.0.2.7:2375 --insecure",
        "docker  tcp://192.0.2.7:2375",
        "docker\ttcp://192.0.2.7:2375",
        "docker tcp://192.0.2.7:2375\n",
        "docker tcp://192.0.2.7:2375 | debug",
        "docker tcp://192.0.2.7:2375#x",
        "docker tcp://192.0.2.7:2375/",
        "docker tcp://192.0.2.7:2375?x",
        "docker 'tcp://192.0.2.7:2375'",
        "docker tcp://192.0.2.7",
        "docker tcp://ops@192.0.2.7:2375",
        "docker tcp://192.0.2.7:0",
        "docker tcp://192.0.2.7:65536",
        "docker tcp://192.0.2.7:²",
        "docker tcp://:2375",
        "docker tcp://-web:2375",
        "docker tcp://[::g]:2375",
        "docker tcp://[fe80::1%eth0]:2375",
        "docker tcp://2001:db8::7:2375",
        "docker tcp://wéb:2375",
        f"docker tcp://{'a' * 254}:2375",
        "docker ssh://web/run/docker.sock",
        "docker ssh://web/",
        "docker ssh://-oProxyCommand=touch",
        "docker ssh://-oProxyCommand@web",
        "docker ssh://ops:secret@web",
        "docker ssh://a@b@web",
        "docker ssh://@web",
        "docker ssh://web -o ProxyCommand=x",
        "docker ssh://$(id)",
        "docker ssh://web;id",
        "docker ssh://%h",
        "docker npipe:////./pipe/docker",
        "docker http://192.0.2.7:2375",
        "ssh web",
        "fake",
        "hosts /etc/hosts.toml",
        "etcd http://192.0.2.7:2379/p",
        "DOCKER tcp://192.0.2.7:2375",
        "",
        None,
        7,
        ["docker", "tcp://192.0.2.7:2375"],
    ],
)
def test_what_is_no_network_address_is_refused(address: object) -> None:
    """Neither a command, a file, a socket of this machine nor an option comes out of an entry, whoever reads it."""
    for means in (Means(), PLAIN, TLS):
        with pytest.raises(Invalid, match=r"its (address|port|host) is"):
            stage_of(address, means)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST", "localhost.", "x.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "0.0.0.0", "[::]"],
)
def test_the_machine_that_reads_is_no_member(host: str) -> None:
    """An address that is another machine for each reader is refused, unless it is said to be meant."""
    for address in (f"docker tcp://{host}:2375", f"docker ssh://{host}"):
        with pytest.raises(Invalid, match="whichever machine reads this"):
            stage_of(address, Means())
        assert stage_of(address, PLAIN).startswith("docker ")


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "1.2.3", "0x7f.1", "127.1.", "256.1.1.1"]
)
def test_a_number_in_disguise_is_no_host(host: str) -> None:
    """What the resolver takes for an address must be written as one."""
    with pytest.raises(Invalid, match="no address as they are written"):
        stage_of(f"docker tcp://{host}:1", PLAIN)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"", "it is no JSON in UTF-8"),
        (b"\xff{}", "it is no JSON in UTF-8"),
        (b"[" * 50_000, "it is no JSON in UTF-8"),
        (b"[]", "it is no object of JSON"),
        (b" " * 65537, "it has 65537 bytes, and may have 65536"),
        (entry(version=2), "its version is 2, and only 1 is known here"),
        (entry(version=True), "its version is True, and only 1 is known here"),
        (b'{"name": "web-1"}', "its version is None, and only 1 is known here"),
        (entry("web-2"), "it says that it is 'web-2'"),
        (entry(labels=["a"]), "its labels are ['a'], which is no object of JSON"),
        (entry(labels={"a": 1}), "its label 'a' is 1, which is no text"),
        (entry(labels={"a": "\x1b[2J"}), "its label 'a' has characters that cannot be shown"),
        (entry(labels={"": "x"}), "its label '' has characters that cannot be shown"),
    ],
)
def test_what_is_no_entry_says_why(value: bytes, why: str) -> None:
    """Each mistake has its reason."""
    assert reason(value) == why


@pytest.mark.parametrize("name", ["", "-x", "a/b", "containers", "v1.41", "wéb", "a b", "x" * 129])
def test_a_member_is_called_as_a_host_can_be(name: str) -> None:
    """A key's name that no host can have is refused."""
    assert "cannot be a host's name" in reason(entry(name), name)


def test_what_classic_swarm_wrote() -> None:
    """The key is the address, and the value says the same; the member is called after both."""
    assert read_classic("192.0.2.7:2375", b"192.0.2.7:2375", PLAIN) == Entry(
        "192.0.2.7-2375", "docker tcp://192.0.2.7:2375 --insecure", {}
    )
    assert read_classic("[2001:db8::7]:2375", b"[2001:db8::7]:2375", Means()).name == "2001-db8-7-2375"
    for place, value in [("192.0.2.7:2375", b"192.0.2.8:2375"), ("web", b"web"), ("/x:1", b"/x:1"), ("-o:1", b"-o:1")]:
        with pytest.raises(Invalid):
            read_classic(place, value, Means())


# -- whatever it says ------------------------------------------------------------------------------------------------

NETWORK = re.compile(r"(tcp|ssh)://(?!-)[A-Za-z0-9_.@:\[\]+-]+\Z")

TEXTS = st.text() | st.sampled_from(
    ["docker", "remote", " ", "tcp://", "ssh://", "a@", "192.0.2.7", "[::1]", ":22", "-o", "'"]
)
ADDRESSES = st.lists(TEXTS, max_size=6).map("".join) | st.from_regex(r"(docker|remote) (tcp|ssh)://\S*", fullmatch=True)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))
ENTRIES = st.fixed_dictionaries(
    {"name": st.just("web-1"), "address": ADDRESSES | JSON, "version": st.just(1)},
    optional={"labels": st.dictionaries(st.text(max_size=5), st.text(max_size=5) | JSON, max_size=3) | JSON},
)


@given(
    value=st.binary() | ENTRIES.map(lambda entry: json.dumps(entry).encode()),
    means=st.sampled_from([Means(), PLAIN, TLS]),
)
def test_whatever_an_entry_says_it_is_a_network_address_or_refused(value: bytes, means: Means) -> None:
    """Its stage is one of two parts, an address on the network, and the words of who reads."""
    try:
        found = read_member("web-1", value, means)
    except Invalid:
        return
    assert_only_an_address(found.stage, means)
    assert_labels(found.labels)


@given(
    place=st.text() | st.from_regex(r"[a-z0-9.:\[\]-]+", fullmatch=True), means=st.sampled_from([Means(), PLAIN, TLS])
)
def test_whatever_classic_swarm_says_it_is_a_network_address_or_refused(place: str, means: Means) -> None:
    """So it is in the classic layout."""
    try:
        found = read_classic(place, place.encode("utf-8", "surrogatepass"), means)
    except Invalid:
        return
    assert_only_an_address(found.stage, means)


def assert_only_an_address(stage: str, means: Means) -> None:
    """Check that a stage is a part, an address and our own words, and that the part takes it for an engine."""
    part, address, *words = shlex.split(stage)
    assert part in ("docker", "remote")
    assert NETWORK.match(address), address
    assert words in ([], means.words("192.0.2.7"))
    if part == "docker":
        try:
            parsed = parse_stage(stage, Registry())
        except Denied:
            assert not words  # plain TCP to another machine, which nobody said to be meant
        else:
            assert isinstance(parsed, EngineStage)
            assert parsed.transport.address.startswith(("tcp://", "ssh://"))


def assert_labels(labels: Mapping[str, str]) -> None:
    """Check that labels can be shown."""
    assert all(text.isprintable() for pair in labels.items() for text in pair)
