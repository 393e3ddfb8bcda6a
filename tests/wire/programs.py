"""A program that uses a machine as it is meant to, in ways that numbers choose; it notes what it did and was told.

With random numbers it is one end of the property tests, and what a hostile peer is let at; a fuzzer chooses others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

from swarmkit.errors import SwarmError, Unavailable
from swarmkit.message import Verb
from swarmkit.wire import events as ev
from swarmkit.wire.connection import Connection
from swarmkit.wire.messages import Ends, Ret, WireMessage

Choose = Callable[[int], int]
"""Give a number from 0 to below another."""

NO = Unavailable("no")


class Numbers:
    """Numbers out of bytes; 0 where there are none left."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def more(self) -> bool:
        """Tell whether there are numbers left."""
        return self._at < len(self._data)

    def choose(self, below: int) -> int:
        """Return the next one below another."""
        width = 1 if below <= 256 else 2 if below <= 65_536 else 4
        piece = self._data[self._at : self._at + width]
        self._at += width
        return int.from_bytes(piece, "big") % below


RETS = (None, None, Ret.SERVICE, Ret.CHANNEL)


class Program:
    """One end. `act` on events, `wish` for something of its own; nothing is written here."""

    def __init__(self, machine: Connection, choose: Choose) -> None:
        self.machine = machine
        self.choose = choose
        self.over = False
        self.greeted = False
        self.error: SwarmError | None = None
        # Calls: those made and not answered, those answered so many times, those cancelled, those to be answered here.
        self.made: set[int] = set()
        self.outcomes: Counter[int] = Counter()
        self.failures: dict[int, SwarmError] = {}
        self.cancelled: set[int] = set()
        self.taken: set[int] = set()
        self.answered: set[int] = set()
        # What was written into streams, and how they ended; the same of those read.
        self.writing: set[int] = set()
        self.written: defaultdict[int, bytes] = defaultdict(bytes)
        self.reading: set[int] = set()
        self.read: defaultdict[int, bytes] = defaultdict(bytes)
        self.finished: set[int] = set()
        # How many items went into channels, in this order, and came.
        self.sending: set[int] = set()
        self.sent: Counter[int] = Counter()
        self.receiving: set[int] = set()
        self.received: Counter[int] = Counter()
        self.ended: set[int] = set()
        self.given: set[int] = set()
        self.held: set[int] = set()

    # --- what is told

    def act(self, events: list[ev.Event]) -> None:
        """Note what happened, and react as the numbers choose."""
        for event in events:
            assert not self.over, f"{event} after the end"
            assert self.greeted or isinstance(event, (ev.HelloReceived, ev.Violated, ev.Ended)), f"{event} at first"
            self._act(event)

    def _act(self, event: ev.Event) -> None:
        match event:
            case ev.HelloReceived():
                self.greeted = True
            case ev.Ended(error=error):
                self.over, self.error = True, error
                self._check_all_is_told()
            case ev.Called() | ev.Cancelled() | ev.Replied() | ev.Failed():
                self._act_on_call(event)
            case ev.DataReceived() | ev.EofReceived() | ev.Cut() | ev.Stopped():
                self._act_on_stream(event)
            case ev.ItemReceived() | ev.ChannelEnded() | ev.ChannelClosed():
                self._act_on_channel(event)
            case ev.Released(ref=ref):
                self.given.remove(ref)

    def _check_all_is_told(self) -> None:
        """At the end each thing has been ended by an event of its own."""
        assert self.made == set()
        assert self.reading | self.writing == set()
        assert self.receiving | self.sending == set()
        assert self.given == set()

    def _act_on_call(self, event: ev.Called | ev.Cancelled | ev.Replied | ev.Failed) -> None:
        call = event.call
        match event:
            case ev.Called(message=message, ends=ends):
                assert call not in self.taken | self.answered
                self.taken.add(call)
                self._take(message, ends)
            case ev.Replied(message=message, ends=ends):
                self._over(call)
                self._take(message, ends)
            case ev.Failed(error=error):
                self._over(call)
                self.failures[call] = error

    def _over(self, call: int) -> None:
        self.made.remove(call)
        self.outcomes[call] += 1

    def _act_on_stream(self, event: ev.DataReceived | ev.EofReceived | ev.Cut | ev.Stopped) -> None:
        stream = event.stream
        match event:
            case ev.DataReceived(data=data):
                assert stream in self.reading
                self.read[stream] += data
                if self.choose(4):
                    self.machine.credit(stream, len(data))
            case ev.EofReceived():
                self.reading.remove(stream)
                self.finished.add(stream)
            case ev.Cut():
                self.reading.remove(stream)
            case ev.Stopped():
                self.writing.remove(stream)

    def _act_on_channel(self, event: ev.ItemReceived | ev.ChannelEnded | ev.ChannelClosed) -> None:
        channel = event.channel
        match event:
            case ev.ItemReceived(message=message, ends=ends, size=size):
                assert channel in self.receiving
                self._take(message, ends)
                if "n" in message.args:
                    assert message.args["n"] == self.received[channel]
                    self.received[channel] += 1
                if self.choose(4):
                    self.machine.grant(channel, 1, size)
            case ev.ChannelEnded(error=error):
                self.receiving.remove(channel)
                if error is None:
                    self.ended.add(channel)
            case ev.ChannelClosed():
                self.sending.remove(channel)

    # --- ends

    def _take(self, message: WireMessage, ends: Ends) -> None:
        if ends.att is not None:
            self.reading.add(ends.att)
        if ends.ret is not None:
            (self.held if message.ret is Ret.SERVICE else self.receiving).add(ends.ret)

    def _give(self, message: WireMessage, ends: Ends) -> None:
        if ends.att is not None:
            self.writing.add(ends.att)
        if ends.ret is not None:
            (self.given if message.ret is Ret.SERVICE else self.sending).add(ends.ret)

    def _message(self, verb: Verb, number: int = 0) -> WireMessage:
        long = self.choose(3000) if not self.choose(10) else self.choose(50)
        return WireMessage(verb, (), {"n": number, "x": "y" * long}, RETS[self.choose(4)], not self.choose(3))

    # --- what it does by itself

    def wish(self) -> None:
        """Do one thing that is possible now."""
        if not self.greeted:
            return
        wishes = (
            self._call,
            self._call,
            self._answer,
            self._answer,
            self._write,
            self._write,
            self._send,
            self._send,
            self._finish,
            self._give_up,
            self._pay,
            self.machine.ping,
        )
        wishes[self.choose(len(wishes))]()

    def _one(self, things: set[int]) -> int | None:
        return sorted(things)[self.choose(len(things))] if things else None

    def _call(self) -> None:
        if not self.machine.can_call:
            return
        message = self._message(Verb.GET)
        try:
            sent = self.machine.call(self._one(self.held) or 0, message)
        except SwarmError:
            return
        self.made.add(sent.call)
        self._give(message, sent.ends)

    def _answer(self) -> None:
        call = self._one(self.taken)
        if call is None:
            return
        self.taken.remove(call)
        self.answered.add(call)
        message = self._message(Verb.ACK)
        try:
            ends = self.machine.reply(call, message)
        except SwarmError as error:
            self.machine.fail(call, error)
            return
        if ends is not None:
            self._give(message, ends)

    def _write(self) -> None:
        stream = self._one(self.writing)
        room = self.machine.room(stream) if stream is not None else 0
        if stream is not None and room:
            data = bytes([len(self.written[stream]) % 256]) * (1 + self.choose(room))
            self.machine.send_data(stream, data)
            self.written[stream] += data

    def _send(self) -> None:
        channel = self._one(self.sending)
        if channel is None or not self.machine.channel_room(channel):
            return
        message = self._message(Verb.WATCH, self.sent[channel])
        try:
            ends = self.machine.send_item(channel, message)
        except SwarmError:
            return
        assert ends is not None
        self.sent[channel] += 1
        self._give(message, ends)

    def _finish(self) -> None:
        """End something of one's own."""
        stream, channel = self._one(self.writing), self._one(self.sending)
        if stream is not None and self.choose(2):
            self.writing.remove(stream)
            self.machine.send_eof(stream) if self.choose(3) else self.machine.reset(stream, NO)
        elif channel is not None:
            self.sending.remove(channel)
            self.machine.end_channel(channel, NO if not self.choose(3) else None)

    def _give_up(self) -> None:
        """Want no more of something of the other's."""
        what = self.choose(4)
        things = (self.made, self.reading, self.receiving, self.held)[what]
        number = self._one(things)
        if number is None:
            return
        things.remove(number)
        machine = self.machine
        (machine.cancel, machine.stop, machine.close_channel, machine.release)[what](number)
        if what == 0:
            self.cancelled.add(number)

    def _pay(self) -> None:
        """Grant what was kept back."""
        for stream in self.reading:
            self.machine.credit(stream, 50)
        for channel in self.receiving:
            self.machine.grant(channel, 1, 100)

    def settle(self) -> None:
        """Answer all calls, end all that is one's own, and grant what was kept back."""
        while self.taken:
            self._answer()
        for stream in self.writing:
            self.machine.send_eof(stream)
        for channel in self.sending:
            self.machine.end_channel(channel)
        self.writing.clear()
        self.sending.clear()
        self._pay()
