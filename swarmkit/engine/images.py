"""The list of images: filters, order, and how a row is written in an API version. Pure, over rows of any host.

The rules are the engine's (operation ImageList). They are applied to the rows of all hosts after these were merged: an
image that has a name on one host is not dangling because it has none on another.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from attrs import frozen

from swarmkit.errors import Invalid, NotFound

from .containers import NODE_FILTER
from .documents import Document
from .filters import Filters
from .moments import parse_moment
from .query import bool_value
from .references import familiar_name, find_image, with_tag
from .times import SECOND
from .versions import version_key

ACCEPTED = frozenset({"before", "dangling", "label", "label!", "reference", "since", "until", NODE_FILTER})
"""The filters that the newest engine has, and `node`, which chooses among hosts and is no engine's."""

NO_NAMES = frozenset({"<none>:<none>", "<none>@<none>"})
"""What engines before API 1.43 write for an image without tags or digests."""

_PART = re.compile(r"\*|\?|\[\^?(?:\\.|[^\]\\])+\]|\\.|[^\[\\]", re.DOTALL)
_SPECIAL = re.compile(r"[\[&~|]|(?<=.)\^")


@frozen
class ImageQuery:
    """What a client wants listed; `options` are those that only hosts can answer."""

    filters: Filters
    options: Mapping[str, bool]

    @classmethod
    def parse(cls, params: Mapping[str, str], version: str | None = None) -> ImageQuery:
        """Read the query parameters. Raises Invalid, in the engine's words, for filters that there are not.

        Before API 1.41 there is `filter`, a reference.
        """
        filters = Filters.parse(params.get("filters"))
        filters.require_known(ACCEPTED)
        if params.get("filter") and version is not None and _older(version, "1.41"):
            references = (*filters.get("reference"), params["filter"])
            filters = Filters({**filters.values, "reference": references})
        options = {key: True for key in ("all", "shared-size", "manifests") if bool_value(params.get(key))}
        return cls(filters, options)

    @property
    def cuts(self) -> tuple[str, ...]:
        """The images at which the list is to be cut."""
        return (*self.filters.get("before"), *self.filters.get("since"))


def select(
    images: Sequence[Document], query: ImageQuery, *, now: int, created: Mapping[str, int] | None = None
) -> list[dict[str, Any]]:
    """Return the rows that are meant, in their order, each with the names that the filter `reference` leaves.

    `created` holds exact times in nanoseconds of images where a row's second does not tell which of two is older, and
    `now` is the time from which `until` counts back. Raises `NotFound` where `before` or `since` name no image.
    """
    filters = query.filters
    only_dangling = _dangling(filters)
    parents = {image.get("ParentId") for image in images} if only_dangling else set()
    bounds = _bounds(images, filters, created or {}, now)
    chosen = []
    for image in images:
        if not filters.match_labels(image.get("Labels")) or not all(holds(image) for holds in bounds):
            continue
        row = _with_names(image, filters.get("reference"))
        tagged, named = bool(row["RepoTags"]), bool(row["RepoTags"] or row["RepoDigests"])
        if only_dangling is not None and (tagged if only_dangling else not named):
            continue
        if (only_dangling and image["Id"] in parents) or (not named and filters.get("reference")):
            continue
        chosen.append({**image, **row})
    return chosen


def ties(images: Sequence[Document], query: ImageQuery) -> list[str]:
    """Return the ids of the images whose exact times decide a cut: of one second with the image at which it is made."""
    cuts = {image for reference in query.cuts if (image := find_image(reference, images))}
    seconds = {image["Id"]: image.get("Created", 0) for image in images}
    moments = {seconds[cut] for cut in cuts}
    tied = [each for each, second in seconds.items() if second in moments]
    return tied if len(tied) > len(cuts) else []


