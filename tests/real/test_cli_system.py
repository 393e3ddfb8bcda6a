"""What `docker` tells of a host as a whole: of a virtual one, the sum of its hosts, in the same form."""

from __future__ import annotations

import pytest

from .cli import Cli
from .same import same


@same
def test_version(cli: Cli) -> None:
    """The API version and the platform are those of the hosts."""
    cli.run("version", "--format", "{{.Server.APIVersion}} {{.Server.Os}} {{.Server.Arch}}")
    cli.run("version", "--format", "{{.Client.APIVersion}}")
    cli.run("version", "--format", "{{.Nosuch}}", code=1)


@pytest.mark.over_ssh
@same
def test_info(cli: Cli) -> None:
    """Containers are counted over all hosts; what hosts have in common is told as an engine tells it."""
    cli.quiet("run", "-d", "--name", "web", "busybox", "sleep", "60")
    cli.quiet("run", "-d", "--name", "paused", "busybox", "sleep", "60")
    cli.quiet("pause", "paused")
    cli.quiet("create", "--name", "stopped", "busybox")
    counts = "{{.Containers}} {{.ContainersRunning}} {{.ContainersPaused}} {{.ContainersStopped}}"
    cli.run("info", "--format", counts)
    cli.run("info", "--format", "{{.ServerVersion}} {{.OSType}} {{.Architecture}} {{.CgroupDriver}} {{.Driver}}")
    cli.run("info", "--format", "{{json .Plugins.Log}} {{.DefaultRuntime}} {{.LoggingDriver}} {{.KernelVersion}}")


@same
def test_unknown_words(cli: Cli) -> None:
    """The client's own refusals come before any host is asked."""
    cli.run("nosuch", code=1)
    cli.run("run", code=1)
    cli.run("ps", "--nosuch", code=125)
