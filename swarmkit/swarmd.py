"""The command `swarmd`: explain the parts, or run a pipeline until it is told to stop."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import signal
import sys
from types import FrameType

import click
import trio

from .errors import Internal, Invalid, NotFound, SwarmError
from .instance import errors_within
from .logs import LEVELS, configure_logging
from .part import Role
from .pipeline import Pipeline, parse_pipeline
from .registry import GROUP, Registry

log = logging.getLogger("swarmkit.swarmd")  # not __name__, which `python -m` makes "__main__"

EXIT_FAILED, EXIT_USAGE, EXIT_BUG = 1, 2, 70
"""Exit codes: a stage could not be opened or gave up; the words make no pipeline; a fault of the program
(`EX_SOFTWARE`)."""

_STOPPING = (signal.SIGINT, signal.SIGTERM)

_EXAMPLE = """\
swarmd 'dockerserver unix:///tmp/swarm.sock' 'aggregate "a=docker" "b=docker tcp://10.0.0.2:2375"'"""


@click.command(
    "swarmd",
    context_settings={"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]},
    epilog=f"\b\nFor example:\n  {_EXAMPLE}",
)
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="How much is logged.")
@click.option("-v", "--verbose", is_flag=True, help="The same as --log-level debug.")
@click.option("--version", is_flag=True, help="Show the version and exit.")
def swarmd(stages: tuple[str, ...], log_level: str, verbose: bool, version: bool) -> None:
    """Run a pipeline of services until SIGINT or SIGTERM.

    Each STAGE is one argument: a part and its own arguments, in quotes. The first serves the outside, the last is what
    stands behind it. Without a stage the parts are listed; `swarmd PART --help` explains one.
    """
    configure_logging("debug" if verbose else log_level)
    registry = Registry()
    words = " ".join(stages).split()
    if version:
        click.echo(f"swarmd {_version()}")
    elif not stages:
        click.echo(list_parts(registry))
    elif len(words) == 2 and words[1] in ("-h", "--help"):
        click.echo(_explain(words[0], registry))
    else:
        sys.exit(run(_parse(stages, registry)))


def main() -> None:
    """Run the command with the arguments of the process."""
    swarmd(prog_name="swarmd")


# -- saying what there is ----------------------------------------------------------------------------------------------


def list_parts(registry: Registry) -> str:
    """Return a line for each part, then how to use them; a part that cannot be loaded says why."""
    rows = [_describe(name, registry) for name in registry.names()]
    if not rows:
        return f"No parts are installed (entry-point group {GROUP}): install swarmd, in a checkout: pip install -e ."
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{name:{widths[0]}}  {role:{widths[1]}}  {summary}" for name, role, summary in rows]
    return "\n".join(
        [*lines, "", "swarmd PART --help explains a part; swarmd STAGE... runs a pipeline:", f"  {_EXAMPLE}"]
    )


def _describe(name: str, registry: Registry) -> tuple[str, str, str]:
    try:
        part = registry.find(name)
    except SwarmError as error:
        return name, "broken", error.message
    return name, part.role.value, part.summary


def _explain(name: str, registry: Registry) -> str:
    try:
        return registry.find(name).help()
    except NotFound as error:
        raise click.UsageError(error.message) from error
    except SwarmError as error:
        raise click.ClickException(error.message) from error


def _version() -> str:
    try:
        return importlib.metadata.version("swarmd")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


# -- parsing -----------------------------------------------------------------------------------------------------------


def _parse(stages: tuple[str, ...], registry: Registry) -> Pipeline:
    """Make the pipeline that a command line means; raise click.UsageError, which ends the program with 2."""
    for place, stage in enumerate(stages):
        if place and (stage.startswith("-") or "://" in stage.split(" ", 1)[0]):
            quoted = f"'{stages[place - 1]} {stage}'"
            raise click.UsageError(f"{stage!r} is no stage: what belongs to a stage is quoted with it: {quoted}")
    try:
        pipeline = parse_pipeline(stages, registry)
        if pipeline.role is not Role.FRONT:
            raise Invalid(f"nothing serves the outside: put a front such as dockerserver before {pipeline.stages[0]}")
    except Internal as error:
        raise click.ClickException(error.message) from error
    except SwarmError as error:
        raise click.UsageError(error.message) from error
    return pipeline


# -- running -----------------------------------------------------------------------------------------------------------


def run(pipeline: Pipeline) -> int:
    """Run a pipeline until a signal comes; return the exit code, having logged what went wrong."""
    try:
        trio.run(_run, pipeline)
    except KeyboardInterrupt:  # before the signals were ours
        return 128 + signal.SIGINT
    except Exception as error:
        errors = errors_within(error)
        if not errors:
            log.exception("a fault of the program")
            return EXIT_BUG
        for each in errors:
            log.error("%s", each)
            log.debug("raised here:", exc_info=each)
        return EXIT_FAILED
    return 0


async def _run(pipeline: Pipeline) -> None:
    with trio.open_signal_receiver(*_STOPPING) as signals:
        async with trio.open_nursery() as nursery:

            async def heed() -> None:
                async for number in signals:
                    log.info("%s: closing", signal.Signals(number).name)
                    for each in _STOPPING:
                        signal.signal(each, _exit_at_once)
                    nursery.cancel_scope.cancel()

            nursery.start_soon(heed)
            async with pipeline.open() as front:
                _say_ready(getattr(front, "addresses", ()), getattr(front, "hint", ""))
                await trio.sleep_forever()


def _exit_at_once(number: int, _: FrameType | None) -> None:
    """Leave at a second signal, whatever the first one's closing waits for."""
    # The default action of a signal would not do: the kernel ignores it for the first process of a container.
    os._exit(128 + number)


def _say_ready(addresses: tuple[str, ...], hint: str) -> None:
    """Print where a front listens, a line for each address; on standard error how it may be used."""
    try:
        for address in addresses or ("",):
            print(f"swarmd: ready on {address}" if address else "swarmd: ready", flush=True)
    except BrokenPipeError:
        # Whoever wanted to know has gone, but may have left us to serve others: what is not flushed goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if hint:
        log.info("try: %s", hint)


if __name__ == "__main__":
    main()
