"""What commands have on their command lines alike: a source of members, and how wrong words are told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from ..errors import Internal, Invalid, SwarmError
from ..part import Role
from ..pipeline import Pipeline, parse_pipeline
from ..registry import Registry

SOURCE_HELP = "SOURCE is a source's stage, in quotes: 'hosts FILE', contexts, 'etcd URL/PREFIX', or such a URL alone."


@contextmanager
def told_as_usage() -> Iterator[None]:
    """Have errors end the program as click does: words that nobody understands with 2, a broken part with 1."""
    try:
        yield
    except Internal as error:
        raise click.ClickException(error.message) from error
    except SwarmError as error:
        raise click.UsageError(error.message) from error


def parse_source(text: str, registry: Registry | None = None) -> Pipeline:
    """Make the pipeline of a source's words, where a URL of HTTP means etcd; raise `Invalid` for what lists nobody."""
    if text.startswith(("http://", "https://")):
        text = f"etcd {text}"
    pipeline = parse_pipeline(text, registry)
    if pipeline.role is not Role.SOURCE:
        raise Invalid(f"{text!r} lists no members: name a source, such as 'hosts FILE', contexts or 'etcd URL/PREFIX'")
    return pipeline
