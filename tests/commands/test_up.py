"""The pipeline that `swarmd up` stands for."""

from __future__ import annotations

from typing import Any

import pytest

from swarmkit import Denied, Invalid, parse_pipeline
from swarmkit.commands.up import pipeline_of


@pytest.mark.parametrize(
    ("front", "settings", "expected"),
    [
        (("unix:///s",), {}, ["dockerserver unix:///s", "aggregate contexts"]),
        (
            ("unix:///s", "--mode", "600"),
            {"contexts": ("a", "b"), "hosts": ("f g",), "strategy": "binpack"},
            ["dockerserver unix:///s --mode 600", """aggregate 'contexts a b' "hosts 'f g'" --strategy binpack"""],
        ),
        (
            ("tcp://0.0.0.0:1",),
            {"insecure": True},
            ["dockerserver tcp://0.0.0.0:1 --insecure", "aggregate 'contexts --insecure'"],
        ),
        (
            ("tcp://0.0.0.0:1", "--tlsverify"),
            {"insecure": True},
            ["dockerserver tcp://0.0.0.0:1 --tlsverify", "aggregate 'contexts --insecure'"],
        ),
    ],
)
def test_it_is_the_pipeline_that_one_would_write(
    front: tuple[str, ...], settings: dict[str, Any], expected: list[str]
) -> None:
    """Contexts and files of hosts are sources of one aggregate; what else is said is for the front."""
    assert pipeline_of(front, **settings) == parse_pipeline(expected)


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        (("--loud",), Invalid, "dockerserver: No such option"),
        (("there",), Invalid, "cannot listen on 'there'"),
        (("tcp://0.0.0.0:1",), Denied, "or --insecure if that is meant"),
    ],
)
def test_what_the_front_does_not_understand_is_its_to_say(
    words: tuple[str, ...], error: type[Exception], says: str
) -> None:
    """Its error is passed on."""
    with pytest.raises(error, match=says):
        pipeline_of(words)
