"""The one table of commands. A name in it goes before a part of the same name."""

from __future__ import annotations

from collections.abc import Mapping

import click

from .drain import drain
from .join import join
from .members import members
from .up import up

_COMMANDS = (up, members, drain, join)

COMMANDS: Mapping[str, click.Command] = {command.name: command for command in _COMMANDS if command.name}
