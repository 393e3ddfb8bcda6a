"""The wire protocol: messages, channels and byte streams over any reliable byte stream (docs/protocol.md)."""

from .limits import Limits
from .peer import Peer, open_peer
from .state.numbers import Side

__all__ = ["Limits", "Peer", "Side", "open_peer"]
