import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkit import (
    Host,
    Invalid,
    Message,
    NotFound,
    Pipeline,
    Role,
    Stage,
    SwarmError,
    Unavailable,
    Verb,
    open_pipeline,
    parse_pipeline,
)
from swarmkit.errors import Code
from swarmkit.pipeline import parse_member, parse_stage, split_stages
from tests.stages import NotedStage, Notes, registry


def names_of(pipeline: Pipeline) -> list[str]:
    """Return the stages' names."""
    return [stage.name for stage in pipeline.stages]


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("a", ["a"]),
        ("a | b", ["a ", " b"]),
        ("a|b|c", ["a", "b", "c"]),
        ("a 'x | y' | b", ["a 'x | y' ", " b"]),
        ('a "x | y" | b', ['a "x | y" ', " b"]),
        (r"a x\|y | b", [r"a x\|y ", " b"]),
        (r'a "x \" | y" | b', [r'a "x \" | y" ', " b"]),
        (r"a 'x \' | b", [r"a 'x \' ", " b"]),
        (r"a \\| b", [r"a \\", " b"]),
        (r"a \'| b", [r"a \'", " b"]),
        ('a "it\'s" | b', ['a "it\'s" ', " b"]),
        ("a 'x | y", ["a 'x | y"]),
    ],
)
def test_an_unquoted_bar_parts_the_stages(text: str, stages: list[str]) -> None:
    """Quotes and backslashes hide a bar as a POSIX shell has it; what is left open runs to the end."""
    assert stages == split_stages(text)


@given(st.lists(st.lists(st.text(min_size=1), min_size=1, max_size=3), min_size=1, max_size=3))
def test_quoted_words_survive_splitting(stages: list[list[str]]) -> None:
    """Whatever the words are, quoted as a shell wants it, they come out again, and so do the stages' bounds."""
    text = " | ".join(shlex.join(words) for words in stages)
    assert stages == [shlex.split(piece) for piece in split_stages(text)]


@pytest.mark.parametrize("text", ["|", "a |", "| a", "a || b", "a | | b"])
def test_an_empty_stage_is_refused(text: str) -> None:
    """A bar needs something on either side."""
    with pytest.raises(Invalid, match="a stage is empty"):
        split_stages(text)


def test_one_string_and_several_mean_the_same() -> None:
    """Each of several strings is one or more stages."""
    texts = ["front x | layer y", "backend 'a b'"]
    assert names_of(parse_pipeline(texts, registry())) == ["x", "y", "a b"]
    assert parse_pipeline(texts, registry()) == parse_pipeline(" | ".join(texts), registry())


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("", Code.INVALID, "stage 1 (): a stage is empty"),
        ("bakend", Code.NOT_FOUND, "stage 1 (bakend): there is no part called 'bakend'; did you mean 'backend'?"),
        (
            "layer | zzz x",
            Code.NOT_FOUND,
            "stage 2 (zzz x): there is no part called 'zzz'; known are backend, front, layer, source",
        ),
        ("layer --size x | backend", Code.INVALID, "stage 1 (layer --size x): layer: Invalid value for '--size'"),
        (
            "backend 'x",
            Code.INVALID,
            "stage 1 (backend 'x): cannot split \"backend 'x\" into words: No closing quotation",
        ),
        ("backend x\\", Code.INVALID, "stage 1 (backend x\\): cannot split 'backend x\\\\' into words"),
        ("layer", Code.INVALID, "stage 1 (layer) needs a service behind it: add a backend such as docker"),
        ("front | layer", Code.INVALID, "stage 2 (layer) needs a service behind it"),
        ("backend | backend", Code.INVALID, "stage 1 (backend) must be the last: nothing can stand behind it"),
        ("source | backend", Code.INVALID, "stage 1 (source) must be the last"),
        ("layer | front | backend", Code.INVALID, "stage 2 (front) must be the first: it serves the outside"),
    ],
)
def test_what_is_no_pipeline_names_the_stage(text: str, code: Code, message: str) -> None:
    """An error of parsing says which stage, counted from one, and what is wrong with it."""
    with pytest.raises(SwarmError) as raised:
        parse_pipeline(text, registry())
    assert (code, message) == (raised.value.code, raised.value.message[: len(message)])


