"""The command `swarmd`: explain the parts, run a command of the table, or run a pipeline until it is told to stop."""

from __future__ import annotations

import errno
import importlib.metadata
import sys
from typing import Any

import click

from .commands import COMMANDS
from .errors import Internal, Invalid, NotFound, SwarmError
from .logs import LEVELS, configure_logging
from .part import Role
from .pipeline import Pipeline, parse_pipeline
from .pipeline_file import MAX_BYTES, PipelineFile, read_pipeline_bytes, read_pipeline_file
from .registry import GROUP, Registry
from .running import EXIT_FAILED, EXIT_USAGE, drop_output, run

_EXAMPLE = """\
swarmd 'dockerserver unix:///tmp/swarm.sock' 'aggregate "a=docker" "b=ssh ops@web-1"'"""


class _Swarmd(click.Command):
    """A command that takes stages, or the name of a command and that one's own words."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the commands above the options."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(80)) for name, command in COMMANDS.items()])
        super().format_options(ctx, formatter)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Show the ways to use it: click knows of words only."""
        return ["[OPTIONS] [STAGE... | -c FILE | COMMAND ...]"]


@click.command(
    "swarmd",
    cls=_Swarmd,
    context_settings={"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]},
    epilog=f"\b\nFor example:\n  swarmd up\n  {_EXAMPLE}",
)
@click.argument("words", nargs=-1)
@click.option("-c", "--config", metavar="FILE", help="Run the pipeline that FILE holds; - is standard input.")
@click.option("--check", is_flag=True, help="Say whether the pipeline can be run, and exit.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="How much is logged.")
@click.option("-v", "--verbose", is_flag=True, help="The same as --log-level debug.")
@click.option("--version", is_flag=True, help="Show the version and exit.")
def swarmd(words: tuple[str, ...], config: str | None, check: bool, log_level: str,
           verbose: bool, version: bool) -> None:  # fmt: skip
    """Run a pipeline of services until SIGINT or SIGTERM.

    Each STAGE is one argument: a part and its own arguments, in quotes. The first serves the outside, the last is what
    stands behind it. Without a stage the parts are listed; `swarmd PART --help` explains one, `swarmd COMMAND --help`
    a command.
    """
    configure_logging("debug" if verbose else log_level)
    registry = Registry()
    if version:
        click.echo(f"swarmd {_version()}")
    elif check and config is None and (not words or words[0] in COMMANDS):
        raise click.UsageError("--check is for a pipeline: STAGE... or -c FILE")
    elif config is not None:
        if words:
            raise click.UsageError(f"-c {config} is a whole pipeline: there can be no stage beside it ({words[0]})")
        _run_file(config, registry, check=check)
    elif not words:
        click.echo(list_parts(registry))
    elif words[0] in COMMANDS:
        _run_command(COMMANDS[words[0]], list(words[1:]))
    elif asked := _asks_for_help(words):
        click.echo(_explain(asked, registry))
    else:
        _run(_parse(words, registry), check=check)


def main() -> None:
    """Run the command with the arguments of the process."""
    try:
        swarmd(prog_name="swarmd")
    except OSError as error:
        if error.errno != errno.ENOSPC:  # click prints help, say; all else is told where it happens
            raise
        drop_output()
        sys.exit(f"swarmd: standard output cannot be written: {error.strerror}")


def _run_command(command: click.Command, words: list[str]) -> None:
    with command.make_context(f"swarmd {command.name}", words) as context:
        command.invoke(context)


def _run(pipeline: Pipeline, *, check: bool, **settings: Any) -> None:
    if check:
        click.echo(str(pipeline))
    else:
        sys.exit(run(pipeline, **settings))


# -- saying what there is ----------------------------------------------------------------------------------------------


def list_parts(registry: Registry) -> str:
    """Return a line for each part, then how to use them; a part that cannot be loaded says why."""
    rows = [_describe(name, registry) for name in registry.names()]
    if not rows:
        return f"No parts are installed (entry-point group {GROUP}): install swarmd, in a checkout: pip install -e ."
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{name:{widths[0]}}  {role:{widths[1]}}  {summary}" for name, role, summary in rows]
    uses = ["swarmd PART --help explains a part; swarmd STAGE... runs a pipeline:", f"  {_EXAMPLE}"]
    commands = [f"swarmd {name}: {command.get_short_help_str(80)}" for name, command in COMMANDS.items()]
    return "\n".join([*lines, "", *uses, *commands])


def _describe(name: str, registry: Registry) -> tuple[str, str, str]:
    try:
        part = registry.find(name)
    except SwarmError as error:
        return name, "broken", error.message
    return name, part.role.value, part.summary


def _asks_for_help(words: tuple[str, ...]) -> str | None:
    """Return the part that is to be explained, as in `docker --help`, in one argument or two."""
    match " ".join(words).split():
        case [part, "-h" | "--help"]:
            return part
    return None


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
            raise _no_front(pipeline)
    except Internal as error:
        raise click.ClickException(error.message) from error
    except SwarmError as error:
        raise click.UsageError(error.message) from error
    return pipeline


def _no_front(pipeline: Pipeline) -> Invalid:
    first = pipeline.stages[0]
    return Invalid(f"nothing serves the outside: put a front such as dockerserver before {first}", stage=1)


# -- files -------------------------------------------------------------------------------------------------------------


class _FileError(click.ClickException):
    """What is wrong in a file: shown as compilers do, so that editors find the line."""

    exit_code = EXIT_USAGE

    def show(self, file: Any = None) -> None:
        click.echo(f"swarmd: {self.message}", file=file, err=True)


class _BrokenPart(_FileError):
    """What is no fault of who wrote the file."""

    exit_code = EXIT_FAILED


def _run_file(path: str, registry: Registry, *, check: bool) -> None:
    try:
        found = _read(path, registry)
        if found.pipeline.role is not Role.FRONT:
            raise found.locate(_no_front(found.pipeline))
    except Internal as error:
        raise _BrokenPart(error.message) from error
    except SwarmError as error:
        raise _FileError(error.message) from error
    _run(found.pipeline, check=check, locate=found.locate)


def _read(path: str, registry: Registry) -> PipelineFile:
    if path == "-":
        return read_pipeline_bytes(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>", registry)
    return read_pipeline_file(path, registry)


if __name__ == "__main__":
    main()
