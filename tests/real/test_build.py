"""`docker build` is the same on the virtual host, with the classic builder and with BuildKit."""

from __future__ import annotations

import contextlib
import io
import os
import random
import re
import signal
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from docker.errors import BuildError

from swarmkit.http import Headers, RequestHead

from .asking import connected
from .cli import TIMEOUT, Cli, docker_binaries
from .docker_py import Python
from .engines import Engine
from .same import PlayBoth, Scenario, same, same_in_python
from .swarm import Swarmd, over, serving

FILES = {
    "Dockerfile": """\
FROM busybox
ARG WORD=none
RUN echo built with $WORD > /word
COPY . /context
LABEL kind=test
CMD ["cat", "/word"]
""",
    "failing": "FROM busybox\nRUN echo before >&2; exit 7\nRUN echo never\n",
    "wrong": "FROM busybox\nNOSUCH thing\n",
    "homeless": "FROM nosuch.example.invalid/base\nRUN true\n",
    "slow": "FROM busybox\nARG SECONDS\nRUN echo begun; exec sleep $SECONDS\n",
    "upon": "FROM mine:1\nRUN cat /word > /upon\nCMD cat /upon\n",
    "staged": "FROM busybox AS one\nRUN echo first > /first\nFROM busybox\nCOPY --from=one /first /\nCMD cat /first\n",
    "secret": "FROM busybox\nRUN --mount=type=secret,id=word cat /run/secrets/word\n",
    ".dockerignore": "left-out\n",
    "kept": "kept\n",
    "left-out": "left out\n",
}

_FOLDER = tempfile.TemporaryDirectory(prefix="docker-build-")
CONTEXT = _FOLDER.name
"""The folder that is built: the same for all who build, so that the words of commands are."""

SHOWN = ("-f", "{{json .Config.Cmd}} {{json .Config.Labels}} {{len .RootFS.Layers}}")


@pytest.fixture(scope="module", autouse=True)
def context(engines: list[Engine]) -> Iterator[None]:
    """Fill the folder; delete it in the end, and what was built."""
    for name, text in FILES.items():
        (Path(CONTEXT) / name).write_text(text)
    yield
    _FOLDER.cleanup()
    for engine in engines:
        engine.call("POST", "/build/prune?all=1")
        engine.clean()


def _speaks_buildkit(binary: str) -> bool:
    """Tell whether a docker command builds with BuildKit without a plug-in, as they did up to version 20.10."""
    words = subprocess.run([binary, "--version"], capture_output=True, check=True).stdout.decode().split()
    return int(words[2].partition(".")[0]) <= 20


@cache
def _buildkit_command() -> str:
    """Return the docker command that builds with BuildKit; skip the test where there is none."""
    binary = next(filter(_speaks_buildkit, docker_binaries()), None)
    if binary is None:
        pytest.skip("no docker command here builds with BuildKit by itself")
    return binary


def same_with_buildkit(scenario: Scenario) -> Callable[..., None]:
    """Return the test that plays a scenario with BuildKit, on a virtual host at hand and on one through ssh."""

    @pytest.mark.parametrize("way", ["local", "ssh"], indirect=True, scope="module")
    def test(play_both: PlayBoth) -> None:
        play_both(_play_with_buildkit, scenario)

    test.__name__ = test.__qualname__ = scenario.__name__
    test.__doc__ = scenario.__doc__
    return test


def _play_with_buildkit(scenario: Scenario, url: str) -> list[str]:
    cli = Cli(_buildkit_command(), url)
    cli.environment["DOCKER_BUILDKIT"] = "1"
    try:
        scenario(cli)
        return cli.transcript.lines
    finally:
        cli.clear()
        cli.close()


def _build(cli: Cli, *words: str, code: int = 0) -> None:
    cli.run("build", "--no-cache", *words, CONTEXT, code=code)


# -- the classic builder ----------------------------------------------------------------------------------------------


@same
def test_build(cli: Cli) -> None:
    """Steps, ids, arguments and what is ignored; the image runs wherever it was built, and is removed."""
    _build(cli, "-t", "mine:1", "-t", "mine:2", "--build-arg", "WORD=this")
    cli.run("build", "-t", "mine:1", "--build-arg", "WORD=this", CONTEXT)
    cli.run("run", "--rm", "mine:1")
    cli.run("run", "--rm", "mine:2", "ls", "/context", arrange=lambda text: re.sub(r"(?m)^(?!kept|left).*\n", "", text))
    cli.run("image", "inspect", "mine:1", *SHOWN)
    cli.run("rmi", "-f", "mine:1", "mine:2", arrange=_untagged)


