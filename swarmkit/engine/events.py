"""Events of `GET /events`: what makes two the same, which a client's filters let pass, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from .containers import NODE_FILTER
from .documents import HOST_LABEL, Document
from .filters import Filters
from .references import familiar_name
from .times import SECOND
from .versions import version_key

Identity = tuple[int, str, str, str]

_BY_NAME = ("daemon", "container", "plugin", "volume", "network", "service", "secret", "config")

# Actions that go on after a colon: `exec_start: sh -c true`, `health_status: healthy`.
_LONGER_ACTIONS = ("health_status", "exec_create", "exec_start")

_OF_OLD = ("status", "id", "from")


def identity(event: Document) -> Identity:
    """Return what tells an event from all others of its host: its time, type, action and actor.

    It serves to drop what comes twice, as after a subscription that went on with `since`. Engines of different clocks
    may well make the same one, so that it is good for one host only.
    """
    return (
        int(event.get("timeNano") or 0),
        str(event.get("Type", "")),
        str(event.get("Action", "")),
        _actor_id(event),
    )


def with_host(event: Document, host: str) -> dict[str, Any]:
    """Return the event with its host as an attribute."""
    actor = event.get("Actor") or {}
    attributes = {**(actor.get("Attributes") or {}), HOST_LABEL: host}
    return {**event, "Actor": {**actor, "Attributes": attributes}}


def host_event(action: str, id: str, host: str, now: int, **attributes: str) -> dict[str, Any]:
    """Make the event which says that a host stopped answering (`lost`, with a `reason`) or answers again (`back`).

    No engine sends it, for it would have to be dead. It has the type that engines give to what happens to themselves.
    """
    actor = {"ID": id, "Attributes": {"name": host, **attributes}}
    return {
        **{"Type": "daemon", "Action": action, "Actor": actor, "scope": "local"},
        **{"time": now // SECOND, "timeNano": now},
    }


def in_version(event: Document, version: str) -> dict[str, Any]:
    """Return an event with the fields that it has in a version of the API, whichever engine sent it.

    Up to 1.51 an event of a container or an image says `status`, `id` and `from`, too, which clients of that time read.
    """
    bare = {key: value for key, value in event.items() if key not in _OF_OLD}
    kind = event.get("Type")
    if version_key(version) >= (1, 52) or kind not in ("container", "image"):
        return bare
    old = {"status": event.get("Action", ""), "id": _actor_id(event)}
    if kind == "container":
        old["from"] = _attributes(event).get("image", "")
    return {**{key: value for key, value in old.items() if value}, **bare}


def event_matches(event: Document, filters: Filters) -> bool:
    """Tell whether filters let an event pass, as the engine does; it ignores those it does not know.

    Names match by their beginning, others entirely. An event that has a host (as of `with_host`) also matches by
    `host/name`, and `node` is the host's name, with wildcards; where there is none, it is a node of Swarm mode.
    """
    names, filters = _names(event), _unqualified(filters, _attributes(event).get(HOST_LABEL))
    return (
        _action_matches(event.get("Action", ""), filters)
        and filters.match_exact("type", event.get("Type", ""))
        and filters.match_exact("scope", event.get("scope", ""))
        and all(_any_prefix(filters, key, names) for key in _BY_NAME)
        and _node_matches(event, names, filters)
        and any(filters.match_exact("image", image) for image in _images(event))
        and filters.match_key_values("label", _attributes(event))
    )


def _action_matches(action: str, filters: Filters) -> bool:
    if any(value in _LONGER_ACTIONS for value in filters.get("event")):
        return filters.match_prefix("event", action)
    return filters.match_exact("event", action)


def _node_matches(event: Document, names: Iterable[str], filters: Filters) -> bool:
    host = _attributes(event).get(HOST_LABEL)
    if host is None or not filters.get(NODE_FILTER):
        return _any_prefix(filters, NODE_FILTER, names)
    return any(fnmatchcase(host, value) for value in filters.get(NODE_FILTER))


def _any_prefix(filters: Filters, key: str, names: Iterable[str]) -> bool:
    return any(filters.match_prefix(key, name) for name in names)


def _names(event: Document) -> tuple[str, ...]:
    """Return what the actor is called: its id and its name."""
    return _actor_id(event), _attributes(event).get("name", "")


def _unqualified(filters: Filters, host: str | None) -> Filters:
    """Return the filters with `host/name` as the name that it is on this host.

    The names are not qualified instead: by its beginning the name of a host would then match all that is on it.
    """
    if host is None or not any(value.startswith(f"{host}/") for key in _BY_NAME for value in filters.get(key)):
        return filters
    values = {
        key: tuple(value.removeprefix(f"{host}/") for value in filters.get(key)) if key in _BY_NAME else kept
        for key, kept in filters.values.items()
    }
    return Filters(values)


def _images(event: Document) -> set[str]:
    """Return what the filter `image` may name: an image event's image, or the one of a container's event."""
    image = _attributes(event).get("name" if event.get("Type") == "image" else "image", "")
    images = {_actor_id(event), image}
    return images | {familiar_name(each) for each in images}


def _actor_id(event: Document) -> str:
    return str((event.get("Actor") or {}).get("ID", ""))


def _attributes(event: Document) -> dict[str, str]:
    return (event.get("Actor") or {}).get("Attributes") or {}
