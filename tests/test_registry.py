from pathlib import Path

import pytest
import trio

from swarmkit import (
    Code,
    Internal,
    Invalid,
    Listing,
    Message,
    NotFound,
    Part,
    Registry,
    Role,
    Service,
    Stage,
    SwarmError,
    Unavailable,
    Verb,
    open_pipe,
    open_registry,
    part,
)
from tests.stages import Noted, NotedStage, Notes, part_of, registry


def declare(folder: Path, package: str, **parts: str) -> None:
    """Make a folder hold a distribution that declares parts, as an installed package does."""
    info = folder / f"{package}-1.dist-info"
    info.mkdir(parents=True)
    lines = [f"{name} = {value}" for name, value in parts.items()]
    (info / "entry_points.txt").write_text("\n".join(["[swarmkit.backends]", *lines, ""]))
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder from which Python imports."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def write_part(folder: Path, module: str, name: str) -> None:
    """Write a third party's module with one part."""
    text = f"""
from swarmkit import Role
from tests.stages import part_of

{name} = part_of(Role.BACKEND, "{name}")
"""
    (folder / f"{module}.py").write_text(text)


def test_a_third_partys_part_is_found_by_its_entry_point(site: Path) -> None:
    """Declaring a part in the group is all that a package has to do."""
    write_part(site, "strange_part", "strange")
    declare(site, "stranger", strange="strange_part:strange")
    assert Registry().find("strange").parse(["x"]).name == "x"


def test_a_part_is_loaded_when_it_is_asked_for(site: Path) -> None:
    """Making a registry and listing its names imports nobody's code."""
    declare(site, "stranger", fatal="no_such_module:part")
    assert "fatal" in Registry().names()


@pytest.mark.parametrize(
    ("module", "text", "reason"),
    [
        ("broken_a", "1 / 0", "ZeroDivisionError: division by zero"),
        ("broken_b", "import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("broken_c", "def", "SyntaxError: invalid syntax"),
        ("broken_d", "", "AttributeError: module 'broken_d' has no attribute 'part'"),
    ],
)
def test_a_part_that_cannot_be_loaded_is_named_with_its_file(site: Path, module: str, text: str, reason: str) -> None:
    """Whatever goes wrong in importing, the error has the part, the file, and the cause."""
    (site / f"{module}.py").write_text(text)
    declare(site, "stranger", bad=f"{module}:part")
    with pytest.raises(Internal) as raised:
        Registry().find("bad")
    expected = f"the part 'bad' ({module}:part) cannot be loaded from {site}/{module}.py: {reason}"
    assert raised.value.message[: len(expected)] == expected
    assert raised.value.__cause__ is not None


def test_the_file_in_the_way_is_named(site: Path) -> None:
    """Where another package has the name of the one meant, its file is told."""
    (site / "in_the_way").mkdir()
    (site / "in_the_way" / "__init__.py").write_text("")
    declare(site, "stranger", bad="in_the_way.sub.module:part")
    with pytest.raises(Internal, match=f"cannot be loaded from {site}/in_the_way/__init__.py: ModuleNotFoundError"):
        Registry().find("bad")


def test_a_module_that_is_nowhere_is_said_to_be(site: Path) -> None:
    """Where there is no file at all, the error says so."""
    declare(site, "stranger", bad="no_such_package.module:part")
    with pytest.raises(Internal, match="cannot be loaded from nowhere: there is no such module"):
        Registry().find("bad")


def test_what_is_no_part_is_named_with_its_file(site: Path) -> None:
    """An entry point that leads to something else says to what."""
    (site / "no_part.py").write_text("thing = 3")
    declare(site, "stranger", bad="no_part:thing")
    with pytest.raises(Internal, match=rf"\(no_part:thing\) in {site}/no_part.py is no swarmkit part but of type int"):
        Registry().find("bad")


def test_a_name_of_two_packages_is_refused(site: Path) -> None:
    """Which of two would win would hang on the order of a path: neither does."""
    declare(site, "one", twice="a:part")
    declare(site, "two", twice="b:part")
    with pytest.raises(Internal) as raised:
        Registry().find("twice")
    assert {"a:part of one", "b:part of two"} <= set(raised.value.message.partition(": ")[2].split(", "))


def test_an_added_part_takes_the_place_of_an_installed_one(site: Path) -> None:
    """A program's own part is meant where it has the name of an installed one."""
    declare(site, "stranger", mine="no_such_module:part")
    known = Registry()
    mine = part_of(Role.BACKEND, "mine")
    known.add(mine)
    assert known.find("mine") is mine


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bakend", "there is no part called 'bakend'; did you mean 'backend'?"),
        ("zzz", "there is no part called 'zzz'; known are backend, front, layer, source"),
    ],
)
def test_an_unknown_part_is_answered_with_what_is_known(name: str, message: str) -> None:
    """A name that is near is offered, else all are."""
    with pytest.raises(NotFound) as raised:
        registry().find(name)
    assert raised.value.message == message


def test_an_empty_registry_says_that_nothing_is_installed() -> None:
    """Where nothing is known the reason is not the name."""
    with pytest.raises(NotFound, match=r"none is installed \(entry-point group swarmkit.backends\)"):
        Registry(installed=False).find("docker")


# -- as a service ------------------------------------------------------------------------------------------------------


async def test_ls_lists_the_parts() -> None:
    """The registry's rows are its parts, with role and summary."""
    async with open_registry(registry()) as service:
        listing = Listing.of(await service(Message(Verb.LS)))
    assert [(row.name, row.path, row.document["Role"]) for row in listing] == [
        (name, (name,), name) for name in ("backend", "front", "layer", "source")
    ]
    assert {row.document["Summary"] for row in listing} == {"Do nothing of use."}


