"""Hosts and sources that break a rule each: layers that spoil what passes through them.

Each names the checks that must fail on it. Together they show that every check of the kit can fail.
"""

from .base import Mutant
from .calls import CALLS
from .changes import CHANGES
from .conversations import CONVERSATIONS
from .ends import ENDS
from .errors import ERRORS
from .rows import ROWS
from .sources import SOURCE_MUTANTS
from .watches import WATCHES

MUTANTS: list[Mutant] = [*ERRORS, *CALLS, *ENDS, *ROWS, *CHANGES, *CONVERSATIONS, *WATCHES]

__all__ = ["MUTANTS", "SOURCE_MUTANTS", "Mutant"]
