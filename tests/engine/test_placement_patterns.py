"""What values of expressions match."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkit.engine.placement.patterns import MAX_REGEXP, Pattern

TEXT = st.text("ab.*", max_size=8)


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        ("a", "a", True),
        ("a", "ab", False),
        ("a", "A", False),
        ("a*", "a", True),
        ("a*", "ba", False),
        ("*a*", "bab", True),
        ("a*a", "a", False),
        ("a*b*c", "axbxc", True),
        ("a*bb*b", "abb", False),
        ("*", "", True),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("/", "/", True),
        ("/b/", "abc", True),
        ("/^b/", "abc", False),
        ("/node-[12]$/", "node-2", True),
        ("/(?i)DEBIAN/", "Debian GNU/Linux 12", True),
        ("/a|(b(?:c)?)/", "b", True),
        (r"/\.\d+/", "6.1", True),
        (r"/[*+?{(]+/", "((", True),
        ("//", "anything", True),
    ],
)
def test_what_matches(pattern: str, subject: str, expected: bool) -> None:
    """A text is compared whole, with `*` for anything and nothing else; a regular expression is searched for."""
    assert Pattern.parse(pattern).matches(subject) is expected


@given(pattern=TEXT, subject=TEXT)
def test_a_star_is_anything(pattern: str, subject: str) -> None:
    """It means what the same pattern means as a regular expression."""
    regexp = ".*".join(map(re.escape, pattern.split("*")))
    assert Pattern.parse(pattern).matches(subject) == bool(re.fullmatch(regexp, subject, re.DOTALL))


@given(pattern=TEXT, subjects=st.frozensets(TEXT, max_size=4))
def test_one_of_several(pattern: str, subjects: frozenset[str]) -> None:
    """It is asked of several texts what is asked of each."""
    parsed = Pattern.parse(pattern)
    assert parsed.matches_one_of(subjects) is any(parsed.matches(each) for each in subjects)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("/(/", "makes no sense: missing"),
        ("/[/", "makes no sense: unterminated"),
        ("/*/", "makes no sense: nothing to repeat"),
        ("/[[a]/", "makes no sense: Possible nested set"),
        (r"/(a)\1/", "refers back"),
        ("/(?=a)/", r"has a group \(\?…\)"),
        ("/(?P<n>a)/", r"has a group \(\?…\)"),
        ("/(a+)+/", "repeats a group"),
        ("/(a|a)*/", "repeats a group"),
        ("/(?:a){3}/", "repeats a group"),
        ("/a*b+c{2,}/", "could match in too many ways"),
        (f"/{'a?' * 17}/", "could match in too many ways"),
        (f"/{'(a|b)' * 17}/", "could match in too many ways"),
        (f"/{'a' * (MAX_REGEXP + 1)}/", f"more than {MAX_REGEXP} characters"),
    ],
)
def test_what_is_refused(pattern: str, reason: str) -> None:
    """A regular expression that makes no sense, or that may take long, is refused with the reason."""
    with pytest.raises(ValueError, match=reason):
        Pattern.parse(pattern)


@given(st.text("a()[]|*+?{}1,\\^$:.i-<P", max_size=24))
def test_a_regular_expression_is_read_or_refused(text: str) -> None:
    """Whatever stands between slashes is understood or is a ValueError."""
    try:
        pattern = Pattern.parse(f"/{text}/")
    except ValueError:
        return
    pattern.matches("a" * 10_000)


@pytest.mark.parametrize("text", ["a*a*b", "(a|a)(a|a)a*a*b", f"{'a?' * 16}b", f"{'(a|a)' * 16}{'a' * 9}b"])
def test_what_is_allowed_is_quick(text: str) -> None:
    """The worst that is not refused ends in a moment, on a text of any length."""
    pattern = Pattern.parse(f"/{text}/")
    before = time.process_time()
    assert not pattern.matches("a" * 10_000)
    assert time.process_time() - before < 5  # seconds; it is a fraction of one, and without the bound it would be years
