"""Archives of images made one: everything is in it once, whichever pieces they come in."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkit.engine.archives import MergedArchives
from swarmkit.engine.tar import Entry, TarSplitter
from swarmkit.errors import Invalid

DOCUMENTS = ("manifest.json", "repositories", "index.json", "oci-layout")
LONG = "blobs/" + "deep/" * 40 + "x"


def archive(files: dict[str, Any], *, format: int = tarfile.PAX_FORMAT) -> bytes:
    """Make an archive; a document that is no bytes is JSON."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def read(data: bytes) -> dict[str, Any]:
    """Read an archive back, documents as JSON. An entry that comes twice fails."""
    files: dict[str, Any] = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for entry in tar:
            assert entry.name not in files
            file = tar.extractfile(entry)
            assert file is not None
            files[entry.name] = json.load(file) if entry.name in DOCUMENTS else file.read()
    return files


def merged(*archives: bytes, pieces: int = 1000) -> bytes:
    """Merge archives that come in pieces of so many bytes."""
    whole = MergedArchives()
    out: list[bytes] = []
    for data in archives:
        part = whole.part()
        for place in range(0, len(data), pieces):
            out += part.feed(data[place : place + pieces])
        part.end()
    return b"".join((*out, whole.finish()))


ONE = {
    "a.json": b"config a",
    "l1/layer.tar": b"1" * 700,
    "manifest.json": [{"Config": "a.json", "RepoTags": ["x:1"], "Layers": ["l1/layer.tar"]}],
    "repositories": {"x": {"1": "l1"}},
}
TWO = {
    "oci-layout": {"imageLayoutVersion": "1.0.0"},
    "index.json": {"schemaVersion": 2, "manifests": [{"digest": "b"}]},
    "manifest.json": [
        {"Config": "b.json", "RepoTags": None, "Layers": ["l1/layer.tar", LONG]},
        {"Config": "a.json", "RepoTags": ["x:1", "x:2"], "Layers": ["l1/layer.tar"]},
    ],
    "repositories": {"x": {"2": "l1"}, "y": {"1": "l2"}},
    "l1/layer.tar": b"1" * 700,
    LONG: b"2" * 1024,
    "b.json": b"config b",
}
BOTH = {
    "a.json": b"config a",
    "l1/layer.tar": b"1" * 700,
    LONG: b"2" * 1024,
    "b.json": b"config b",
    "manifest.json": [
        {"Config": "a.json", "RepoTags": ["x:1", "x:2"], "Layers": ["l1/layer.tar"]},
        {"Config": "b.json", "RepoTags": None, "Layers": ["l1/layer.tar", LONG]},
    ],
    "repositories": {"x": {"1": "l1", "2": "l1"}, "y": {"1": "l2"}},
    "oci-layout": {"imageLayoutVersion": "1.0.0"},
    "index.json": {"schemaVersion": 2, "manifests": [{"digest": "b"}]},
}


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("pieces", [1, 511, 512, 513, 100_000])
def test_layers_are_in_the_whole_once_and_documents_merged(format: int, pieces: int) -> None:
    """Wherever in an archive its documents are, and however long the names."""
    assert read(merged(archive(ONE, format=format), archive(TWO, format=format), pieces=pieces)) == BOTH


@given(
    st.lists(
        st.dictionaries(st.sampled_from([*"abcdefgh", LONG]), st.integers(0, 3000), max_size=6), min_size=1, max_size=3
    ),
    st.integers(1, 3000),
)
def test_every_file_is_there_whole(archives: list[dict[str, int]], pieces: int) -> None:
    """Whatever is in the archives: what is of one name has the contents of the first."""
    made = [{name: name[:1].encode() * size for name, size in each.items()} for each in archives]
    expected: dict[str, bytes] = {}
    for each in made:
        for name, data in each.items():
            expected.setdefault(name, data)
    assert read(merged(*map(archive, made), pieces=pieces)) == expected


def test_what_passes_is_not_held() -> None:
    """A layer goes on in the pieces in which it comes."""
    part = MergedArchives().part()
    data = archive({"layer.tar": b"x" * 5000})
    assert b"".join(part.feed(data[:1000])) == data[:1000]
    assert b"".join(part.feed(data[1000:2000])) == data[1000:2000]


@pytest.mark.parametrize("cut", [1, 100, 512, 700, 1600])
def test_an_archive_that_breaks_off_is_refused(cut: int) -> None:
    """Half of one must not pass as a whole."""
    part = MergedArchives().part()
    list(part.feed(archive({"layer.tar": b"x" * 1000})[:cut]))
    with pytest.raises(Invalid, match="broke off"):
        part.end()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no archive" * 100, "not a tar archive"),
        (archive({"manifest.json": b"{"}), "is not JSON"),
        (archive({LONG: b""}).replace(b" path=", b" path:"), "pax records cannot be read"),
    ],
)
def test_what_is_no_archive_is_refused(data: bytes, message: str) -> None:
    """With what is wrong."""
    with pytest.raises(Invalid, match=message):
        list(MergedArchives().part().feed(data))


def test_links_and_folders_have_no_content() -> None:
    """What follows them is the next entry."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind in (("l1", tarfile.DIRTYPE), ("l1/layer.tar", tarfile.SYMTYPE), ("x", tarfile.REGTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "../l0/layer.tar" if kind == tarfile.SYMTYPE else ""
            tar.addfile(entry)
    entries = [piece for piece in TarSplitter().feed(buffer.getvalue()) if isinstance(piece, Entry)]
    assert [(entry.name, entry.size) for entry in entries] == [("l1", 0), ("l1/layer.tar", 0), ("x", 0)]
