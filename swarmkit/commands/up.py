"""`swarmd up`: every Docker context that the user has, as one host.

It is a pipeline with the usual parts filled in, and prints what it found. Whoever wants another writes it out.
"""

from __future__ import annotations

import shlex
import sys
from contextlib import suppress

import click

from ..engine.placement import STRATEGIES
from ..errors import Invalid
from ..part import Part, Stage
from ..pipeline import Pipeline
from ..registry import Registry
from ..running import run
from .greeting import greet
from .words import told_as_usage

_EXAMPLES = """\
swarmd up                                    on a socket in your runtime directory
  swarmd up unix:///tmp/swarm.sock --mode 600  on one of your choice, with an option of the front
  swarmd up --context web-1 --context web-2    these two hosts only"""


@click.command(
    "up",
    context_settings={"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]},
    epilog=f"\b\nFor example:\n  {_EXAMPLES}",
)
@click.argument("front", nargs=-1, type=click.UNPROCESSED, metavar="[ADDR]... [FRONT OPTION]...")
@click.option("--context", "contexts", multiple=True, metavar="NAME", help="Only this context; may be given again.")
@click.option("--hosts", multiple=True, metavar="FILE", help="The hosts that FILE lists, too; may be given again.")
@click.option("--strategy", type=click.Choice(sorted(STRATEGIES)), default="spread", show_default=True,
              help="How a host is chosen for a new container.")  # fmt: skip
@click.option("--insecure", is_flag=True, help="Allow plain TCP, to contexts and at ADDR.")
def up(
    front: tuple[str, ...], contexts: tuple[str, ...], hosts: tuple[str, ...], strategy: str, insecure: bool
) -> None:
    """Serve every Docker context you have as one host.

    The contexts are those of `docker context ls`; those that come and go later are followed. ADDR and FRONT OPTION are
    what the part dockerserver takes: see `swarmd dockerserver --help`.
    """
    with told_as_usage():
        pipeline = pipeline_of(front, contexts, hosts, strategy=strategy, insecure=insecure)
    sys.exit(run(pipeline, greet=greet))


def pipeline_of(
    front: tuple[str, ...],
    contexts: tuple[str, ...] = (),
    hosts: tuple[str, ...] = (),
    *,
    strategy: str = "spread",
    insecure: bool = False,
) -> Pipeline:
    """Return the pipeline that `swarmd up` runs; raise a `SwarmError` for words that a part does not understand."""
    registry = Registry()
    words = ("contexts", *contexts, *(("--insecure",) if insecure else ()))
    sources = [shlex.join(words), *(shlex.join(("hosts", file)) for file in hosts)]
    stages: tuple[Stage, ...] = (
        _front(registry.find("dockerserver"), front, insecure=insecure),
        registry.find("aggregate").parse((f"--strategy={strategy}", *sources)),
    )
    pipeline = Pipeline(stages)
    pipeline.check()
    return pipeline


def _front(part: Part, words: tuple[str, ...], *, insecure: bool) -> Stage:
    """Parse what is for the front, which is insecure as well unless it serves over TLS, where it could not be."""
    if insecure:
        with suppress(Invalid):
            return part.parse((*words, "--insecure"))
    return part.parse(words)
