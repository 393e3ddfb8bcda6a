"""What commands have on their command lines alike."""

from __future__ import annotations

import click
import pytest

from swarmkit import Internal, Invalid, Role
from swarmkit.commands.columns import columns
from swarmkit.commands.words import parse_source, told_as_usage

from ..stages import part_of, registry


@pytest.mark.parametrize("text", ["source", "layer | source"])
def test_a_source_may_be_seen_through_layers(text: str) -> None:
    """The last stage is what lists."""
    assert parse_source(text, registry()).role is Role.SOURCE


@pytest.mark.parametrize("url", ["http://127.0.0.1:2379/prod", "https://h/p --size 3"])
def test_a_url_alone_means_etcd(url: str) -> None:
    """With the options of that part."""
    known = registry()
    known.add(part_of(Role.SOURCE, "etcd"))
    assert str(parse_source(url, known)).startswith(url.split()[0])


def test_what_lists_nobody_is_refused() -> None:
    """A backend is one host."""
    with pytest.raises(Invalid, match="'backend' lists no members: name a source, such as"):
        parse_source("backend", registry())


@pytest.mark.parametrize(
    ("error", "told", "code"), [(Invalid("no"), click.UsageError, 2), (Internal("no"), click.ClickException, 1)]
)
def test_wrong_words_are_told_from_a_broken_part(error: Exception, told: type[click.ClickException], code: int) -> None:
    """By the exit code."""
    with pytest.raises(told) as raised, told_as_usage():
        raise error
    assert raised.value.exit_code == code


def test_columns_stand_below_each_other() -> None:
    """Nothing trails."""
    assert columns([("a", "bb", "c"), ("aa", "b", "")]) == ["a   bb  c", "aa  b"]
