"""The commands that every container of the fake engine has: those of BusyBox that tests use, with its messages."""

from .files import FILE_COMMANDS
from .plain import PLAIN_COMMANDS
from .shell import SHELL_COMMANDS
from .text import TEXT_COMMANDS

COMMANDS = {**PLAIN_COMMANDS, **TEXT_COMMANDS, **FILE_COMMANDS, **SHELL_COMMANDS}
"""Every command by name."""

__all__ = ["COMMANDS"]
