"""The expressions in which a client says where a container may go, in classic Swarm's syntax, and where they stand.

    constraint:KEY==VALUE   the host itself: its name, what its engine is, its engine's labels
    affinity:KEY!=VALUE     what is on it: containers, images, containers with a label

A VALUE is a text with `*` for anything, or `/regexp/`. A `~` before it makes the expression a wish. They are given as
variables of the environment, because every client has an option for these, or in labels, as arrays in JSON. Created
through the front a container has them in labels only: so its processes do not see them, and whoever makes it anew from
its inspection (Compose, `docker update` and our own) has them still.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from attrs import frozen

from swarmkit.errors import Invalid

from .patterns import Pattern
from .reading import labels, mapping, texts

_EXPRESSION = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_./-]*)(==|!=)(~?+)(.+)", re.DOTALL)


@frozen
class Kind:
    """A kind of expression: its word before the colon in the environment, and the label that holds a list of them."""

    word: str
    label: str


CONSTRAINT = Kind("constraint", "com.docker.swarm.constraints")
AFFINITY = Kind("affinity", "com.docker.swarm.affinities")
KINDS = (CONSTRAINT, AFFINITY)


@frozen
class Expression:
    """One condition. `text` is how it was written, without its kind; a `soft` one is a wish."""

    text: str
    key: str
    negated: bool
    soft: bool
    pattern: Pattern

    @classmethod
    def parse(cls, kind: Kind, text: str) -> Expression:
        """Read `KEY==VALUE` or `KEY!=VALUE`. Raises Invalid with the expression and what is allowed."""
        found = _EXPRESSION.fullmatch(text)
        if found is None:
            raise _unreadable(kind, text, "it is not of the form KEY==VALUE or KEY!=VALUE")
        key, operator, soft, value = found.groups()
        try:
            pattern = Pattern.parse(value)
        except ValueError as error:
            raise _unreadable(kind, text, str(error)) from error
        return cls(text, key, operator == "!=", bool(soft), pattern)

    def holds(self, values: Collection[str]) -> bool:
        """Tell whether one of the values matches; of a negated expression, whether none does."""
        return self.pattern.matches_one_of(values) is not self.negated

    def __str__(self) -> str:
        return self.text


def _unreadable(kind: Kind, text: str, why: str) -> Invalid:
    return Invalid(
        f"{kind.word}:{text} cannot be read: {why} (KEY has letters, digits and '_.-/'; VALUE is a text with * for "
        f"anything, or /regexp/; ~ before VALUE makes it a wish, as in {kind.word}:{_EXAMPLES[kind.word]})"
    )


_EXAMPLES = {"constraint": "storage==~ssd", "affinity": "container!=~web*"}


def expressions_of(spec: Mapping[str, Any], kind: Kind) -> tuple[Expression, ...]:
    """Return the expressions of one kind, those of the label first. Raises Invalid for what cannot be read."""
    return tuple(Expression.parse(kind, text) for text in _texts_of(spec, kind))


def settled(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a spec with its expressions in labels, and no more in the environment. Raises Invalid for a wrong label.

    A spec without any in the environment is returned as it is.
    """
    if not any(_in_environment(spec, kind) for kind in KINDS):
        return spec
    held = {kind.label: json.dumps(_texts_of(spec, kind), separators=(",", ":")) for kind in KINDS}
    prefixes = tuple(f"{kind.word}:" for kind in KINDS)
    return {
        **spec,
        "Env": [each for each in spec["Env"] if not (isinstance(each, str) and each.startswith(prefixes))],
        "Labels": {**mapping(spec.get("Labels")), **{label: text for label, text in held.items() if text != "[]"}},
    }


def _texts_of(spec: Mapping[str, Any], kind: Kind) -> list[str]:
    return list(dict.fromkeys((*_in_label(spec, kind), *_in_environment(spec, kind))))


def _in_environment(spec: Mapping[str, Any], kind: Kind) -> list[str]:
    prefix = f"{kind.word}:"
    return [entry.removeprefix(prefix) for entry in texts(spec.get("Env")) if entry.startswith(prefix)]


def _in_label(spec: Mapping[str, Any], kind: Kind) -> list[str]:
    text = labels(spec.get("Labels")).get(kind.label)
    if text is None:
        return []
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Invalid(f'the label {kind.label}={text} cannot be read: it is an array in JSON, as in ["node==a*"]')
    return found
