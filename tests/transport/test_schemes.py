"""Transports by the scheme of their address, from entry points."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from swarmkit import Internal
from swarmkit.transport import UnixDialer, find_transport, schemes


def declare(monkeypatch: pytest.MonkeyPatch, scheme: str, value: str) -> None:
    """Have an installed package declare a transport."""
    entry = EntryPoint(scheme, value, schemes.GROUP)
    monkeypatch.setattr(schemes, "entry_points", EntryPoints([entry]).select)


def make(address: str) -> UnixDialer:
    """Make a transport, as a package does."""
    return UnixDialer(address)


def test_transport_is_found_by_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the function that the package names."""
    declare(monkeypatch, "pigeon", f"{__name__}:make")
    found = find_transport("pigeon")
    assert found is not None
    assert found("pigeon://coop") == UnixDialer("pigeon://coop")


def test_scheme_that_nobody_declares_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it means is the caller's to say."""
    declare(monkeypatch, "pigeon", f"{__name__}:make")
    assert find_transport("owl") is None


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("swarmkit_no_such_module:make", r"\(swarmkit_no_such_module:make\) cannot be loaded: ModuleNotFoundError"),
        (f"{__name__}:nothing", "cannot be loaded: AttributeError"),
        (f"{__name__}:__name__", "is no function"),
    ],
)
def test_transport_that_cannot_be_loaded_is_told(value: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its scheme, where it comes from, and why."""
    declare(monkeypatch, "pigeon", value)
    with pytest.raises(Internal, match=f"the transport 'pigeon'.*{says}"):
        find_transport("pigeon")
