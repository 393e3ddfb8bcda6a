from pathlib import Path

import click
import pytest

from swarmkit import Internal, Invalid, Part, Role, Stage, part
from swarmkit.part import meeting
from tests.stages import NotedStage, part_of


def test_words_become_a_stage() -> None:
    """A part parses its words as click does, and gives the stage that its function returns."""
    assert NotedStage(Role.BACKEND, "x 3") == part_of(Role.BACKEND, "some").parse(["x", "--size", "3"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "b"], "some: Got unexpected extra argument (b)"),
        (["--sise", "3"], "some: No such option"),
        (["--size", "x"], "some: Invalid value for '--size': 'x' is not a valid integer."),
        (["--size"], "some: Option '--size' requires an argument."),
    ],
)
def test_words_that_are_not_understood_name_the_part(words: list[str], message: str) -> None:
    """What click refuses is an Invalid that begins with the part's name."""
    with pytest.raises(Invalid) as raised:
        part_of(Role.BACKEND, "some").parse(words)
    assert raised.value.message.startswith(message)


def test_a_function_that_returns_no_stage_is_named() -> None:
    """A part whose function forgets its `return` is an Internal that says so."""

    @part(Role.LAYER)
    def forgetful() -> None:
        """Forget."""

    with pytest.raises(Internal) as raised:
        forgetful.parse([])
    assert raised.value.message == "forgetful: its function returned NoneType, not a Stage"


def test_what_the_function_refuses_passes_unchanged() -> None:
    """An error of the toolkit that the function raises is not touched."""
    error = Invalid("too loud")

    @part(Role.LAYER, "loud")
    def refuse() -> Stage:
        raise error

    with pytest.raises(Invalid) as raised:
        refuse.parse([])
    assert error is raised.value


def test_the_summary_is_the_first_sentence() -> None:
    """A part's summary comes from its function's docstring, the help has the whole."""
    some = part_of(Role.LAYER, "some")
    assert (some.summary, "At length." in some.help()) == ("Do nothing of use.", True)


def test_the_help_names_the_part_and_its_options() -> None:
    """The help begins with the words of a stage as they are written in a pipeline."""
    text = part_of(Role.LAYER, "some").help()
    assert (text.splitlines()[0], "--size INTEGER" in text) == ("Usage: some [OPTIONS] [WORD]", True)


def test_a_part_is_called_after_its_function() -> None:
    """Without a name a part has that of its function."""

    @part(Role.BACKEND)
    @click.argument("word")
    def thing(word: str) -> Stage:
        """Do."""
        return NotedStage(Role.BACKEND, word)

    assert (thing.name, thing.role, isinstance(thing, Part)) == ("thing", Role.BACKEND, True)


class Reaching(NotedStage):
    """A stage that connects to two addresses."""

    @property
    def reaches(self) -> frozenset[str]:
        return frozenset({"unix:///a", "unix:///b"})


def test_a_stage_that_is_told_where_to_connect_cannot_avoid_it() -> None:
    """It refuses an address that it must avoid and was told to connect to; of others it takes no notice."""
    stage = Reaching(Role.BACKEND, "x")
    assert stage.avoiding(frozenset({"unix:///c"})) is stage
    with pytest.raises(Invalid, match="it would be its own host: unix:///b is served and connected to"):
        stage.avoiding(frozenset({"unix:///b", "unix:///c"}))


def test_a_socket_is_the_same_by_whichever_path(tmp_path: Path) -> None:
    """Addresses meet where a symbolic link leads from one to the other (as `/var/run` to `/run`); others as texts."""
    (tmp_path / "run").mkdir()
    (tmp_path / "var").symlink_to(tmp_path / "run")
    reached = {f"unix://{tmp_path}/var/s.sock", f"unix://{tmp_path}/var/t.sock", "tcp://a:1", "tcp://b:1"}
    served = [f"unix://{tmp_path}/run/s.sock", "tcp://b:1"]
    assert meeting(reached, served) == ["tcp://b:1", f"unix://{tmp_path}/var/s.sock"]
