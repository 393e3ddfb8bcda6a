"""`docker cp` and `export` are the same on the virtual host, file by file and as archives."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from .cli import Cli
from .same import same

pytestmark = pytest.mark.over_ssh


def _archive(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _contents(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return [f"{entry.name} {entry.type!r} {entry.mode:o} {entry.size}" for entry in tar]


def _container(cli: Cli) -> None:
    cli.quiet("run", "-d", "--name", "web", "busybox", "sh", "-c", "mkdir -p /a/b; echo one > /a/b/one; sleep 60")
    cli.until("exec", "web", "ls", "/a/b", gives="one")


@same
def test_files(cli: Cli) -> None:
    """Files and directories, in and out."""
    _container(cli)
    with TemporaryDirectory(dir="/tmp") as folder:
        here = Path(folder)
        (here / "in" / "deep").mkdir(parents=True)
        (here / "in" / "deep" / "file").write_bytes(bytes(range(256)) * 4096)
        cli.quiet("cp", f"{here}/in", "web:/new")
        cli.run("exec", "web", "md5sum", "/new/deep/file")
        cli.quiet("cp", f"{here}/in/deep/file", "web:/a/")
        cli.run("exec", "web", "find", "/a", "-type", "f")
        cli.quiet("cp", "web:/a", f"{here}/out")
        cli.transcript.note("\n".join(sorted(str(path.relative_to(here)) for path in here.glob("out/**/*"))))
        assert (here / "out" / "file").read_bytes() == bytes(range(256)) * 4096
        cli.quiet("cp", "-a", "web:/a/b/one", f"{here}/one")
        cli.transcript.note((here / "one").read_text())


@same
def test_archives(cli: Cli) -> None:
    """A tar archive from standard input, and to standard output."""
    _container(cli)
    cli.run("cp", "-", "web:/tmp", stdin=_archive(x=b"hello\n", y=b"world\n"))
    cli.run("exec", "web", "cat", "/tmp/x", "/tmp/y")
    result = cli.run("cp", "web:/a", "-", tell=False)
    cli.transcript.note("\n".join(_contents(result.stdout)))
    cli.run("cp", "-", "web:/tmp", stdin=b"this is no archive", code=1)


@same
def test_stopped(cli: Cli) -> None:
    """Files are copied to and from what is not running."""
    cli.quiet("create", "--name", "web", "busybox", "cat", "/tmp/x")
    cli.run("cp", "-", "web:/tmp", stdin=_archive(x=b"hello\n"))
    cli.run("start", "-a", "web")
    result = cli.run("cp", "web:/tmp/x", "-", tell=False)
    cli.transcript.note("\n".join(_contents(result.stdout)))


@same
def test_copy_refusals(cli: Cli) -> None:
    """What is not there, on either side."""
    _container(cli)
    cli.run("cp", "web:/no/such", "-", code=1)
    cli.run("cp", "web:/no/such", "/tmp/nowhere", code=1)
    cli.run("cp", "/etc/hostname", "web:/no/such/folder/", code=1)
    cli.run("cp", "/no/such", "web:/tmp", code=1)
    cli.run("cp", "nobody:/tmp", "-", code=1)
    cli.run("cp", "-", "web:/etc/passwd", stdin=_archive(x=b""), code=1)
    cli.run("cp", "-", "nobody:/tmp", stdin=_archive(x=b""), code=1)
    cli.run("cp", "web:/tmp", "web:/var", code=1)


@same
def test_export(cli: Cli) -> None:
    """The export is the whole file system."""
    cli.quiet("run", "--name", "web", "busybox", "sh", "-c", "echo hello > /tmp/x")
    result = cli.run("export", "web", tell=False)
    cli.transcript.note("\n".join(sorted(_contents(result.stdout))))
    cli.run("export", "nobody", code=1)
