"""The `filters` parameter that most list operations of the Engine API take.

It is a JSON object from a filter's name to its values: `{"label": ["a", "b=1"]}`, or in the form of before API 1.22,
`{"label": {"a": true, "b=1": true}}`. What each filter means is said where it is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from attrs import field, frozen

from swarmkit.errors import Invalid


@frozen
class Filters:
    """Filters as a client sent them: for each name its values, which are alternatives unless said otherwise.

    A filter that is absent, or has no values, lets everything pass, as in the engine.
    """

    values: Mapping[str, tuple[str, ...]] = field(factory=dict)

    @classmethod
    def parse(cls, text: str | None) -> Filters:
        """Read the query parameter. Raises Invalid, in the engine's words, where it is no such JSON."""
        if not text:
            return cls()
        try:
            document = json.loads(text)
        except json.JSONDecodeError as error:
            raise Invalid(_syntax_error(error)) from error
        except RecursionError as error:
            raise Invalid("exceeded max depth") from error
        return cls(_values_of(document))

    def encode(self) -> str:
        """Return the query parameter that says the same, in today's form."""
        return json.dumps({key: list(values) for key, values in self.values.items()}, separators=(",", ":"))

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def __bool__(self) -> bool:
        return bool(self.values)

    def get(self, key: str) -> tuple[str, ...]:
        """Return the values of one filter, none where it is absent."""
        return self.values.get(key, ())

    def without(self, *keys: str) -> Filters:
        """Return these filters less some: those that a host behind us would not know."""
        return Filters({key: values for key, values in self.values.items() if key not in keys})

    def require_known(self, accepted: Collection[str]) -> None:
        """Raise Invalid, as the engine does, where a filter is none of those accepted."""
        for key in self.values:
            if key not in accepted:
                raise Invalid(f"Invalid filter '{key}'")

    def match(self, key: str, source: str) -> bool:
        """Tell whether a value equals the source, or is a regular expression found in it.

        A value that is no regular expression matches nothing else. The engine's dialect is RE2, ours is Python's: they
        agree on what is used for names, but here an expression can be made to take very long.
        """
        values = self.get(key)
        return not values or source in values or any(_found(value, source) for value in values)

    def match_exact(self, key: str, source: str) -> bool:
        """Tell whether a value equals the source."""
        values = self.get(key)
        return not values or source in values

    def match_prefix(self, key: str, source: str) -> bool:
        """Tell whether the source begins with a value (the engine's fuzzy match)."""
        values = self.get(key)
        return not values or source.startswith(values)

    def match_key_values(self, key: str, sources: Mapping[str, str] | None) -> bool:
        """Tell whether *all* values hold: `k`, the key is there, or `k=v`, and has that value."""
        return all(_holds(value, sources or {}) for value in self.get(key))

    def match_labels(self, sources: Mapping[str, str] | None) -> bool:
        """Tell whether all of `label` hold and none of `label!` does (which prune operations take)."""
        return self.match_key_values("label", sources) and not any(
            _holds(value, sources or {}) for value in self.get("label!")
        )


def _holds(value: str, sources: Mapping[str, str]) -> bool:
    name, equals, wanted = value.partition("=")
    return name in sources and (not equals or sources[name] == wanted)


def _found(pattern: str, source: str) -> bool:
    try:
        return re.search(pattern, source) is not None
    except re.error:
        return False


def _values_of(document: Any) -> dict[str, tuple[str, ...]]:
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise _type_error(document, "map[string]map[string]bool")
    return {key: _values(each) for key, each in document.items()}


def _values(document: Any) -> tuple[str, ...]:
    if document is None:
        return ()
    if isinstance(document, list) and all(isinstance(value, str) for value in document):
        return tuple(document)
    if not isinstance(document, dict):
        raise _type_error(document, "map[string]bool")
    for value in document.values():
        if not isinstance(value, bool):
            raise _type_error(value, "bool")
    return tuple(document)


def _type_error(value: Any, wanted: str) -> Invalid:
    return Invalid(f"json: cannot unmarshal {_go_kind(value)} into Go value of type {wanted}")


def _go_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    kinds = {str: "string", list: "array", dict: "object", type(None): "null"}
    return kinds.get(type(value), "number")


# Python's complaint, and how Go's parser puts the same one.
_SYNTAX = {
    "Expecting value": "looking for beginning of value",
    "Illegal trailing comma before end of array": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
    "Expecting ':' delimiter": "after object key",
    "Extra data": "after top-level value",
}
_TOKENS = re.compile(r'"(?:\\.|[^"\\])*"|[][{}]', re.DOTALL)


def _syntax_error(error: json.JSONDecodeError) -> str:
    rest = error.doc[error.pos :]
    if error.msg.startswith("Illegal trailing comma"):  # Python 3.13 points at the comma, Go at what follows
        rest = rest[1:].lstrip()
    where = _after_value(error) if error.msg == "Expecting ',' delimiter" else _SYNTAX.get(error.msg)
    if not rest or where is None:
        return "unexpected end of JSON input"
    character = "\\'" if rest[0] == "'" else rest[0]
    return f"invalid character '{character}' {where}"


def _after_value(error: json.JSONDecodeError) -> str:
    """Say in what a comma is missing: an array, or an object."""
    brackets: list[str] = []
    for token in _TOKENS.findall(error.doc[: error.pos]):
        if token in "[{":
            brackets.append(token)
        elif token in "]}":
            brackets.pop()
    return "after array element" if brackets[-1] == "[" else "after object key:value pair"
