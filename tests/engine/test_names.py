import pytest

from swarmkit.engine.names import (
    aliases_of,
    invalid_container_name,
    is_container_name,
    is_host_name,
    name_in_use,
    names_of,
    no_such_container,
    primary_name,
    split_qualified,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web", (None, "web")),
        ("/web", (None, "web")),
        ("a/web", ("a", "web")),
        ("/a/web", ("a", "web")),
        ("dc1/node-3/web", ("dc1", "node-3/web")),
        ("//web", ("", "web")),
        ("", (None, "")),
    ],
)
def test_a_qualified_name_is_parted_at_its_first_slash(name: str, expected: tuple[str | None, str]) -> None:
    """One leading slash is dropped, the next parts host and name."""
    assert expected == split_qualified(name)


@pytest.mark.parametrize("name", ["a", "web-1", "10.0.0.1", "Node_3", "v", "v1.2.3", "containers2", "vm1"])
def test_host_names(name: str) -> None:
    """A host name is letters, digits and `_.-`, beginning with a letter or digit."""
    assert is_host_name(name)


@pytest.mark.parametrize("name", ["", "-a", ".a", "a/b", "a b", "ä", "a\n", "10.0.0.1:2375"])
def test_texts_that_are_no_host_name(name: str) -> None:
    """Nothing else is a host name."""
    assert not is_host_name(name)


@pytest.mark.parametrize("word", ["containers", "exec", "json", "prune", "_ping", "logs", "v1.41", "v2"])
def test_no_host_is_named_as_a_word_of_the_paths(word: str) -> None:
    """A word of the Engine API's paths, or a version, is no host name."""
    assert not is_host_name(word)


@pytest.mark.parametrize(
    ("name", "expected"), [("web", True), ("x", False), ("-x", False), ("a/b", False), ("", False)]
)
def test_container_names(name: str, expected: bool) -> None:
    """The engine wants two characters or more."""
    assert expected == is_container_name(name)


def test_names_are_those_without_an_inner_slash() -> None:
    """Names of links are aliases, not names."""
    document = {"Names": ["/app/db", "/db"]}
    assert names_of(document) == ["db"]
    assert aliases_of(document) == ["app/db"]


def test_the_primary_name_need_not_be_the_first() -> None:
    """The primary name is the first that is no alias."""
    assert primary_name({"Names": ["/app/db", "/db"]}) == "db"


def test_names_of_an_inspection() -> None:
    """Inspect has one name, with a slash."""
    assert primary_name({"Name": "/db"}) == "db"


@pytest.mark.parametrize("document", [{"Names": []}, {"Names": None}, {"Name": ""}, {}])
def test_a_container_without_names(document: dict[str, object]) -> None:
    """A container that is being removed has no name."""
    assert primary_name(document) == ""


def test_a_name_not_found_is_told_in_the_engines_words() -> None:
    """The 404's text is the engine's."""
    assert no_such_container("web") == "No such container: web"


def test_a_conflict_is_told_in_the_engines_words() -> None:
    """The 409's text is the engine's."""
    expected = (
        'Conflict. The container name "/web" is already in use by container "1f". '
        "You have to remove (or rename) that container to be able to reuse that name."
    )
    assert expected == name_in_use("web", "1f")


def test_a_conflict_names_the_host() -> None:
    """With many hosts the 409 says on which."""
    assert 'in use by container "1f" on host a. You' in name_in_use("web", "1f", "a")


def test_a_conflict_with_a_container_still_being_created() -> None:
    """A pending create has no id yet."""
    assert "in use by a container that is being created on host a. You" in name_in_use("web", host="a")


def test_an_invalid_name_is_told_in_the_engines_words() -> None:
    """The 400's text is the engine's."""
    expected = "Invalid container name (-x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
    assert expected == invalid_container_name("-x")
