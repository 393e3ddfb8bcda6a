"""A pipeline in a file: its language, and that whatever is wrong is told with the file and the line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkit import Internal, Invalid, NotFound, Registry, Role, SwarmError, parse_pipeline, parse_pipeline_file
from swarmkit.pipeline_file import MAX_BYTES, read_pipeline_bytes, read_pipeline_file
from swarmkit.pipeline_words import Misspelt, split_file

from .stages import part_of, registry

DOCS = Path(__file__).parents[1] / "docs"

WHOLE = """\
# What is served, and to whom.
dockerserver unix:///run/swarm.sock
    --mode 600      # the owner only

aggregate
    "a=fake"
    # for now
    'b=debug --name "two words"
       | fake'
    --strategy binpack
"""


def words(text: str) -> list[list[str]]:
    """Return the words of each stage."""
    return [[word.text for word in stage] for stage in split_file(text)]


def lines(text: str) -> list[list[int]]:
    """Return the line of each word of each stage."""
    return [[word.line for word in stage] for stage in split_file(text)]


# -- the language ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n  \n# nothing\n  # at all", []),
        ("a b", [["a", "b"]]),
        ("a\n\n  b\n\tc\n", [["a", "b", "c"]]),
        ("a b\nc", [["a", "b"], ["c"]]),
        ("a | b|c", [["a"], ["b"], ["c"]]),
        ("a\n| b", [["a"], ["b"]]),
        ("a |\nb", [["a"], ["b"]]),
        ("a\n  | b", [["a"], ["b"]]),
        ("a \\\n  b\\\nc", [["a", "bc"]]),
        ("a # b | c\n  d", [["a", "d"]]),
        ("a # ends with a backslash \\\nb", [["a"], ["b"]]),
        ("a b#c '#d' \\#e", [["a", "b#c", "#d", "#e"]]),
        ("a 'b | c' \"d | e\" f\\|g", [["a", "b | c", "d | e", "f|g"]]),
        (r"""a 'b\c' "d\"\\\e" f\'\ g""", [["a", r"b\c", r'd"\\e', "f' g"]]),
        ("a b'c d'\"e\"", [["a", "bc de"]]),
        ("a '' \"\"", [["a", "", ""]]),
        ("a 'b  \n\n   c' \"d\n\te\\\n f\"", [["a", "b c", "d e f"]]),
    ],
)
def test_words_and_stages(text: str, expected: list[list[str]]) -> None:
    """Column one or `|` begins a stage; quotes, backslashes and comments are a shell's; a quoted break is a space."""
    assert words(text) == expected


def test_words_know_their_lines() -> None:
    """A word is where it begins, also behind one that spans lines."""
    assert lines("# c\na 'b\n c' d\n\n  e\nf") == [[2, 2, 3, 5], [6]]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a\n  'b\n  c", 2, "the quotation that begins here is never closed"),
        ('a\n  "b\\"', 2, "the quotation that begins here is never closed"),
        ("a\n  'b\nc d'", 2, "the quotation that begins here is not closed before line 3"),
        ("a\n  b\\", 2, "nothing follows the last backslash"),
        ("\n  a", 2, "an indented line continues the stage above it, and there is none"),
        ("| a", 1, "nothing stands before this `|`"),
        ("a |\n\n | b", 3, "nothing stands before this `|`"),
        ("a\n  |\n", 3, "nothing stands behind the last `|`"),
    ],
)
def test_what_cannot_be_split_is_told_with_its_line(text: str, line: int, message: str) -> None:
    """The line is that of the mistake, not that of the end of the file."""
    with pytest.raises(Misspelt) as caught:
        split_file(text)
    assert (caught.value.line, message in caught.value.message) == (line, True)


@given(st.text(alphabet="ab '\"\\|#\n\t=-", max_size=40))
def test_any_text_is_split_or_refused(text: str) -> None:
    """Whatever is written: stages of at least one word, each word on a line of the text, in order; or `Misspelt`."""
    try:
        stages = lines(text)
    except Misspelt as error:
        stages = [[error.line]]
    found = [line for stage in stages for line in stage]
    assert all(stages)
    assert found == sorted(found)
    assert set(found) <= set(range(1, text.count("\n") + 2))


# -- pipelines ---------------------------------------------------------------------------------------------------------


def test_a_file_is_the_pipeline_of_the_command_line(tmp_path: Path) -> None:
    """What is spread over lines means what the same words mean in one argument each."""
    (tmp_path / "p").write_text(WHOLE)
    stages = [
        "dockerserver unix:///run/swarm.sock --mode 600",
        """aggregate "a=fake" 'b=debug --name "two words" | fake' --strategy binpack""",
    ]
    assert str(parse_pipeline_file(tmp_path / "p")) == str(parse_pipeline(stages))


def test_the_stages_know_their_lines(tmp_path: Path) -> None:
    """An error that names a stage is found in the file."""
    (tmp_path / "p").write_text(WHOLE)
    found = read_pipeline_file(tmp_path / "p")
    assert found.lines == (2, 5)
    assert str(found.locate(Invalid("it is let", stage=2))) == f"{tmp_path}/p:5: it is let"
    assert str(found.locate(Invalid("it is let"))) == f"{tmp_path}/p: it is let"


