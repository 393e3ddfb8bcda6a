"""Many hosts as one: rows united, names resolved, new things placed, watches merged.

It knows the verbs and nothing of what is behind them; which member gets a new thing is decided by an injected policy.
"""

from .identity import Identification
from .members import Member
from .service import Aggregate, open_aggregate

__all__ = ["Aggregate", "Identification", "Member", "open_aggregate"]