def test_no_stages_are_no_pipeline() -> None:
    """A pipeline of nothing is refused."""
    with pytest.raises(Invalid, match="the pipeline is empty"):
        parse_pipeline([], registry())


def test_stages_and_pipelines_chain_with_a_bar() -> None:
    """`|` joins stages and pipelines alike, the front on the left."""
    a, b, c = (NotedStage(Role.LAYER, name) for name in "abc")
    assert (a, b, c) == (a | b | c).stages == (a | (b | c)).stages == ((a | b) | c).stages


def test_what_is_no_stage_does_not_chain() -> None:
    """`|` with anything else is a TypeError, as with any operator."""
    stage: Stage = NotedStage(Role.LAYER, "a")
    with pytest.raises(TypeError, match="unsupported operand"):
        stage | "docker"  # type: ignore[operator]


def test_a_pipeline_prints_on_one_line() -> None:
    """Its text is that of its stages, as they are written."""
    assert str(NotedStage(Role.LAYER, "a") | NotedStage(Role.BACKEND, "b")) == "a | b"


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("backend", Role.BACKEND),
        ("layer | layer | backend", Role.BACKEND),
        ("source", Role.SOURCE),
        ("layer | source", Role.SOURCE),
        ("front | layer | backend", Role.FRONT),
    ],
)
def test_layers_do_not_change_what_a_pipeline_is(text: str, role: Role) -> None:
    """A pipeline is a front where it begins with one, else what its last stage is."""
    assert role is parse_pipeline(text, registry()).role


async def test_stages_open_from_the_last_and_close_from_the_first() -> None:
    """Each stage is given the service behind it, and ends before that service does."""
    notes = Notes()
    pipeline = NotedStage(Role.FRONT, "a", notes) | NotedStage(Role.LAYER, "b", notes)
    pipeline |= NotedStage(Role.BACKEND, "c", notes)
    async with pipeline.open() as service:
        reply = await service(Message(Verb.GET, ("x",)))
    assert reply["names"] == ["a", "b", "c"]
    assert notes.lines == ["open c", "open b", "open a", "close a", "close b", "close c"]


def opening(error: SwarmError | BaseExceptionGroup[Exception], notes: Notes) -> Pipeline:
    """Make a pipeline whose first stage of two fails to open."""
    return NotedStage(Role.LAYER, "a", error=error) | NotedStage(Role.BACKEND, "b", notes)


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("no room", member="m"),
        ExceptionGroup("tasks", [ExceptionGroup("inner", [Unavailable("no room", member="m")])]),
    ],
)
async def test_a_stage_that_does_not_open_is_named(error: SwarmError | ExceptionGroup[Exception]) -> None:
    """The error keeps its kind and details, even out of a nursery, and what was opened behind is closed."""
    notes = Notes()
    with pytest.raises(Unavailable) as raised:
        async with opening(error, notes).open():
            pass  # pragma: no cover
    assert raised.value.message == "stage 1 (a): no room"
    assert raised.value.details == {"member": "m", "stage": 1}
    assert notes.lines == ["open b", "close b"]


async def test_a_stage_that_does_not_open_is_named_once() -> None:
    """A pipeline within a stage has named the stage that is wrong already."""
    with pytest.raises(Unavailable) as raised:
        async with opening(Unavailable("stage 3 (x): no room", stage=3), Notes()).open():
            pass  # pragma: no cover
    assert raised.value.message == "stage 3 (x): no room"


