from typing import Any

import pytest

from swarmkit.engine.references import find_image, split_reference, with_descendants, with_tag

DIGEST = "sha256:" + "d" * 64
ONE, TWO = "sha256:" + "1a" * 32, "sha256:" + "1b" * 32
IMAGES: list[dict[str, Any]] = [
    {"Id": ONE, "ParentId": "", "RepoTags": ["busybox:latest", "1b:latest"], "RepoDigests": [f"busybox@{DIGEST}"]},
    {"Id": TWO, "ParentId": ONE, "RepoTags": None, "RepoDigests": None},
]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("busybox", ("busybox", "", "")),
        ("busybox:1", ("busybox", "1", "")),
        ("library/busybox", ("busybox", "", "")),
        ("docker.io/library/busybox:1", ("busybox", "1", "")),
        ("docker.io/me/app", ("me/app", "", "")),
        ("index.docker.io/me/app", ("me/app", "", "")),
        ("localhost:5000/app", ("localhost:5000/app", "", "")),
        ("localhost:5000/library/app:2", ("localhost:5000/library/app", "2", "")),
        (f"busybox:1@{DIGEST}", ("busybox", "1", DIGEST)),
    ],
)
def test_references_have_a_familiar_name_a_tag_and_a_digest(reference: str, expected: tuple[str, str, str]) -> None:
    """The default domain and the official path are understood; a port is no tag."""
    assert expected == split_reference(reference)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("busybox", "busybox:latest"),
        ("library/a:1", "a:1"),
        (f"a:1@{DIGEST}", f"a@{DIGEST}"),
        ("h:5000/a", "h:5000/a:latest"),
    ],
)
def test_a_reference_without_a_tag_means_latest(reference: str, expected: str) -> None:
    """A digest needs no tag."""
    assert expected == with_tag(reference)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("busybox", ONE),
        ("docker.io/library/busybox:latest", ONE),
        (f"busybox@{DIGEST}", ONE),
        (ONE, ONE),
        (TWO.removeprefix("sha256:"), TWO),
        ("1a1a", ONE),
        ("sha256:1b1", TWO),
        ("1b", ONE),
        ("1", None),
        ("nope", None),
        ("busybox:2", None),
        ("", None),
        ("BAD REF", None),
    ],
)
def test_finding_an_image(reference: str, expected: str | None) -> None:
    """By full id, then by tag or digest, then by the beginning of one id only."""
    assert expected == find_image(reference, IMAGES)


def test_descendants() -> None:
    """An image's parent is the one it was built on, through any number of generations."""
    images = [{"Id": "c", "ParentId": "b"}, {"Id": "b", "ParentId": "a"}, {"Id": "a", "ParentId": ""}, {"Id": "x"}]
    assert {"b", "c"} == with_descendants(["b"], images)
    assert {"a", "b", "c"} == with_descendants(["a", "c"], images)
    assert set() == with_descendants([], images)
