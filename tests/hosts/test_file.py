"""What a file of hosts may say, and what is said of one that says something else."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from backends.hosts.file import MAX_BYTES, HostsFile
from swarmkit import Invalid, Registry, Row
from swarmkit.pipeline import parse_stage

REGISTRY = Registry()


def read(folder: Path, text: str | bytes) -> dict[str, Row]:
    """Read a file with this text; return its rows by name."""
    path = folder / "hosts.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return {row.name: row for row in HostsFile(str(path), REGISTRY).read()}


def stage_of(folder: Path, lines: str) -> list[str]:
    """Return the words of the stage that one host's lines mean."""
    (row,) = read(folder, f"[[host]]\n{lines}").values()
    return shlex.split(row.document["Stage"])


def mistakes(folder: Path, text: str | bytes) -> str:
    """Return what is said of a file that is wrong, without the file's name in front."""
    with pytest.raises(Invalid) as raised:
        read(folder, text)
    path = f"{folder}/hosts.toml:"
    assert raised.value.message.startswith(path)
    return raised.value.message.removeprefix(path).removeprefix(" ")


# -- what it may say ----------------------------------------------------------------------------------------------


def test_a_host_has_a_name_an_address_and_labels(tmp_path: Path) -> None:
    """These make the row of a member."""
    text = '[[host]]\nname = "web-1"\naddress = "unix:///run/web.sock"\nlabels = { zone = "a", empty = "" }\n'
    (row,) = read(tmp_path, text).values()
    document = {"Stage": "docker unix:///run/web.sock", "Labels": {"zone": "a", "empty": ""}}
    assert (row.name, row.path, row.document, row.lost) == ("web-1", ("web-1",), document, None)


@pytest.mark.parametrize(
    ("address", "name"),
    [("unix:///run/web.sock", "web"), ("tcp://localhost:2375", "localhost"), ("/run/db.sock", "db")],
)
def test_a_host_without_a_name_is_called_after_its_address(tmp_path: Path, address: str, name: str) -> None:
    """As a member without one is called on the command line."""
    assert list(read(tmp_path, f'[[host]]\naddress = "{address}"')) == [name]


def test_hosts_are_in_the_order_of_the_file(tmp_path: Path) -> None:
    """The first host of the file is the first row; a file may have none."""
    text = "".join(f'[[host]]\nname = "{name}"\naddress = "unix:///run/{name}.sock"\n' for name in ("b", "a", "c"))
    assert list(read(tmp_path, text)) == ["b", "a", "c"]
    assert read(tmp_path, "# nothing yet\n") == {}


def test_tls_is_in_words_of_the_file(tmp_path: Path) -> None:
    """Files are relative to the file that names them, or to the home directory; verifying is the rule."""
    lines = 'address = "tcp://h:2376"\ntls = { cacert = "pki/ca.pem", cert = "/etc/cert.pem", key = "~/key.pem" }'
    assert stage_of(tmp_path, lines) == [
        "docker", "tcp://h:2376", "--tlsverify", "--cacert", f"{tmp_path}/pki/ca.pem",
        "--cert", "/etc/cert.pem", "--key", str(Path("~/key.pem").expanduser()),
    ]  # fmt: skip
    lines = 'address = "tcp://h:2376"\ntls = {}'
    assert stage_of(tmp_path, lines) == ["docker", "tcp://h:2376", "--tlsverify"]
    lines = 'address = "tcp://h:2376"\ntls = { verify = false }'
    assert stage_of(tmp_path, lines) == ["docker", "tcp://h:2376", "--tls"]


def test_ssh_is_in_words_of_the_file(tmp_path: Path) -> None:
    """The options of ssh are given to the part `ssh`; an address alone needs none."""
    lines = (
        'address = "ssh://ops@web-1:22/x"\nssh = { key = "k y", config = "c", jump = "j", options = ["A=1", "B=2"] }'
    )
    assert stage_of(tmp_path, lines) == [
        "ssh", "ssh://ops@web-1:22/x",
        "-i", f"{tmp_path}/k y", "-F", f"{tmp_path}/c", "-J", "j", "-o", "A=1", "-o", "B=2",
    ]  # fmt: skip
    assert stage_of(tmp_path, 'address = "ssh://ops@web-1"') == ["docker", "ssh://ops@web-1"]


