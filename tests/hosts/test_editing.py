"""One line of a file of hosts is changed, and all else in it stays: its text, its mode, its owner."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.hosts import file
from backends.hosts.editing import with_drained
from backends.hosts.file import HostsFile
from swarmkit import Conflict, Denied, Invalid, NotFound, Registry

TEXT = """\
# Our hosts. Ask ops before you touch web-2!
[[host]]
name = "web-1"            # the big one
address = "tcp://192.0.2.1:2376"
[host.tls]
verify = true

  [[ host ]]  # indented, for once
  name = "web-2"
  drained = false # since May
  address = "ssh://web-2"
  labels = { drained = "no" }

[[host]]
address = "unix:///run/db.sock\""""


def changed(before: str, after: str) -> list[tuple[str, str]]:
    """Return the lines that differ, before and after; what was put in was nothing before."""
    old, new = before.splitlines(), after.splitlines()
    while len(old) < len(new):
        place = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), len(old))
        old.insert(place, "")
    return [(one, other) for one, other in zip(old, new, strict=True) if one != other]


@pytest.mark.parametrize(
    ("place", "drained", "expected"),
    [
        (0, True, [("", "drained = true")]),
        (0, False, []),
        (1, True, [("  drained = false # since May", "  drained = true # since May")]),
        (1, False, []),
        (2, True, [("", "drained = true")]),
    ],
)
def test_one_line_changes(place: int, drained: bool, expected: list[tuple[str, str]]) -> None:
    """A line that is there is changed, else one is put below the header; comments and order stay."""
    edited = with_drained(TEXT, place, drained=drained)
    assert edited is not None
    assert changed(TEXT, edited) == expected
    assert bool(tomllib.loads(edited)["host"][place].get("drained")) is drained


def test_it_can_be_put_back() -> None:
    """The line that was put in to drain a host says that it is not, and so can bear a comment."""
    drained = with_drained(TEXT, 0, drained=True)
    assert drained is not None
    assert changed(drained, str(with_drained(drained, 0, drained=False))) == [("drained = true", "drained = false")]


def test_lines_end_as_those_of_the_file() -> None:
    """An editor of another system may have written it."""
    text = '[[host]]\r\naddress = "/a.sock"\r\n'
    assert with_drained(text, 0, drained=True) == '[[host]]\r\ndrained = true\r\naddress = "/a.sock"\r\n'


def test_what_looks_like_a_host_within_a_text_is_none() -> None:
    """A wrong guess is not written, but the next one."""
    first = "[[host]]\nname = 'a'\nstage = '''\n[[host]]\ndrained = false\n'''\n"
    second = "name = 'b'\nstage = 'fake'\n"
    expected = f"{first}[[host]]\ndrained = true\n{second}"
    assert with_drained(f"{first}[[host]]\n{second}", 1, drained=True) == expected


@pytest.mark.parametrize(
    "text", ["host = [{ name = 'a', stage = 'fake' }]", "[[host]]\nname = 'a'\nstage = '''\n[x]'''\ndrained = false\n"]
)
def test_what_no_line_does_is_not_done(text: str) -> None:
    """A host in braces has no line of its own, and what cannot be told from another table is left alone."""
    assert with_drained(text, 0, drained=True) is None


@given(
    st.lists(st.tuples(st.text("abc]['#=\n\\ é", max_size=12), st.sampled_from([None, True, False])), min_size=1),
    st.data(),
)
def test_nothing_else_is_ever_changed(hosts: list[tuple[str, bool | None]], data: st.DataObject) -> None:
    """Whatever the texts are, the result says all that was said, and that the one host is drained, or not."""
    lines = []
    for name, drained in hosts:
        escaped = name.replace("\\", "\\\\")
        lines += ["[[host]]", f'name = """\n{escaped}"""']
        lines += [] if drained is None else [f"drained = {str(drained).lower()}"]
    place, wanted = data.draw(st.integers(0, len(hosts) - 1)), data.draw(st.booleans())
    edited = with_drained("\n".join(lines), place, drained=wanted)
    if edited is not None:
        expected = [{"name": name, "drained": bool(drained)} for name, drained in hosts]
        expected[place]["drained"] = wanted
        assert [{"drained": False, **host} for host in tomllib.loads(edited)["host"]] == expected


# -- in the file --------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file of hosts."""
    path = tmp_path / "hosts.toml"
    path.write_text(TEXT)
    return path


def hosts_file(path: Path) -> HostsFile:
    """Return what reads and edits it."""
    return HostsFile(str(path), Registry())


def test_the_file_keeps_its_mode_and_owner_and_its_link(path: Path, tmp_path: Path) -> None:
    """It is found through a link, which stays one; nothing is left beside it."""
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1234, 5678)
    (tmp_path / "link.toml").symlink_to("hosts.toml")
    before = path.stat()
    hosts_file(tmp_path / "link.toml").drain("db", True)
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert (tmp_path / "link.toml").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["hosts.toml", "link.toml"]
    assert [row.name for row in hosts_file(path).read() if row.document.get("Availability") == "drain"] == ["db"]


def test_what_is_so_already_is_not_written(path: Path) -> None:
    """The file stays the very same."""
    before = path.stat()
    hosts_file(path).drain("web-2", False)
    assert path.stat() == before


def test_a_byte_order_mark_stays(path: Path) -> None:
    """It is there once, and in front."""
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    hosts_file(path).drain("db", True)
    assert path.read_bytes().split(b"\xef\xbb\xbf")[0] == b""
    assert path.read_bytes().count(b"\xef\xbb\xbf") == 1


def test_what_cannot_be_changed_says_why(path: Path) -> None:
    """It names the file, and says what to do; nothing is written."""
    with pytest.raises(NotFound, match=rf"^{path}: there is no host called 'x' in it; the hosts are web-1, web-2, db$"):
        hosts_file(path).drain("x", True)
    path.write_text("host = [{ name = 'a', stage = 'fake' }]")
    with pytest.raises(Denied, match=rf"^{path}: a is not written as a table .*: write drained = true there by hand$"):
        hosts_file(path).drain("a", True)
    path.write_text("[[host]\n")
    with pytest.raises(Invalid, match=f"^{path}:1: "):
        hosts_file(path).drain("a", True)


def test_a_file_that_cannot_be_written_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that is read-only says so, whoever asks."""

    def read_only(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "replace", read_only)
    with pytest.raises(Denied, match=rf"^{path}: cannot be written: Read-only file system; write it there by hand$"):
        hosts_file(path).drain("db", True)
    assert (path.read_text(), os.listdir(path.parent)) == (TEXT, ["hosts.toml"])


def test_a_file_that_is_changed_meanwhile_stays_as_it_is_then(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another writes while it is edited is not lost."""

    def edited_by_another(text: str, place: int, *, drained: bool) -> str | None:
        path.write_text("# mine now\n")
        return with_drained(text, place, drained=drained)

    monkeypatch.setattr(file, "with_drained", edited_by_another)
    with pytest.raises(Conflict, match=rf"^{path}: it was changed meanwhile, and is left as it is now: try again$"):
        hosts_file(path).drain("db", True)
    assert (path.read_text(), os.listdir(path.parent)) == ("# mine now\n", ["hosts.toml"])