@same
def test_build_refusals(cli: Cli) -> None:
    """A step that fails, an instruction and a base that there are not, and a context without its file."""
    _build(cli, "-f", f"{CONTEXT}/failing", code=7)
    _build(cli, "-f", f"{CONTEXT}/wrong", code=1)
    cli.run("build", "-", stdin=_tar(Nothing="FROM busybox"), code=1)
    cli.run("build", "-", stdin=b"", code=1)
    _build(cli, "--network", "container:nosuch", "-q", code=1)


@same
def test_build_upon_what_was_built(cli: Cli) -> None:
    """What is built next finds what was built before, and a build of several stages its own."""
    _build(cli, "-q", "-t", "mine:1", "--build-arg", "WORD=below")
    _build(cli, "-q", "-t", "mine:3", "-f", f"{CONTEXT}/upon")
    cli.run("run", "--rm", "mine:3")
    _build(cli, "-t", "mine:4", "-f", f"{CONTEXT}/staged")
    cli.run("run", "--rm", "mine:4")
    cli.quiet("rmi", "-f", "mine:4", "mine:3", "mine:1")


@same
def test_build_from_input(cli: Cli) -> None:
    """A Dockerfile, or a whole context, comes as input."""
    cli.run("build", "--no-cache", "-t", "mine:1", "-", stdin=b"FROM busybox\nRUN echo one > /one\n")
    cli.run("build", "--no-cache", "-q", "-t", "mine:1", "-", stdin=_tar(Dockerfile="FROM busybox\nCOPY a /\n", a="x"))
    cli.run("run", "--rm", "mine:1", "cat", "/a")
    cli.quiet("rmi", "-f", "mine:1")


@pytest.mark.over_ssh
@same
def test_build_of_much(cli: Cli) -> None:
    """A context of some megabytes arrives whole."""
    archive = _tar(Dockerfile="FROM busybox\nCOPY much /\nRUN wc -c /much; md5sum /much\n", much="0123456789" * 500_000)
    cli.run("build", "--no-cache", "-", stdin=archive)


@same
def test_build_beside_a_container(cli: Cli) -> None:
    """A build in the network of a container is where that is."""
    cli.quiet("run", "-d", "--name", "web", "--hostname", "nearby", "busybox", "sleep", "60")
    archive = _tar(Dockerfile="FROM busybox\nRUN ifconfig eth0 | grep -c 'inet addr'\n")
    cli.run("build", "--no-cache", "--network", "container:web", "-", stdin=archive)


@pytest.mark.over_ssh
@same
def test_cancelling_a_build(cli: Cli) -> None:
    """Ctrl-C ends the command, and what it has begun."""
    _cancel(cli)


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.over_ssh
@same_in_python
def test_build_with_python(python: Python) -> None:
    """docker-py builds from a folder, and raises what a step failed with, with its output."""
    images = python.client.images
    image, output = images.build(path=CONTEXT, tag="mine:1", nocache=True, rm=True, buildargs={"WORD": "py"})
    python.note(image.id, image.tags, image.labels)
    python.note([line.get("stream", line) for line in output])
    python.note(python.client.containers.run("mine:1", remove=True))
    with pytest.raises(BuildError) as failed:
        images.build(path=CONTEXT, dockerfile="failing", nocache=True)
    python.note(failed.value, list(failed.value.build_log)[-1])
    images.remove("mine:1", force=True)


# -- BuildKit ---------------------------------------------------------------------------------------------------------


@same_with_buildkit
def test_buildkit(cli: Cli) -> None:
    """A build of several requests comes out as one."""
    _plain(cli, "-t", "mine:1", "--build-arg", "WORD=this", CONTEXT)
    cli.run("run", "--rm", "mine:1")
    cli.run("run", "--rm", "mine:1", "ls", "/context", arrange=lambda text: re.sub(r"(?m)^(?!kept|left).*\n", "", text))
    cli.run("image", "inspect", "mine:1", *SHOWN)
    cli.run("build", "-q", "-t", "mine:1", "--build-arg", "WORD=this", CONTEXT)
    _plain(cli, "-t", "mine:2", "-f", f"{CONTEXT}/upon", CONTEXT)
    cli.run("run", "--rm", "mine:2")
    cli.quiet("rmi", "-f", "mine:2", "mine:1")


@same_with_buildkit
def test_buildkit_refusals(cli: Cli) -> None:
    """A step that fails, an instruction and a file that there are not."""
    _plain(cli, "-f", f"{CONTEXT}/failing", CONTEXT, code=1)
    _plain(cli, "-f", f"{CONTEXT}/wrong", CONTEXT, code=1)
    _plain(cli, "-f", f"{CONTEXT}/nosuch", CONTEXT, code=1)


