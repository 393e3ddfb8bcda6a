import pytest

from swarmkit.engine.ports import PortRange
from swarmkit.errors import Invalid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", PortRange(80, 80, "tcp")),
        ("80/udp", PortRange(80, 80, "udp")),
        ("80-90/sctp", PortRange(80, 90, "sctp")),
        ("80/", PortRange(80, 80, "tcp")),
        ("80/udp/tcp", PortRange(80, 80, "udp")),
        ("0-65535", PortRange(0, 65535, "tcp")),
    ],
)
def test_ranges(text: str, expected: PortRange) -> None:
    """One port or a range, TCP unless said otherwise."""
    assert expected == PortRange.parse("publish", text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Empty string specified for ports."),
        ("/tcp", "Empty string specified for ports."),
        ("x", 'strconv.ParseUint: parsing "x": invalid syntax'),
        ("80-", 'strconv.ParseUint: parsing "": invalid syntax'),
        ("+80", 'strconv.ParseUint: parsing "+80": invalid syntax'),
        ("65536", 'strconv.ParseUint: parsing "65536": value out of range'),
        ("9-8", "Invalid range specified for the Port: 9-8"),
    ],
)
def test_what_is_no_range_is_refused(text: str, reason: str) -> None:
    """The error is the engine's, and names the filter."""
    with pytest.raises(Invalid) as raised:
        PortRange.parse("publish", text)
    assert f"error while looking up for publish {text}: {reason}" == raised.value.message


def test_both_ends_belong_to_a_range() -> None:
    """The protocol must be the same."""
    ports = PortRange(80, 90, "tcp")
    assert ports.holds(80, "tcp")
    assert ports.holds(90, "tcp")
    assert not ports.holds(91, "tcp")
    assert not ports.holds(80, "udp")
