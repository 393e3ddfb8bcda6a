"""Expressions: how they are read, and where they stand."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkit.engine.placement.expressions import AFFINITY, CONSTRAINT, Expression, expressions_of, settled
from swarmkit.errors import Invalid

from .placing import wanting

KEYS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,12}", fullmatch=True)
VALUES = st.text(min_size=1, max_size=8).filter(lambda text: not text.startswith("~") and not text.startswith("/"))


@given(key=KEYS, operator=st.sampled_from(["==", "!="]), soft=st.sampled_from(["", "~"]), value=VALUES)
def test_what_is_written_is_read(key: str, operator: str, soft: str, value: str) -> None:
    """Each part of an expression is read as it was written."""
    read = Expression.parse(CONSTRAINT, f"{key}{operator}{soft}{value}")
    assert (read.key, read.negated, read.soft) == (key, operator == "!=", soft == "~")
    assert read.pattern.matches(value)


@given(text=st.text("ab=!~*/(", max_size=8), values=st.frozensets(st.text("ab=", max_size=3), max_size=3))
def test_an_expression_is_read_or_refused_with_itself(text: str, values: frozenset[str]) -> None:
    """Whatever is written is understood, and then is the opposite of its opposite, or is Invalid and quoted."""
    try:
        read = Expression.parse(AFFINITY, text)
    except Invalid:
        with pytest.raises(Invalid, match=re.escape(f"affinity:{text} cannot be read: ")):
            Expression.parse(AFFINITY, text)
        return
    opposite = Expression.parse(
        AFFINITY, text.replace("!=" if read.negated else "==", "==" if read.negated else "!=", 1)
    )
    assert read.holds(values) is not opposite.holds(values)


@pytest.mark.parametrize("text", ["node=a", "node", "==a", "node==", "node==~", "no de==a", ""])
def test_what_is_no_expression(text: str) -> None:
    """It is quoted, with what is allowed and an example."""
    with pytest.raises(Invalid, match="VALUE makes it a wish, as in constraint:storage==~ssd") as raised:
        expressions_of(wanting(f"constraint:{text}"), CONSTRAINT)
    assert f"constraint:{text} cannot be read: it is not of the form KEY==VALUE or KEY!=VALUE" in raised.value.message


def test_a_regular_expression_that_makes_no_sense() -> None:
    """The whole expression is quoted with what is wrong with it."""
    with pytest.raises(Invalid, match=r"constraint:node==/\(/ cannot be read: its regular expression makes no sense"):
        expressions_of(wanting("constraint:node==/(/"), CONSTRAINT)


def test_they_are_in_the_environment_and_in_labels() -> None:
    """Those of either place count, once each, those of one kind apart from those of the other."""
    spec = wanting("A=b", "constraint:node==a", "affinity:image==x", "constraint:disk==ssd")
    spec["Labels"] = {CONSTRAINT.label: '["node!=b", "node==a"]'}
    assert [str(each) for each in expressions_of(spec, CONSTRAINT)] == ["node!=b", "node==a", "disk==ssd"]
    assert [str(each) for each in expressions_of(spec, AFFINITY)] == ["image==x"]


@pytest.mark.parametrize("label", ["node==a", '"node==a"', "[1]", "{", "[" * 100_000])
def test_a_label_that_is_no_list(label: str) -> None:
    """It is quoted, with what it should be."""
    with pytest.raises(Invalid, match=r'cannot be read: it is an array in JSON, as in \["node==a\*"\]'):
        expressions_of({"Labels": {CONSTRAINT.label: label}}, CONSTRAINT)


def test_they_are_settled_in_labels() -> None:
    """They leave the environment for labels, in which what is said already stays; the spec given is not changed."""
    spec = wanting("A=b", "constraint:node==a", "affinity:image==x", "B")
    spec["Labels"] = {"tier": "front", CONSTRAINT.label: '["disk==ssd"]'}
    before = json.dumps(spec)
    assert settled(spec) == {
        "Image": "busybox",
        "Env": ["A=b", "B"],
        "Labels": {
            "tier": "front",
            CONSTRAINT.label: '["disk==ssd","node==a"]',
            AFFINITY.label: '["image==x"]',
        },
    }
    assert json.dumps(spec) == before


SPECS = st.fixed_dictionaries(
    {},
    optional={
        "Env": st.one_of(
            st.none(),
            st.lists(
                st.sampled_from(["A=b", "constraint:a==b", "constraint:c!=~d*", "affinity:x==/y/", "constraintx"])
            ),
        ),
        "Labels": st.one_of(
            st.none(),
            st.just({"tier": "front"}),
            st.just({AFFINITY.label: '["x==z"]'}),
        ),
    },
)


@given(SPECS)
def test_settling_changes_no_meaning(spec: dict[str, Any]) -> None:
    """The same expressions are read before and after, and a second time there is nothing to do."""
    found = settled(spec)
    for kind in (CONSTRAINT, AFFINITY):
        assert sorted(map(str, expressions_of(spec, kind))) == sorted(map(str, expressions_of(found, kind)))
    assert settled(found) is found


@pytest.mark.parametrize("spec", [{}, {"Env": None}, {"Env": "constraint:a==b"}, {"Env": [1]}, {"Labels": [1]}])
def test_a_spec_without_any_stays_as_it_is(spec: dict[str, Any]) -> None:
    """Nothing is put into it, and what is of a wrong type is left to the engine."""
    assert settled(spec) is spec
