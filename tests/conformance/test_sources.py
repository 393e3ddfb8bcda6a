"""The kit on every source: the one in memory, the docker command's contexts, a file of hosts."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from trio.testing import MockClock

from backends.contexts import ContextsStage
from backends.contexts.store import id_of
from backends.hosts import HostsStage
from swarmkit.testing import SERVICE_CHECKS, SOURCE_CHECKS, Check, HeldNames, ListSource, SourceSubject, Subject

FIRST = "docker unix:///run/first.sock"


def list_subject(folder: Path) -> SourceSubject:
    """Make a subject of a source in memory."""
    source = ListSource({"first": FIRST}, names=HeldNames())
    return SourceSubject(
        name="list", open=source.open, add=source.add, remove=source.remove, drains=True, holds_names=True
    )


def contexts_subject(folder: Path) -> SourceSubject:
    """Make a subject of contexts in a folder, written there as the docker command writes them."""

    def meta(name: str) -> Path:
        return folder / "contexts" / "meta" / id_of(name) / "meta.json"

    async def add(name: str, stage: str) -> None:
        endpoint = {"Host": shlex.split(stage)[1], "SkipTLSVerify": False}
        meta(name).parent.mkdir(parents=True, exist_ok=True)
        meta(name).write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}))

    async def remove(name: str) -> None:
        meta(name).unlink()
        meta(name).parent.rmdir()

    stage = ContextsStage()
    return SourceSubject(name="contexts", open=lambda: stage.open(None), add=add, remove=remove)


def hosts_subject(folder: Path) -> SourceSubject:
    """Make a subject of a file of hosts with labels, which is replaced as an editor does it."""
    path, new = folder / "hosts.toml", folder / "hosts.toml.new"
    stages = {"first": FIRST}

    def write() -> None:
        hosts = [f'[[host]]\nname = "{name}"\nstage = "{stage}"' for name, stage in stages.items()]
        new.write_text("\n".join(f'{host}\nlabels = {{ zone = "a" }}\n' for host in hosts))
        new.replace(path)

    async def add(name: str, stage: str) -> None:
        stages[name] = stage
        write()

    async def remove(name: str) -> None:
        del stages[name]
        write()

    write()
    stage = HostsStage(str(path))
    return SourceSubject(name="hosts", open=lambda: stage.open(None), add=add, remove=remove, drains=True)


SUBJECTS: dict[str, Callable[[Path], SourceSubject]] = {
    "list": list_subject,
    "contexts": contexts_subject,
    "hosts": hosts_subject,
}


@pytest.fixture(params=list(SUBJECTS))
def subject(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SourceSubject:
    """Give each source; this user's own contexts are out of the way."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return SUBJECTS[request.param](tmp_path)


@pytest.mark.parametrize("check", SERVICE_CHECKS, ids=str)
async def test_service(subject: SourceSubject, check: Check[Subject], autojump_clock: MockClock) -> None:
    """Every source is a service."""
    await check(subject)


@pytest.mark.parametrize("check", SOURCE_CHECKS, ids=str)
async def test_source(subject: SourceSubject, check: Check[SourceSubject], autojump_clock: MockClock) -> None:
    """Every source is a source."""
    await check(subject)
