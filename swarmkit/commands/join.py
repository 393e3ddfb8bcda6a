"""`swarmd join`: register a host in etcd, for as long as it answers and this runs."""

from __future__ import annotations

import re
import shlex
import socket
import sys
from typing import Any
from urllib.parse import urlsplit

import click

from ..engine.names import is_host_name
from ..errors import Denied, Invalid
from ..pipeline import Pipeline, parse_pipeline
from ..registry import Registry
from ..running import run_until_signal
from ..transport import is_loopback, tls_options
from .joining import Joining, Member
from .words import told_as_usage

_EXAMPLE = """\
swarmd join http://127.0.0.1:2379/prod --advertise 'docker tcp://192.0.2.7:2376' --tlsverify
  swarmd join https://etcd-1:2379,https://etcd-2:2379/prod --etcd-cacert ca.pem --advertise 'docker ssh://ops@web-1'"""

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}

MIN_TTL, MAX_TTL = 5, 86_400
"""Seconds. Less is renewed so often that a busy etcd loses it; more is no help where a host has died."""


def _seconds(context: click.Context, option: click.Parameter, text: str) -> int:
    """Read a time, as a number with a unit or without."""
    found = re.fullmatch(r"(\d{1,5})([smh]?)", text)
    seconds = int(found[1]) * _SECONDS[found[2]] if found is not None else 0
    if not MIN_TTL <= seconds <= MAX_TTL:
        raise click.BadParameter(f"{text!r} is no time from {MIN_TTL}s to {MAX_TTL // 3600}h: write 30s, 5m or 1h")
    return seconds


def _labels(context: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """Read `KEY=VALUE`, again and again; of two with one key the later one counts."""
    pairs = [text.partition("=") for text in texts]
    for key, equals, value in pairs:
        if not (key and equals):
            raise click.BadParameter(f"{key + equals + value!r} is no label: write KEY=VALUE")
    return {key: value for key, _, value in pairs}


@click.command(
    "join",
    context_settings={"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]},
    epilog=f"\b\nFor example:\n  {_EXAMPLE}",
)
@click.argument("etcd", nargs=-1, required=True, type=click.UNPROCESSED,
                metavar="URL[,URL...]/PREFIX [ETCD OPTION]...")  # fmt: skip
@click.option("--advertise", required=True, metavar="'docker ADDRESS'", help="Where others reach the host.")
@click.option("--name", help="What the host is called; by default as this machine.")
@click.option("--ttl", callback=_seconds, default="30s", show_default=True, metavar="TIME",
              help="It is gone so long after it, or this, has died.")  # fmt: skip
@click.option("--label", "labels", callback=_labels, multiple=True, metavar="KEY=VALUE",
              help="A label for placement; may be given again.")  # fmt: skip
@click.option("--insecure", is_flag=True, help="Allow plain HTTP and TCP, and an address of this machine alone.")
@tls_options
@click.option("--tls", is_flag=True, help="Use TLS without checking the engine's certificate.")
def join(
    etcd: tuple[str, ...],
    advertise: str,
    name: str | None,
    ttl: int,
    labels: dict[str, str],
    insecure: bool,
    **tls: Any,
) -> None:
    """Register a host in etcd until SIGINT or SIGTERM.

    Whether the host answers is looked at from here, with the options of TLS as the part docker has them: one that does
    not is not registered, and is taken out when it has not for the TTL. ETCD OPTION is --user, --password-file,
    --etcd-cacert, --etcd-cert or --etcd-key: see `swarmd etcd --help`.
    """
    with told_as_usage():
        source = Pipeline((Registry().find("etcd").parse((*etcd, *(("--insecure",) if insecure else ()))),))
        host, address = advertised(advertise, _words_for(insecure=insecure, **tls), insecure=insecure)
        member = Member(checked_name(name), address, ttl, labels)
    sys.exit(run_until_signal(lambda: _join(member, source, host)))


async def _join(member: Member, source: Pipeline, host: Pipeline) -> int:
    async with source.open() as registry, host.named(member.name).open() as answering:
        return await Joining(member, registry, answering).run()


def advertised(text: str, options: tuple[str, ...] = (), *, insecure: bool = False) -> tuple[Pipeline, str]:
    """Return the host at `PART ADDRESS`, as it is reached from here with `options`, and what is advertised of it.

    Raises `Invalid` for what is more than that, or leads to this machine alone, which `insecure` allows of TCP.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Invalid(f"--advertise {text!r}: {error}") from error
    if len(words) != 2:
        raise Invalid(
            f"--advertise {text!r}: {_FORM}; whoever reads it says how it is spoken to, and options here say how it is "
            "looked at"
        )
    host = parse_pipeline(shlex.join((*words, *options)))
    for address in host.reaches:
        _check_elsewhere(address, insecure=insecure)
    full = next((address for address in host.reaches if address.startswith("tcp://")), words[1])  # with its port
    if words[0] not in ("docker", "remote") or not re.fullmatch(r"(tcp|ssh)://[^/]+", full):
        raise Invalid(f"--advertise {text!r}: {_FORM}")
    return host, f"{words[0]} {full}"


_FORM = "what is advertised is 'docker tcp://HOST:PORT' or 'docker ssh://[USER@]HOST[:PORT]', or 'remote' so"


def _check_elsewhere(address: str, *, insecure: bool) -> None:
    """Raise an error where an address would mean another machine to each who reads it."""
    place = urlsplit(address)
    if place.scheme == "unix":
        raise Invalid(
            f"{address} is a socket of this machine: advertise what others reach, tcp://HOST:PORT or ssh://HOST"
        )
    if is_loopback(place.hostname or "") and not insecure:
        raise Denied(
            f"{address} leads to whichever machine reads it: advertise an address that others reach, "
            "or use --insecure where all that read it are on this machine"
        )


def _words_for(*, insecure: bool, tlsverify: bool, tls: bool, **files: str | None) -> tuple[str, ...]:
    """Return the options of the part for the host: `--insecure` is for the clear, and may be meant for etcd alone."""
    words = [*(("--tlsverify",) if tlsverify else ()), *(("--tls",) if tls else ())]
    for option, file in (("--cacert", files["ca"]), ("--cert", files["cert"]), ("--key", files["key"])):
        words += [option, file] if file else []
    return tuple(words) or (("--insecure",) if insecure else ())


def checked_name(name: str | None) -> str:
    """Return the name, by default this machine's; raise `Invalid` where no host can be called so."""
    wanted = socket.gethostname() if name is None else name
    if not is_host_name(wanted):
        why = "" if name is not None else " (this machine's; give another with --name)"
        raise Invalid(
            f"{wanted!r}{why} cannot be the name of a host: letters, digits, '_', '.' and '-', and no word of the API"
        )
    return wanted