@pytest.mark.parametrize("text", ["\ufefffront\nbackend\n", "front\r\n  --size 1\r\nbackend\r\n"])
def test_what_editors_add_is_no_part_of_it(text: str) -> None:
    """A byte order mark, and the line ends of another system."""
    assert read_pipeline_bytes(text.encode(), "p", registry()).lines[-1] == text.count("\n")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("dockerserver", "dokcerserver", "p:2: there is no part called 'dokcerserver'; did you mean 'dockerserver'?"),
        ("--mode 600", "--mode 9", "p:3: not permissions in octal: '9'"),
        ("--mode 600", "--mode=9", "p:3: not permissions in octal: '9'"),
        ("--mode 600", "--loud", "p:3: dockerserver: No such option"),
        ("    --mode", "--mode", "p:3: there is no part called '--mode'"),
        ('"a=fake"', '"a=fale"', "p:6: member 'a=fale': stage 1 (fale): there is no part called 'fale'"),
        ('"a=fake"', '"a/b=fake"', "p:6: "),
        ('"a=fake"', '"b=fake"', "p:6: two members are called 'b'"),
        ("| fake", "| fale", "p:8: member 'b=debug --name \"two words\" | fale': stage 2 (fale): there is no part"),
        ("binpack", "best", "p:10: aggregate: Invalid value for '--strategy': 'best'"),
        ('    "a=fake"', '"a=fake"', "p:6: there is no part called 'a=fake'"),
        ("two words", "two words'", "p:8: "),
        ("aggregate", "fake\naggregate", "p:5: stage 2 (fake fake) must be the last: nothing can stand behind it"),
        ("dockerserver", "debug |", "p:2: there is no part called 'unix:///run/swarm.sock'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_and_line(old: str, new: str, expected: str) -> None:
    """The line is that of the word that is wrong, as far as the part's error tells which it is, else of the stage."""
    with pytest.raises(SwarmError) as caught:
        read_pipeline_bytes(WHOLE.replace(old, new, 1).encode(), "p")
    assert str(caught.value)[: len(expected)] == expected


def test_a_hint_does_not_lead_to_the_wrong_member() -> None:
    """Of two words that an error quotes, the first is what is wrong."""
    with pytest.raises(NotFound, match=r"\Ap:3: member 'b=fale': .* did you mean 'fake'\?"):
        read_pipeline_bytes(b'aggregate\n "a=fake"\n "b=fale"', "p")
    with pytest.raises(NotFound, match=r"\Ap:3: member 'fale': .* did you mean 'fake'\?"):
        read_pipeline_bytes(b"aggregate\n fake\n fale", "p")


def test_a_line_that_was_to_be_indented_is_told_so() -> None:
    """What looks like an argument in column one is named, before the stage above misses it."""
    with pytest.raises(NotFound, match=r"\Ap:2: .* \(a line that continues the stage above it is indented\)\Z"):
        read_pipeline_bytes(b'aggregate\n"a=fake"', "p")


def test_the_last_stage_needs_something_behind_it() -> None:
    """The error has the line of that stage."""
    with pytest.raises(Invalid, match=r"\Ap:2: stage 2 \(layer\) needs a service behind it"):
        read_pipeline_bytes(b"front\nlayer", "p", registry())


def test_a_part_that_cannot_be_loaded_keeps_its_class() -> None:
    """It is no fault of who wrote the file."""
    broken = Registry([part_of(registry().find("front").role, "front")], installed=False)
    broken.find = _fail  # type: ignore[method-assign, assignment]
    with pytest.raises(Internal, match=r"\Ap:2: cannot be loaded\Z"):
        read_pipeline_bytes(b"\nfront", "p", broken)


def _fail(name: str) -> None:
    raise Internal("cannot be loaded")


# -- what the documentation shows --------------------------------------------------------------------------------------


def test_the_example_of_the_documentation_is_a_pipeline() -> None:
    """And the error that is shown is the one that is told of it."""
    text = (DOCS / "swarmd.md").read_text()
    (example,) = re.findall(r"```conf\n(.*?)```", text, re.DOTALL)
    assert read_pipeline_bytes(example.encode(), "p").lines == (2, 5)
    (shown,) = re.findall(r"^    swarmd: (pipeline\.conf:.*)…$", text, re.MULTILINE)
    with pytest.raises(NotFound) as caught:
        read_pipeline_bytes(example.replace("docker tcp://127.0.0.1:2375", "dokcer").encode(), "pipeline.conf")
    assert str(caught.value)[: len(shown)] == shown


def test_the_pipeline_of_the_systemd_unit_is_one() -> None:
    """It serves what the socket unit hands over."""
    pipeline = parse_pipeline_file(DOCS / "systemd" / "pipeline.conf")
    assert (str(pipeline.stages[0]), pipeline.role) == ("dockerserver fd://", Role.FRONT)


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "p: there is no stage in it"),
        (b"# only a comment\n", "p: there is no stage in it"),
        (b"front\nba\xffckend", "p:2: this is no text in UTF-8 (byte 0xff)"),
        (b"front\n\n\0", "p:3: this is no text (a zero byte)"),
        (b"#" * (MAX_BYTES + 1), f"p: it is longer than {MAX_BYTES} bytes"),
    ],
)
def test_what_is_no_pipeline_is_refused(data: bytes, expected: str) -> None:
    """Nothing, or no text: with the line where there is one."""
    with pytest.raises(Invalid) as caught:
        read_pipeline_bytes(data, "p", registry())
    assert str(caught.value)[: len(expected)] == expected


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """With the system's reason; so is a device that never ends."""
    with pytest.raises(Invalid, match=f"{tmp_path}/no: cannot be read: no such file or directory"):
        parse_pipeline_file(tmp_path / "no")
    with pytest.raises(Invalid, match=f"{tmp_path}: cannot be read: is a directory"):
        parse_pipeline_file(tmp_path)
    with pytest.raises(Invalid, match="/dev/zero: it is longer than"):
        parse_pipeline_file("/dev/zero")
