"""Images through `docker` are the same on the virtual host, as far as running needs them."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from .cli import Cli
from .same import same

ROW = ("--format", "{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}}")


@same
def test_list(cli: Cli) -> None:
    """An image that is on every host is listed once."""
    cli.run("images")
    cli.run("images", "--no-trunc", *ROW)
    cli.run("images", "-q")
    cli.run("images", "busybox", *ROW)
    cli.run("images", "nosuch", *ROW)
    cli.run("images", "--digests")
    cli.run("images", "--filter", "reference=busy*", *ROW)
    cli.run("images", "--filter", "dangling=true", *ROW)
    cli.run("images", "--filter", "before=busybox", *ROW)
    cli.run("images", "--filter", "label=x", *ROW)
    cli.run("images", "--filter", "nosuch=x", code=1)
    cli.run("images", "--filter", "before=nosuch", code=1)


@same
def test_filters(cli: Cli) -> None:
    """Several images, some made within a second, are chosen among as by one engine, wherever they are."""
    layer = _empty_layer()
    for name, change in (("low:1", "LABEL tier=low"), ("high:1", "LABEL tier=high"), ("-", "CMD x")):
        cli.quiet("import", "--change", change, "-", *([] if name == "-" else [name]), stdin=layer)
    cli.quiet("tag", "high:1", "team/high:2")
    names = ("images", "--format", "{{.Repository}}:{{.Tag}}")
    for filters in (
        *(["label=tier"], ["label=tier=low"], ["label=tier=low", "label=tier=high"], ["dangling=true"]),
        *(["dangling=false"], ["before=low:1"], ["before=high:1"], ["since=low:1"], ["since=busybox"]),
        *(["since=busybox", "before=high:1"], ["reference=high"], ["reference=*/*"], ["reference=h*", "reference=l*"]),
        *(["reference=team/high:2"], ["reference=nosuch"], ["reference=?[hi]gh"], ["label=tier", "reference=low"]),
    ):
        cli.run(*names, *(word for each in filters for word in ("--filter", each)), arrange=_sorted)
    for wrong in ("dangling=maybe", "since=nosuch", "before=nosuch:1"):
        cli.run(*names, "--filter", wrong, code=1)
    cli.quiet("image", "prune", "-f")
    cli.quiet("rmi", "low:1", "high:1", "team/high:2")


@same
def test_tag_and_remove(cli: Cli) -> None:
    """A tag is put on and taken off wherever the image is."""
    cli.run("tag", "busybox", "mine:1")
    cli.run("tag", "mine:1", "registry.example/some/path:2")
    cli.run("images", *ROW, arrange=_sorted)
    cli.run("run", "--rm", "mine:1", "echo", "hi")
    cli.run("rmi", "mine:1", "registry.example/some/path:2")
    cli.run("images", *ROW)


@same
def test_image_refusals(cli: Cli) -> None:
    """What is not there, badly named, or in use."""
    cli.run("tag", "nosuch", "mine", code=1)
    cli.run("tag", "busybox", "Not:Valid", code=1)
    cli.run("rmi", "nosuch", code=1)
    cli.run("image", "inspect", "nosuch", code=1)
    cli.run("history", "nosuch", code=1)
    cli.run("save", "nosuch", code=1)
    cli.run("load", stdin=b"no archive", code=1)


@same
def test_an_image_in_use(cli: Cli) -> None:
    """An image that a container needs is not removed."""
    archive = cli.run("save", "busybox", tell=False).stdout
    cli.quiet("create", "--name", "web", "busybox")
    cli.run("rmi", "busybox", code=1)
    cli.quiet("load", stdin=archive)  # what has no container lost it


@same
def test_inspect_and_history(cli: Cli) -> None:
    """One image is looked into by name and by id."""
    cli.run("image", "inspect", "busybox", "-f", "{{.Id}} {{json .RepoTags}} {{json .Config.Cmd}} {{.Architecture}}")
    identity = cli.quiet("image", "inspect", "busybox", "-f", "{{.Id}}")
    cli.run("image", "inspect", identity, "-f", "{{json .RepoTags}}")
    cli.run("image", "inspect", identity[7:19], "-f", "{{json .RepoTags}}")
    cli.run("history", "busybox", "--format", "{{.ID}} {{.CreatedBy}} {{.Size}}")


@pytest.mark.over_ssh
@same
def test_save_and_load(cli: Cli) -> None:
    """What is saved can be loaded again."""
    cli.quiet("tag", "busybox", "kept:1")
    archive = cli.run("save", "kept:1", tell=False).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        cli.transcript.note(json.load(manifest)[0]["RepoTags"])
    cli.run("rmi", "kept:1")
    cli.run("load", stdin=archive)
    cli.run("load", "-q", stdin=archive)
    cli.run("images", "kept", *ROW)
    cli.run("rmi", "kept:1")


@same
def test_image_prune(cli: Cli) -> None:
    """Nothing that has a name is pruned."""
    cli.run("image", "prune", "-f")
    cli.run("images", *ROW)


def _sorted(text: str) -> str:
    return "\n".join(sorted(text.splitlines()))


def _empty_layer() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w"):
        pass
    return buffer.getvalue()