async def test_a_broken_part_hides_no_other(site: Path) -> None:
    """LS names a part that cannot be loaded as missing, with the reason."""
    declare(site, "stranger", bad="no_such_module:part")
    known = Registry([part_of(Role.BACKEND, "good")])
    async with open_registry(known) as service:
        listing = Listing.of(await service(Message(Verb.LS)))
    assert "good" in {row.name for row in listing}
    assert "no_such_module" in {gap.member: gap.reason for gap in listing.missing}["bad"]


async def test_attach_finds_a_part() -> None:
    """ATTACH resolves a part's name to its row."""
    async with open_registry(registry()) as service:
        reply = await service(Message(Verb.ATTACH, ("layer",)))
    assert (reply.path, reply["document"]["Role"]) == (("layer",), "layer")


async def test_spawn_makes_an_instance_that_its_owner_closes() -> None:
    """The reply's `ret` is the opened stage; closing it ends that stage, and then it is gone."""
    notes = Notes()
    stage = NotedStage(Role.BACKEND, "x", notes)
    async with open_registry(Registry([part_with(stage)], installed=False)) as service:
        reply = await service(Message(Verb.SPAWN, (), {"name": "kept"}))
        instance = reply.ret
        assert isinstance(instance, Service)
        assert (await instance(Message(Verb.GET)))["names"] == ["x"]
        await instance.aclose()  # type: ignore[attr-defined]
        assert notes.lines == ["open x", "close x"]
        with pytest.raises(NotFound, match="this instance of x has been closed"):
            await instance(Message(Verb.GET))


def part_with(stage: NotedStage) -> Part:
    """Make a part called `kept` that gives one stage whatever is asked."""

    @part(stage.role, "kept")
    def make() -> Stage:
        return stage

    return make


async def test_instances_end_with_the_registry() -> None:
    """What nobody closed ends with the block, though it was made in another task, which is over."""
    notes = Notes()
    async with open_registry(Registry([part_with(NotedStage(Role.BACKEND, "x", notes))], installed=False)) as service:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service, Message(Verb.SPAWN, (), {"name": "kept"}))
        assert notes.lines == ["open x"]
    assert notes.lines == ["open x", "close x"]


class Closable(Noted):
    """A service that knows whether it has been closed."""

    closed = False

    async def aclose(self) -> None:
        Closable.closed = True


async def test_a_layer_is_made_over_the_service_handed_over() -> None:
    """SPAWN of a layer takes the service behind it as `ret`, and owns it."""
    Closable.closed = False
    async with open_registry(registry()) as service:
        message = Message(Verb.SPAWN, (), {"name": "layer", "spec": {"args": ["l"]}}, ret=Closable("behind", None))
        instance = (await service(message)).ret
        assert isinstance(instance, Service)
        assert (await instance(Message(Verb.GET)))["names"] == ["l", "behind"]
        await instance.aclose()  # type: ignore[attr-defined]
    assert Closable.closed


@pytest.mark.parametrize(
    ("path", "args", "behind", "code", "message"),
    [
        ((), {}, False, Code.INVALID, "SPAWN takes the part's `name`"),
        ((), {"name": "backend", "spec": {"args": "x"}}, False, Code.INVALID, "SPAWN takes the part's `name`"),
        ((), {"name": "backend", "spec": {"args": ["--x"]}}, False, Code.INVALID, "backend: No such option"),
        ((), {"name": "backend"}, True, Code.INVALID, "backend takes no service behind it"),
        ((), {"name": "layer"}, False, Code.INVALID, "layer needs a service behind it"),
        ((), {"name": "zzz"}, True, Code.NOT_FOUND, "there is no part called 'zzz'"),
        (("backend",), {"name": "x"}, True, Code.NOT_IMPLEMENTED, "the registry makes instances of parts"),
    ],
)
async def test_a_spawn_that_is_refused_closes_what_it_brought(
    path: tuple[str, ...], args: dict[str, object], behind: bool, code: Code, message: str
) -> None:
    """A refusal says what is wrong; the ends of the request are not left open."""
    Closable.closed = False
    sender, receiver = open_pipe()
    async with open_registry(registry()) as service:
        ret = Closable("behind", None) if behind else None
        with pytest.raises(SwarmError) as raised:
            await service(Message(Verb.SPAWN, path, args, ret=ret, att=receiver))
    assert (raised.value.code, raised.value.message[: len(message)], Closable.closed) == (code, message, behind)
    with pytest.raises(trio.BrokenResourceError):
        await sender.send_all(b"x")


async def test_an_instance_that_does_not_open_fails_its_spawn_only() -> None:
    """The error of opening goes to who asked, as it is; the registry goes on."""
    stage = NotedStage(Role.BACKEND, "x", error=Unavailable("no room"))
    async with open_registry(Registry([part_with(stage)], installed=False)) as service:
        with pytest.raises(Unavailable, match="no room"):
            await service(Message(Verb.SPAWN, (), {"name": "kept"}))
        assert len(Listing.of(await service(Message(Verb.LS)))) == 1


@pytest.mark.parametrize(
    ("message", "error"),
    [(Message(Verb.LS, ("x",)), NotFound), (Message(Verb.ATTACH), Invalid), (Message(Verb.ATTACH, ("zzz",)), NotFound)],
)
async def test_the_registry_refuses_what_it_does_not_have(message: Message, error: type[SwarmError]) -> None:
    """A path that names no part is an error of the closed list."""
    async with open_registry(registry()) as service:
        with pytest.raises(error):
            await service(message)