def test_what_the_file_means_is_understood_by_the_parts(tmp_path: Path) -> None:
    """Each way to write a host makes a stage."""
    for lines in (
        'address = "tcp://h:2376"\ntls = { cacert = "a b", cert = "c", key = "k", verify = false }',
        'address = "ssh://ops@web-1"\nssh = { key = "k", config = "/c", jump = "j", options = ["ConnectTimeout=3"] }',
        'address = "tcp://192.0.2.1"\ninsecure = true',
    ):
        (row,) = read(tmp_path, f"[[host]]\n{lines}").values()
        assert row.lost is None
        parse_stage(row.document["Stage"], REGISTRY)


def test_a_host_may_be_drained(tmp_path: Path) -> None:
    """Its row says so; of another it says nothing."""
    text = '[[host]]\naddress = "/a.sock"\ndrained = true\n[[host]]\naddress = "/b.sock"\ndrained = false'
    found = {name: row.document.get("Availability") for name, row in read(tmp_path, text).items()}
    assert found == {"a": "drain", "b": None}


def test_plain_tcp_to_another_machine_is_listed_as_refused(tmp_path: Path) -> None:
    """Such a host is down, and says what to do, and with `insecure` it is not."""
    (row,) = read(tmp_path, '[[host]]\naddress = "tcp://192.0.2.1:2375"').values()
    assert str(row.lost).startswith("tcp://192.0.2.1:2375: plain TCP to another machine is refused")
    assert str(row.lost).endswith("(in the file: insecure = true)")
    lines = 'address = "tcp://192.0.2.1:2375"\ninsecure = true'
    assert stage_of(tmp_path, lines) == ["docker", "tcp://192.0.2.1:2375", "--insecure"]


def test_a_stage_of_ones_own_is_any_pipeline(tmp_path: Path) -> None:
    """It is taken as it is, though no part be called so: that is found out when it is opened."""
    text = '[[host]]\nname = "a"\nstage = "debug | docker unix:///a"\n[[host]]\nname = "b"\nstage = "dokcer"\n'
    rows = read(tmp_path, text)
    assert [row.document["Stage"] for row in rows.values()] == ["debug | docker unix:///a", "dokcer"]


