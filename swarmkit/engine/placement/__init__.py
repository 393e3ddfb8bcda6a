"""On which host a new container goes: what it asks for, what each host has, rules, wishes and strategies. Pure.

It is read from the documents of the Engine API; `swarmkit.placement` is the contract with those who ask.
"""

from .expressions import settled
from .policy import Placement, make_policy
from .reservations import Reserved, reserved_on
from .rules import RULES, Rule
from .strategies import STRATEGIES, Strategy

__all__ = [
    "RULES",
    "STRATEGIES",
    "Placement",
    "Reserved",
    "Rule",
    "Strategy",
    "make_policy",
    "reserved_on",
    "settled",
]
