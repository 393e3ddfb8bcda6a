"""What `Connection.receive_data` tells: one class for each thing that a peer's bytes, or their end, can mean.

Numbers are those of the protocol. One of a call, channel or stream says by itself who chose it, so that a number of a
call that was made and one of a call that was taken are never equal.

After `Ended` there are no more events. Before it each thing that was still open has been ended by an event of its own,
so that who acts on each event has nothing to look for at the end: calls made `Failed`, calls taken `Cancelled`, streams
`Cut` and `Stopped`, channels `ChannelEnded` and `ChannelClosed`, services given `Released`.
"""

from __future__ import annotations

from attrs import frozen

from ..errors import SwarmError
from .limits import Limits
from .messages import Ends, WireMessage


@frozen
class HelloReceived:
    """The other peer has come, and may be sent to. First of all events; `limits` are what it takes."""

    version: int
    agent: str
    root: bool
    limits: Limits


@frozen
class Called:
    """A call of the other peer, to `ref` (0 for the root). It is to be answered once: `reply` or `fail`."""

    call: int
    ref: int
    message: WireMessage
    ends: Ends


@frozen
class Cancelled:
    """Nobody waits for the answer of this call of the other peer any more. It is still to be answered."""

    call: int


@frozen
class Replied:
    """The answer of a call made here, which is over."""

    call: int
    message: WireMessage
    ends: Ends


@frozen
class Failed:
    """The failure of a call made here, which is over.

    It is the other's error; or, where there is to be no answer, `Unavailable` (known not to have been taken) or
    `Timeout` (sent, outcome unknown).
    """

    call: int
    error: SwarmError


@frozen
class Released:
    """A service given to the other peer is no longer called by it."""

    ref: int


@frozen
class ItemReceived:
    """A message in a channel that was given to us. It took `size` bytes of what was granted, and one message."""

    channel: int
    message: WireMessage
    ends: Ends
    size: int


@frozen
class ChannelEnded:
    """A channel that was given to us is over, well where `error` is None."""

    channel: int
    error: SwarmError | None


@frozen
class ChannelClosed:
    """A channel that we gave is over: its receiver wants no more. The END has been sent by itself."""

    channel: int


@frozen
class Granted:
    """A channel that we gave has more room; see `Connection.channel_room`."""

    channel: int


@frozen
class DataReceived:
    """Bytes of a stream that was given to us, never empty."""

    stream: int
    data: bytes


@frozen
class EofReceived:
    """A stream that was given to us is over: all was written."""

    stream: int


@frozen
class Cut:
    """A stream that was given to us is over, and not all was written."""

    stream: int
    error: SwarmError


@frozen
class Stopped:
    """A stream that we gave is over: its reader wants no more. The RESET has been sent by itself."""

    stream: int


@frozen
class Credited:
    """A stream that we gave has more room; see `Connection.room`."""

    stream: int


@frozen
class PongReceived:
    """The answer to the latest PING."""


@frozen
class GoingAway:
    """The other peer takes no more calls, and says why. Those that it will not answer have `Failed` before this."""

    error: SwarmError


@frozen
class Violated:
    """The other peer broke the protocol, or speaks no version of it that we do. `Ended` follows.

    `foreign` holds its first bytes where they are not this protocol's, and is empty otherwise.
    """

    error: SwarmError
    foreign: bytes = b""


@frozen
class Ended:
    """The connection is over, for the reason given; None where both had nothing open and one had said that it leaves.

    What `data_to_send` still holds is to be written before the transport is closed.
    """

    error: SwarmError | None


Event = (
    HelloReceived
    | Called
    | Cancelled
    | Replied
    | Failed
    | Released
    | ItemReceived
    | ChannelEnded
    | ChannelClosed
    | Granted
    | DataReceived
    | EofReceived
    | Cut
    | Stopped
    | Credited
    | PongReceived
    | GoingAway
    | Violated
    | Ended
)
