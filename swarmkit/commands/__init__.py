"""What `swarmd` does besides running a pipeline that is written out: a command each."""

from .table import COMMANDS

__all__ = ["COMMANDS"]
