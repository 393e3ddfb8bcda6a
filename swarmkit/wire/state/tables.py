"""What may happen when: for each kind of thing its states, and the state that each frame leads to. Data only.

One table is for both ends of a thing, because each type of frame is sent by one end only. What is not in a table is a
violation where the other peer sends it. A thing is OVER after its last frame; what leads from OVER to OVER may have
crossed that frame and is ignored. UNKNOWN is a number that was never chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from ..frames import Type


class State(Enum):
    """Where a call, a ref, a channel or a stream stands; the value ends a sentence."""

    UNKNOWN = "never was"
    OPEN = "is open"
    GIVEN_UP = "is given up"  # by a CANCEL, CLOSE or STOP: its last frame is still to come
    OVER = "is over"


Table = Mapping[State, Mapping[Type, State]]

CALL: Table = {
    State.UNKNOWN: {Type.CALL: State.OPEN},
    State.OPEN: {Type.CANCEL: State.GIVEN_UP, Type.REPLY: State.OVER, Type.ERROR: State.OVER},
    State.GIVEN_UP: {Type.REPLY: State.OVER, Type.ERROR: State.OVER},
    State.OVER: {Type.CANCEL: State.OVER},
}

REF: Table = {
    State.UNKNOWN: {},
    State.OPEN: {Type.CALL: State.OPEN, Type.RELEASE: State.OVER},
    State.OVER: {},
}

CHANNEL: Table = {
    State.UNKNOWN: {},
    State.OPEN: {Type.ITEM: State.OPEN, Type.GRANT: State.OPEN, Type.END: State.OVER, Type.CLOSE: State.GIVEN_UP},
    State.GIVEN_UP: {Type.ITEM: State.GIVEN_UP, Type.END: State.OVER},
    State.OVER: {Type.GRANT: State.OVER, Type.CLOSE: State.OVER},
}

STREAM: Table = {
    State.UNKNOWN: {},
    State.OPEN: {
        Type.DATA: State.OPEN,
        Type.CREDIT: State.OPEN,
        Type.EOF: State.OVER,
        Type.RESET: State.OVER,
        Type.STOP: State.GIVEN_UP,
    },
    State.GIVEN_UP: {Type.DATA: State.GIVEN_UP, Type.EOF: State.OVER, Type.RESET: State.OVER},
    State.OVER: {Type.CREDIT: State.OVER, Type.STOP: State.OVER},
}


class Phase(Enum):
    """Where a connection stands."""

    PREFACE = "before the first eight bytes"
    HELLO = "before the HELLO"
    OPEN = "open"
    LEAVING = "we said GOAWAY"
    LEFT = "the other said GOAWAY"
    PARTING = "both said GOAWAY"
    OVER = "over"


class Step(Enum):
    """What changes a connection's phase."""

    PREFACE = "the first eight bytes have come"
    HELLO = "the HELLO has come"
    LEAVE = "we say GOAWAY"
    LEFT = "a GOAWAY has come"
    END = "a violation, a broken transport or the end of the stream"


CONNECTION: Mapping[Phase, Mapping[Step, Phase]] = {
    Phase.PREFACE: {Step.PREFACE: Phase.HELLO, Step.END: Phase.OVER},
    Phase.HELLO: {Step.HELLO: Phase.OPEN, Step.END: Phase.OVER},
    Phase.OPEN: {Step.LEAVE: Phase.LEAVING, Step.LEFT: Phase.LEFT, Step.END: Phase.OVER},
    Phase.LEAVING: {Step.LEAVE: Phase.LEAVING, Step.LEFT: Phase.PARTING, Step.END: Phase.OVER},
    Phase.LEFT: {Step.LEAVE: Phase.PARTING, Step.LEFT: Phase.LEFT, Step.END: Phase.OVER},
    Phase.PARTING: {Step.LEAVE: Phase.PARTING, Step.LEFT: Phase.PARTING, Step.END: Phase.OVER},
    Phase.OVER: {Step.LEAVE: Phase.OVER, Step.END: Phase.OVER},
}
