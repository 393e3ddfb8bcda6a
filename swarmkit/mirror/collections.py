"""The collections that a mirror holds: one table of how they differ. All that the mirror knows of Docker is here."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from ..engine.documents import Document
from ..engine.image_rows import counts_users
from ..engine.references import image_id, with_tag

CONTAINERS = "containers"
"""The collection that a host is in step with when it is in step at all."""


def _as_it_is(reference: str) -> str:
    return reference


def _nothing(reference: str) -> str:
    return ""


@frozen(kw_only=True)
class Collection:
    """One collection: what a reference to one of its things means, and what it has to do with the others."""

    name: str
    noun: str
    """What one of its things is called where it is not found."""
    name_in: Callable[[str], str] = _as_it_is
    """The name that a reference may be."""
    id_in: Callable[[str], str] = _as_it_is
    """The beginning of an id that a reference may be; nothing where it is none."""
    qualified: bool = True
    """Whether `host/name` tells those of several hosts apart; else a slash is a part of the name."""
    shared: bool = False
    """Whether one of several hosts that have it is as good as another to read it from."""
    complete: bool = True
    """Whether the list has all there is: else what is not in it may be there all the same."""
    by_id: bool = False
    """Whether single rows can be fetched, and have a detail that they are fetched for; their ids are used only once."""
    shown_in: tuple[str, ...] = ()
    """The other collections in whose rows a change may show."""
    shows: Callable[[Document], bool] | None = None
    """Whether such a row shows anything of another collection, where that depends on the engine's version."""


COLLECTIONS = {
    collection.name: collection
    for collection in (
        Collection(name=CONTAINERS, noun="container", by_id=True, shown_in=("images", "volumes")),
        Collection(
            name="images",
            noun="image",
            name_in=with_tag,
            id_in=image_id,
            qualified=False,
            shared=True,
            complete=False,
            shown_in=(CONTAINERS,),
            shows=counts_users,
        ),
        Collection(name="networks", noun="network", shown_in=(CONTAINERS,)),
        Collection(name="volumes", noun="volume", id_in=_nothing),
    )
}
"""All that are held, by name. A container brings volumes with it, and takes them; an image may count its containers."""