def in_version(image: Document, version: str) -> dict[str, Any]:
    """Return a row as an engine writes it for a client of this API version, whichever version the host answered in.

    Until 1.42 no name is `<none>:<none>`, later an empty list; `VirtualSize` went with 1.44, `Descriptor` came with
    1.48, and the number of containers with 1.51.
    """
    row = dict(image)
    for key, none in (("RepoTags", "<none>:<none>"), ("RepoDigests", "<none>@<none>")):
        names = [name for name in image.get(key) or () if name not in NO_NAMES]
        if not _older(version, "1.43"):
            row[key] = names
        elif names or _has_names(image):
            row[key] = names or None
        else:
            row[key] = [none]
    if _older(version, "1.44"):
        row.setdefault("VirtualSize", row.get("Size", 0))
    else:
        row.pop("VirtualSize", None)
    if _older(version, "1.48"):
        row.pop("Descriptor", None)
    if _older(version, "1.51"):
        row["Containers"] = -1
    return row


def _has_names(image: Document) -> bool:
    return any(name not in NO_NAMES for key in ("RepoTags", "RepoDigests") for name in image.get(key) or ())


def _with_names(image: Document, patterns: Sequence[str]) -> dict[str, list[str]]:
    """Return the names of an image that one of the patterns is for: all where there are none."""
    return {
        key: [name for name in image.get(key) or () if name not in NO_NAMES and matches(name, patterns)]
        for key in ("RepoTags", "RepoDigests")
    }


def matches(name: str, patterns: Collection[str]) -> bool:
    """Tell whether a name, or its part before tag and digest, is one that a pattern is for; no patterns are for all."""
    if not patterns:
        return True
    return any(_pattern(each).fullmatch(text) for each in patterns for text in (name, familiar_name(name)))


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    """Translate a pattern of Go's `path.Match`, in which `*` and `?` stop at a slash. Raises Invalid in its words."""
    out, place = "", 0
    while place < len(text):
        part = _PART.match(text, place)
        if part is None:
            raise Invalid("syntax error in pattern")
        place = part.end()
        out += _translated(part[0])
    try:
        return re.compile(out, re.DOTALL)
    except re.error as error:
        raise Invalid("syntax error in pattern") from error


def _translated(part: str) -> str:
    if part in ("*", "?"):
        return "[^/]*" if part == "*" else "[^/]"
    if part.startswith("["):
        negated = "^" if part.startswith("[^") else ""
        return f"[{negated}{_SPECIAL.sub(_escaped, part[1 + len(negated) : -1])}]"
    return re.escape(part.removeprefix("\\"))


def _escaped(match: re.Match[str]) -> str:
    return f"\\{match[0]}"


def _dangling(filters: Filters) -> bool | None:
    values = filters.get("dangling")
    if not values:
        return None
    if set(values) <= {"true", "1"} or set(values) <= {"false", "0"}:
        return values[0] in ("true", "1")
    raise Invalid(f"Invalid filter 'dangling=[{' '.join(values)}]'")


class _Bound:
    """An image is left where it is older (`before`) or newer than a moment."""

    def __init__(self, moment: int, times: Mapping[str, int], *, before: bool, itself: bool = False) -> None:
        self._moment, self._times, self._before, self._itself = moment, times, before, itself

    def __call__(self, image: Document) -> bool:
        created = _created(image, self._times)
        if created == self._moment:
            return self._itself
        return (created < self._moment) is self._before


def _bounds(images: Sequence[Document], filters: Filters, times: Mapping[str, int], now: int) -> list[_Bound]:
    """Return what `before`, `since` (of several values the last counts) and `until` ask."""
    bounds = []
    for key in ("before", "since"):
        found = [_require(reference, images) for reference in filters.get(key)]
        if found:
            bounds.append(_Bound(_created(found[-1], times), times, before=key == "before"))
    if filters.get("until"):
        moment = parse_moment(filters.get("until")[-1], now)
        bounds.append(_Bound(moment, times, before=True, itself=True))
    return bounds


def _created(image: Document, times: Mapping[str, int]) -> int:
    return times.get(image["Id"], int(image.get("Created", 0)) * SECOND)


def _require(reference: str, images: Sequence[Document]) -> Document:
    id = find_image(reference, images)
    for image in images:
        if image["Id"] == id:
            return image
    raise NotFound(f"No such image: {with_tag(reference)}")


def _older(version: str, than: str) -> bool:
    return version_key(version) < version_key(than)