async def test_a_bug_in_opening_stays_what_it_is() -> None:
    """An exception that is none of the toolkit's passes untouched."""
    group = ExceptionGroup("tasks", [Unavailable("no room"), ValueError("bug")])
    with pytest.raises(ExceptionGroup) as raised:
        async with opening(group, Notes()).open():
            pass  # pragma: no cover
    assert group is raised.value


async def test_an_exception_of_the_block_leaves_as_it_is() -> None:
    """What the user's own code raises inside an open pipeline is neither wrapped nor renamed."""
    error = NotFound("mine")
    with pytest.raises(NotFound) as raised:
        async with open_pipeline("layer | backend", registry()):
            raise error
    assert (error, "mine") == (raised.value, raised.value.message)


@pytest.mark.parametrize(
    "pipeline",
    ["backend", ["backend"], NotedStage(Role.BACKEND, "backend"), Pipeline((NotedStage(Role.BACKEND, "b"),))],
)
async def test_a_host_is_opened_from_text_or_objects(pipeline: str | list[str] | Stage | Pipeline) -> None:
    """Whichever way a pipeline is given, what is opened is a host."""
    async with open_pipeline(pipeline, registry()) as host:
        assert isinstance(host, Host)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("a=docker", ("a", "docker")),
        (" a=docker x=y ", ("a", "docker x=y")),
        ("docker x=y", (None, "docker x=y")),
        ("a-b.c_d=debug | docker", ("a-b.c_d", "debug | docker")),
        ("=docker", (None, "=docker")),
        ("a=", (None, "a=")),
    ],
)
def test_a_member_may_have_a_name(text: str, parsed: tuple[str | None, str]) -> None:
    """The first word's `NAME=` names the member; a later `=` is the stage's own."""
    assert parsed == parse_member(text)


def test_a_stage_without_words_is_refused() -> None:
    """Blanks are no stage."""
    with pytest.raises(Invalid, match="a stage is empty"):
        parse_stage("  ", registry())


@pytest.mark.parametrize("behind", ["docker", "debug | docker", 'aggregate "a=docker" "b=debug | docker"'])
def test_a_pipeline_is_not_its_own_host(monkeypatch: pytest.MonkeyPatch, behind: str) -> None:
    """Where DOCKER_HOST is set to what a front serves, the pipeline would ask itself for ever."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///tmp/swarm.sock")
    with pytest.raises(Invalid, match=r"its own host: unix:///tmp/swarm\.sock is served and connected to"):
        parse_pipeline(["dockerserver unix:///tmp/swarm.sock", behind])
    parse_pipeline(["dockerserver unix:///tmp/other.sock", behind])


class Choosing(NotedStage):
    """A source that chooses what it connects to, and leaves out what it is told."""

    def avoiding(self, addresses: frozenset[str]) -> Stage:
        return NotedStage(self.role, f"all but {' '.join(sorted(addresses))}", self.notes)


class Serving(NotedStage):
    """A front on an address."""

    @property
    def serves(self) -> frozenset[str]:
        return frozenset({"unix:///tmp/swarm.sock"})


async def test_a_stage_that_chooses_leaves_out_what_its_pipeline_serves() -> None:
    """What is opened knows the addresses of the front before it; the pipeline keeps what was written."""
    notes = Notes()
    pipeline = Serving(Role.FRONT, "front", notes) | NotedStage(Role.LAYER, "layer", notes)
    pipeline |= Choosing(Role.BACKEND, "choosing", notes)
    async with pipeline.open():
        assert notes.lines == ["open all but unix:///tmp/swarm.sock", "open layer", "open front"]
    assert str(pipeline) == "front | layer | choosing"


def test_a_member_that_would_be_its_own_host_is_named() -> None:
    """Of many members the one that was written wrongly is named."""
    with pytest.raises(Invalid, match=r"^member b: it would be its own host: unix:///tmp/swarm\.sock"):
        parse_pipeline(["dockerserver unix:///tmp/swarm.sock", "aggregate a=fake 'b=docker unix:///tmp/swarm.sock'"])
