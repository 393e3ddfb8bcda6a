"""What a member source is made of: the roster that it keeps and serves, and the watch on files that it reads."""

from .changes import LOOK_SECONDS, Mark, follow_changes, mark_of
from .roster import Roster, member_row, open_roster

__all__ = ["LOOK_SECONDS", "Mark", "Roster", "follow_changes", "mark_of", "member_row", "open_roster"]