def test_paths_are_relative_to_the_file_wherever_it_is_read_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is named by a relative path is in the working directory, and so are its files."""
    (tmp_path / "hosts.toml").write_text('[[host]]\naddress = "tcp://h"\ntls = { cacert = "ca.pem" }')
    monkeypatch.chdir(tmp_path)
    (row,) = HostsFile("hosts.toml", REGISTRY).read()
    assert row.document["Stage"].endswith(f"--cacert {tmp_path}/ca.pem")


# -- what is wrong --------------------------------------------------------------------------------------------------

GOOD = '[[host]]\nname = "a"\naddress = "unix:///a.sock"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "labels = { zone }\n", "4: Expected '=' after a key in a key/value pair"),
        ("[[host]\n", "1: Expected ']]' at the end of an array declaration"),
        (GOOD + 'name = "b"\n', "4: Cannot overwrite a value"),
        (GOOD.encode() + b"# caf\xe9\n", "4: this is no text in UTF-8 (byte 0xe9)"),
        ("a = " + "[" * 10000, "it is nested too deeply"),
        ("x" * (MAX_BYTES + 1), f"it is longer than {MAX_BYTES} bytes, and so no list of hosts"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    """Where the line is known it is beside the file's name."""
    assert mistakes(tmp_path, text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[host]\n", "host is no list of tables: write [[host]] above each host"),
        ("host = [1]\n", "host is no list of tables: write [[host]] above each host"),
        ("[[hosts]]\n", "unknown key 'hosts': each host is a table [[host]]"),
        ("[[host]]\n", "host 1: it needs an address or a stage"),
        (GOOD + 'stage = "fake"\n', "host 1 (a): it needs an address or a stage, not both"),
        ('[[host]]\nstage = "fake"\n', "host 1: it needs a name: only of an address one can be made"),
        ('[[host]]\nname = "a"\nadress = "/x"\n',
         "host 1 (a): unknown key 'adress' (did you mean 'address'?); host 1 (a): it needs an address or a stage"),
        (GOOD + "zzz = 1\n",
         "host 1 (a): unknown key 'zzz' (known are name, address, stage, labels, ssh, tls, insecure, drained)"),
        ("[[host]]\nname = 3\naddress = true\n",
         "host 1: name must be a text, not 3; host 1: address must be a text, not true"),
        (GOOD + "insecure = 1\n", "host 1 (a): insecure must be true or false, not 1"),
        (GOOD + 'labels = "a"\n', "host 1 (a): labels must be a table, not 'a'"),
        (GOOD + "labels = { cpus = 8 }\n", "host 1 (a): labels: cpus must be a text, not 8"),
        (GOOD + "tls = {}\n", "host 1 (a): tls belongs to an address that begins with tcp://"),
        (GOOD + "ssh = {}\n", "host 1 (a): ssh belongs to an address that begins with ssh://"),
        ('[[host]]\nname = "a"\nstage = "fake"\ninsecure = true\n',
         "host 1 (a): insecure belongs to an address that begins with tcp://"),
        ('[[host]]\naddress = "tcp://h"\ntls = { ca = "x" }\n',
         "host 1: tls: unknown key 'ca' (known are cacert, cert, key, verify)"),
        ('[[host]]\naddress = "ssh://h"\nssh = { options = ["a", 1] }\n',
         "host 1: ssh: options must be a list of texts, not ['a', 1]"),
        ('[[host]]\naddress = "http://h"\n',
         "host 1: not an engine's address: 'http://h' (unix:///PATH, tcp://HOST:PORT or ssh://[USER@]HOST)"),
        ('[[host]]\naddress = ""\n', "host 1: '' is no address"),
        ('[[host]]\naddress = "--insecure"\n', "host 1: '--insecure' is no address"),
        ('[[host]]\nname = "a"\nstage = "a \'b"\n',
         "host 1 (a): its stage cannot be split into words: No closing quotation"),
        ('[[host]]\nname = "a"\nstage = " "\n', "host 1 (a): its stage is empty"),
        ('[[host]]\nname = "a"\nstage = "debug | | fake"\n',
         "host 1 (a): its stage cannot be split into words: a stage is empty: 'debug | | fake'"),
        ('[[host]]\nname = "info"\naddress = "/x"\n',
         "host 1 (info): 'info' cannot be a name: letters, digits, '_', '.' and '-', and no word of the API"),
        ('[[host]]\nname = ""\naddress = "/x"\n',
         "host 1: '' cannot be a name: letters, digits, '_', '.' and '-', and no word of the API"),
        (GOOD + GOOD, "host 2 (a): another host is called 'a', too"),
        (GOOD + '[[host]]\naddress = "/run/a.sock"\n', "host 2: another host is called 'a', too"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_host(tmp_path: Path, text: str, said: str) -> None:
    """A mistake names the host by its number, and its name if it has one, and says what would be right."""
    assert mistakes(tmp_path, text) == said


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """One reading shows what is wrong with all hosts."""
    text = '[[host]]\nname = "a"\n[[host]]\nname = "b"\naddress = 1\n[[host]]\nname = "c"\naddress = "/c"\nkey = 1\n'
    assert [each.partition(":")[0] for each in mistakes(tmp_path, text).split("; ")] == [
        "host 1 (a)", "host 2 (b)", "host 3 (c)",
    ]  # fmt: skip


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """So is one that cannot be read."""
    with pytest.raises(Invalid, match=rf"^{tmp_path}/none.toml: cannot be read: No such file or directory"):
        HostsFile(f"{tmp_path}/none.toml", REGISTRY).read()
    with pytest.raises(Invalid, match=rf"^{tmp_path}: cannot be read: Is a directory"):
        HostsFile(str(tmp_path), REGISTRY).read()
