import attrs
import pytest

from swarmkit.channel import open_channel
from swarmkit.message import Message, Verb, ack
from swarmkit.streams import BytesStream


def test_verbs_are_thirteen() -> None:
    """The verbs are libswarm's thirteen, each with its own word."""
    assert len(Verb) == 13
    assert {verb.name.lower() for verb in Verb} == {verb.value for verb in Verb}


def test_message_is_frozen() -> None:
    """A message that passes through a layer cannot be changed behind the sender's back."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Message(Verb.LS).verb = Verb.STOP  # type: ignore[misc]


def test_arguments_are_looked_up() -> None:
    """`[]` asks for an argument that must be there, `get` for one that may be."""
    message = Message(Verb.STOP, args={"grace": 3, "signal": None})
    assert (message["grace"], message.get("signal", 7), message.get("other", 7)) == (3, None, 7)
    with pytest.raises(KeyError):
        message["other"]


def test_messages_do_not_share_arguments() -> None:
    """Two messages made without arguments have none in common."""
    assert Message(Verb.LS).args is not Message(Verb.LS).args


def test_request_prints_as_a_line() -> None:
    """A request shows its verb, path, arguments and carried ends."""
    _, receiver = open_channel()
    message = Message(Verb.LOG, ("containers", "web"), {"follow": True}, ret=receiver, att=BytesStream(b""))
    assert str(message) == "LOG containers/web follow=True +ret +att"


def test_service_itself_prints_as_a_dot() -> None:
    """The empty path shows as a dot."""
    assert str(Message(Verb.LS)) == "LS ."


def test_reply_prints_without_a_path() -> None:
    """A reply shows no path."""
    assert str(ack({"id": "c0ffee"})) == "ACK id='c0ffee'"


def test_long_argument_is_shortened() -> None:
    """A long argument shows its beginning and its length, so that a log stays readable."""
    text = str(Message(Verb.SET, args={"spec": "x" * 10_000}))
    assert len(text) < 200
    assert text.endswith("…(10002)")


def test_ack_carries_what_it_is_given() -> None:
    """`ack` makes a reply with a path, arguments and a stream."""
    stream = BytesStream(b"out")
    reply = ack({"status": 200}, path=("containers", "web"), att=stream)
    assert reply == Message(Verb.ACK, ("containers", "web"), {"status": 200}, None, stream)
