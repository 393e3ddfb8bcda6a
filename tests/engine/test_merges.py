from copy import deepcopy
from typing import Any

import pytest

from swarmkit.engine.merges import merge_image_delete, merge_images, merge_prune
from swarmkit.engine.replies import Reply
from swarmkit.errors import Conflict, Invalid, NotFound, Unavailable

DOWN = Unavailable("connection refused")


def image(id: str, tags: list[str] | None = None, digests: list[str] | None = None, **fields: Any) -> dict[str, Any]:
    return {"Id": id, "RepoTags": tags, "RepoDigests": digests, "Containers": -1, "Created": 1, "Labels": None} | fields


def test_an_image_on_two_hosts_is_one_row() -> None:
    """Its tags and digests are united, its containers counted together, its labels left alone."""
    one = image("1", ["a:1", "a:2"], ["a@x"], Containers=1, Labels={"l": "1"})
    two = image("1", ["a:2", "b:1"], None, Containers=2, Labels={"l": "1"})
    expected = image("1", ["a:1", "a:2", "b:1"], ["a@x"], Containers=3, Labels={"l": "1"})
    assert [expected] == merge_images([("a", [one]), ("b", [two])])


def test_containers_not_counted_stay_so() -> None:
    """-1 is no number to add."""
    assert merge_images([("a", [image("1")]), ("b", [image("1")])])[0]["Containers"] == -1
    assert merge_images([("a", [image("1")]), ("b", [image("1", Containers=2)])])[0]["Containers"] == 2


def test_no_tag_beside_a_tag_is_dropped() -> None:
    """An image untagged on one host only has the other one's tag."""
    none, named = image("1", ["<none>:<none>"], ["<none>@<none>"]), image("1", ["a:1"], ["<none>@<none>"])
    assert [image("1", ["a:1"], ["<none>@<none>"])] == merge_images([("a", [none]), ("b", [named])])


def test_images_are_listed_newest_first() -> None:
    """Whichever host they are on."""
    replies: list[Reply[list[dict[str, Any]]]] = [
        ("a", [image("1", Created=1), image("3", Created=3)]),
        ("b", [image("2", Created=2)]),
    ]
    assert [each["Id"] for each in merge_images(replies)] == ["3", "2", "1"]


def test_images_of_the_hosts_that_answer_are_listed() -> None:
    """Unless none does."""
    assert [image("1")] == merge_images([("a", DOWN), ("b", [image("1")])])
    with pytest.raises(Unavailable):
        merge_images([("a", DOWN)])


def test_images_are_not_changed() -> None:
    """The mirror keeps the documents."""
    lists = [[image("1", ["a:1"])], [image("1", ["b:1"])]]
    before = deepcopy(lists)
    merge_images([("a", lists[0]), ("b", lists[1])])
    assert before == lists


def test_prunes_are_joined_and_summed() -> None:
    """Null is an empty list, and what two hosts deleted alike is said once."""
    replies: list[Reply[dict[str, Any]]] = [
        ("a", {"ImagesDeleted": None, "SpaceReclaimed": 1}),
        ("b", {"ImagesDeleted": [{"Untagged": "a:1"}, {"Deleted": "1"}], "SpaceReclaimed": 2}),
        ("c", {"ImagesDeleted": [{"Deleted": "1"}, {"Deleted": "2"}], "SpaceReclaimed": 4}),
    ]
    expected = {"ImagesDeleted": [{"Untagged": "a:1"}, {"Deleted": "1"}, {"Deleted": "2"}], "SpaceReclaimed": 7}
    assert expected == merge_prune(replies)


def test_a_prune_of_networks_reclaims_no_space() -> None:
    """There is no field that no engine has sent."""
    assert merge_prune([("a", {"NetworksDeleted": ["n"]}), ("b", {"NetworksDeleted": None})]) == {
        "NetworksDeleted": ["n"]
    }
    assert merge_prune([("a", {"NetworksDeleted": None})]) == {"NetworksDeleted": None}


def test_a_prune_names_the_hosts_that_did_not_answer() -> None:
    """In `Warnings`, which only appears then."""
    merged = merge_prune([("a", {"VolumesDeleted": []}), ("b", DOWN)])
    assert merged == {"VolumesDeleted": [], "Warnings": ["not pruned on host b: connection refused"]}


def test_a_prune_that_every_host_refuses_is_refused() -> None:
    """In their words."""
    with pytest.raises(Invalid) as raised:
        merge_prune([("a", Invalid("Invalid filter 'x'")), ("b", Invalid("Invalid filter 'x'"))])
    assert raised.value.message == "Invalid filter 'x'"


def test_a_deletion_is_told_once() -> None:
    """A host without the image does not count."""
    rows = [{"Untagged": "a:1"}, {"Deleted": "1"}]
    replies: list[Reply[list[dict[str, str]]]] = [("a", rows), ("b", NotFound("No such image: a:1")), ("c", rows)]
    assert rows == merge_image_delete(replies)


def test_an_image_on_no_host_is_not_found() -> None:
    """In the engine's words."""
    with pytest.raises(NotFound) as raised:
        merge_image_delete([("a", NotFound("No such image: x:latest")), ("b", NotFound("No such image: x:latest"))])
    assert raised.value.message == "No such image: x:latest"


def test_a_deletion_in_part_is_an_error_that_says_which_part() -> None:
    """Nothing partial passes as whole."""
    with pytest.raises(Conflict) as raised:
        merge_image_delete([("a", [{"Untagged": "a:1"}]), ("b", Conflict("image is in use")), ("c", NotFound("no"))])
    assert raised.value.message == "b: image is in use; done on a"


def test_an_image_in_use_on_the_only_host_that_has_it() -> None:
    """The engine's words alone."""
    with pytest.raises(Conflict) as raised:
        merge_image_delete([("a", NotFound("No such image: x")), ("b", Conflict("image is in use"))])
    assert raised.value.message == "image is in use"