@same_with_buildkit
def test_buildkit_secrets(cli: Cli) -> None:
    """What the engine asks the client for comes from the client that builds."""
    _plain(cli, "--secret", f"id=word,src={CONTEXT}/kept", "-f", f"{CONTEXT}/secret", CONTEXT)
    _plain(cli, "-f", f"{CONTEXT}/secret", CONTEXT, code=1)


@same_with_buildkit
def test_buildkit_from_input(cli: Cli) -> None:
    """A context that comes as input is a request of its own, of the same build."""
    _plain(cli, "-t", "mine:1", "-", stdin=_tar(Dockerfile="FROM busybox\nCOPY a /\n", a="x" * 3_000_000))
    cli.run("run", "--rm", "mine:1", "wc", "-c", "/a")
    cli.quiet("rmi", "-f", "mine:1")


@same_with_buildkit
def test_cancelling_with_buildkit(cli: Cli) -> None:
    """Ctrl-C ends the command, and what it has begun."""
    _cancel(cli, "--progress=plain")


# -- where ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def swarmd(engines: list[Engine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarmd]:
    """Give a swarmd over engines one and two."""
    for engine in engines[:2]:
        engine.clean()
    with serving(tmp_path_factory.mktemp("build") / "swarm.sock", over(engines[:2])) as swarmd:
        yield swarmd


@pytest.fixture(params=[pytest.param(each, id=each) for each in ("classic", "buildkit")])
def builder(request: pytest.FixtureRequest, swarmd: Swarmd) -> Iterator[Cli]:
    """Give a docker command on the virtual host that builds with each builder."""
    cli = Cli(_buildkit_command(), swarmd.url)
    cli.environment["DOCKER_BUILDKIT"] = "1" if request.param == "buildkit" else "0"
    yield cli
    cli.clear()
    cli.close()


def test_a_build_goes_where_it_is_sent(builder: Cli, engines: list[Engine]) -> None:
    """A constraint among the build's arguments says where, and the engine does not see it; containers go there."""
    for engine in engines[:2]:
        name = f"on-{engine.name}"
        where = f"constraint:node=={engine.name}"
        builder.quiet("build", "--no-cache", "-t", name, "--build-arg", where, "--build-arg", "WORD=x", CONTEXT)
        assert engine.docker("images", "-q", name) != ""
        assert builder.quiet("run", "--rm", name) == "built with x"
    assert [engine.docker("images", "-q", "on-two") == "" for engine in engines[:2]] == [True, False]
    builder.quiet("rmi", "-f", "on-one", "on-two")


def test_a_build_that_no_host_may_have(builder: Cli) -> None:
    """Each host is named, and why not."""
    said = builder.run("build", "--build-arg", "constraint:node==three", CONTEXT, code=1).stderr.decode()
    reasons = [f"{host}: does not meet constraint:node==three" for host in ("one", "two")]
    assert f"no host can take the build: {'; '.join(reasons)}" in said


def test_a_tag_moves_to_what_was_built(builder: Cli, engines: list[Engine]) -> None:
    """It does so on every host that has it, as on one engine; of a build that fails it does not."""
    builder.quiet("tag", "busybox", "moved")
    before = _ids(engines, "moved")
    builder.run("build", "-t", "moved", "-f", f"{CONTEXT}/wrong", CONTEXT, code=1)
    assert _ids(engines, "moved") == before
    built = builder.quiet("build", "--no-cache", "-q", "-t", "moved", CONTEXT)
    assert _ids(engines, "moved") == [built, built]
    builder.quiet("rmi", "-f", "moved")


def _ids(engines: list[Engine], name: str) -> list[str]:
    return [engine.docker("images", "-q", "--no-trunc", name).strip() for engine in engines[:2]]


