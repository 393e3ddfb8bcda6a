"""The file system in memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.fake.archive import make_tar, read_tar
from backends.fake.files import Change, File, Files, Missing, Unsuitable, folder, link
from swarmkit.errors import Invalid


def tree_of() -> dict[str, File]:
    """Make a small image."""
    return {"/": folder(), "/etc": folder(), "/etc/name": File(b"image"), "/home": folder(), "/to": link("etc")}


def test_an_image_is_not_changed_by_its_containers() -> None:
    """Two containers of one image do not see each other's changes."""
    image = tree_of()
    one, two = Files(image), Files(image)
    one.open("/etc/name", 1).data += b"one"
    one.remove("/home")
    assert (bytes(two.find("/etc/name")[1].data), two.children("/")) == (b"image", ["etc", "home", "to"])


def test_links_are_followed() -> None:
    """A link among a path's folders is followed, and so is the last unless told otherwise."""
    files = Files(tree_of())
    assert files.find("/to/name")[0] == "/etc/name"
    assert files.find("/to")[0] == "/etc"
    assert files.find("/to", follow=False)[0] == "/to"


def test_a_circle_of_links_is_no_file() -> None:
    """Links that lead to each other lead nowhere."""
    files = Files({"/": folder(), "/a": link("b"), "/b": link("a")})
    with pytest.raises(Missing):
        files.find("/a")


def test_changes_name_what_differs() -> None:
    """Changed, added and removed paths are told, with the folders they are in."""
    files = Files(tree_of())
    files.open("/etc/name", 1, append=True)
    files.make_folders("/new/deep", 1)
    files.remove("/home")
    assert files.changes() == [
        Change("/etc", 0),
        Change("/etc/name", 0),
        Change("/home", 2),
        Change("/new", 1),
        Change("/new/deep", 1),
    ]


def test_a_volume_is_shared_and_takes_on_what_was_there() -> None:
    """A new volume begins with the image's files of its place, and containers share it."""
    volume: dict[str, File] = {}
    one, two = Files(tree_of()), Files(tree_of())
    one.mount("/etc", volume, 0)
    two.mount("/data", volume, 0)
    one.open("/etc/more", 1).data += b"shared"
    assert two.children("/data") == ["more", "name"]
    assert two.find("/data/more")[1].data == b"shared"


def test_a_file_is_no_folder() -> None:
    """A file cannot take a folder's place, nor be one."""
    files = Files(tree_of())
    with pytest.raises(Unsuitable):
        files.open("/etc", 1)
    with pytest.raises(Unsuitable):
        files.put("/etc/name/x", File())


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.binary(max_size=100), max_size=5))
def test_archives_give_back_what_went_in(contents: dict[str, bytes]) -> None:
    """What is made an archive and read again is the same."""
    read = read_tar(make_tar((name, File(data)) for name, data in contents.items()))
    assert {path[1:]: bytes(node.data) for path, node in read.items()} == contents


@pytest.mark.parametrize("data", [b"", b"garbage", b"x" * 1024])
def test_what_is_no_archive_is_invalid(data: bytes) -> None:
    """Bytes that are no archive are refused."""
    with pytest.raises(Invalid):
        read_tar(data)