def test_many_builds_at_once_come_out_whole(builder: Cli) -> None:
    """Requests of several builds at one time are not mixed up, wherever each goes."""
    hosts = ["one", "two"] * 2

    def build(number: int, host: str) -> None:
        where = f"constraint:node=={host}"
        builder.quiet("build", "--no-cache", "-t", f"many:{number}", "--build-arg", where, CONTEXT)

    threads = [threading.Thread(target=build, args=each) for each in enumerate(hosts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(len(hosts)):
        assert builder.quiet("run", "--rm", f"many:{number}") == "built with none"
    builder.quiet("rmi", "-f", *(f"many:{number}" for number in range(len(hosts))))


def test_the_cache_is_pruned_everywhere(builder: Cli, engines: list[Engine]) -> None:
    """What was built with BuildKit on two hosts is dropped on both, and the sum told."""
    builder.environment["DOCKER_BUILDKIT"] = "1"
    for host in ("one", "two"):
        builder.quiet("build", "--no-cache", "--build-arg", f"constraint:node=={host}", CONTEXT)
    assert [len(_cache(engine)) > 0 for engine in engines[:2]] == [True, True]
    said = builder.quiet("builder", "prune", "-af")
    assert "Total reclaimed space: " in said
    assert [_cache(engine) for engine in engines[:2]] == [[], []]
    assert "Total reclaimed space: 0B" in builder.quiet("builder", "prune", "-af")


def _cache(engine: Engine) -> list[object]:
    return list(engine.call("GET", "/system/df")["BuildCache"] or [])


def test_a_host_alone_builds(builder: Cli, engines: list[Engine], tmp_path: Path) -> None:
    """Behind a front with one host, all that is built goes there as it came."""
    with serving(tmp_path / "swarm.sock", f"docker {engines[1].url}") as alone:
        builder.environment["DOCKER_HOST"] = alone.url
        builder.quiet("build", "--no-cache", "-t", "alone", "--build-arg", "WORD=x", CONTEXT)
        assert builder.quiet("run", "--rm", "alone") == "built with x"
        builder.quiet("rmi", "-f", "alone")
    builder.environment["DOCKER_HOST"] = builder.url


async def test_conversations_are_http_2(swarmd: Swarmd) -> None:
    """What Buildx opens is the host's own HTTP/2, whose first frame are its settings (RFC 9113, 3.4)."""
    upgrade = (("Host", "docker"), ("Connection", "Upgrade"), ("Upgrade", "h2c"))
    for _ in range(2):
        async with connected(swarmd.socket) as connection:
            await connection.send(RequestHead("POST", "/grpc", Headers((*upgrade, ("Content-Length", "0")))))
            reply = await connection.receive("POST", raw=True)
            assert reply is not None
            assert (reply.head.status, reply.head.headers.get("Upgrade")) == (101, "h2c")
            await connection.stream.send_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5))
            data = b""
            while len(data) < 9:
                some = await reply.body.receive_some()
                assert some
                data += some
            assert data[3] == 4


# -- parts ------------------------------------------------------------------------------------------------------------


def _plain(cli: Cli, *words: str, stdin: bytes | None = None, code: int = 0) -> None:
    """Build with plain progress."""
    cli.run("build", "--no-cache", "--progress=plain", *words, stdin=stdin, code=code, arrange=_steps)


def _steps(text: str) -> str:
    """Leave of BuildKit's progress what does not depend on timing: steps run in any order, and are told in parts."""
    lines = (re.sub(r"^#\d+ (?:<amount> |\d+\.\d+ )?", "", line) for line in text.splitlines())
    kept = (re.sub(r"\b\d+\.\d+s?\b|sha256:\S+|/\S+/buildkit-mount\d+", "<x>", line) for line in lines)
    left_out = re.compile(r"transferring|exporting|<x>$|DONE|^CACHED|^CANCELED|^\.\.\.|^\[internal|^$| done$|resolve ")
    return "\n".join(sorted({line for line in kept if not left_out.search(line)}))


def _untagged(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.startswith("Untagged"))


def _cancel(cli: Cli, *words: str) -> None:
    """Begin the slow build, and press ctrl-C when it has come to its step; on the host that must end, too.

    The command's exit code is no part of it: version 28 ends with 0 or 130, as its own tasks happen to end.
    """
    seconds = str(random.randrange(10**6, 10**7))
    options = ["--no-cache", *words, "--build-arg", f"SECONDS={seconds}", "-f", f"{CONTEXT}/slow"]
    with subprocess.Popen(
        # What starts the tests in the background may have them ignore it.
        ["env", "--default-signal=INT", cli.binary, "build", *options, CONTEXT],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=cli.environment,
        bufsize=0,
    ) as process:
        assert process.stdout is not None
        data = b""
        while not re.search(rb"(?m)^(?:#\d+ [\d.]+ )?begun$", data):
            some = os.read(process.stdout.fileno(), 65536)
            assert some, data
            data += some
        _until(lambda: _sleeps(seconds))
        process.send_signal(signal.SIGINT)
        cli.transcript.note(_steps(cli.transcript.normalise(process.stdout.read().decode())))
    _until(lambda: not _sleeps(seconds))


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def _sleeps(seconds: str) -> bool:
    """Tell whether a process on this machine, on which all engines are, sleeps for so long."""
    wanted = f"sleep\0{seconds}\0".encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if path.read_bytes() == wanted:
                return True
    return False


def _tar(**files: str) -> bytes:
    """Make an archive of files."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return archive.getvalue()
