"""Where what a new container refers to puts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from backends.dockerserver.hosts import Hosts
from backends.dockerserver.references import place_of
from swarmkit.errors import Conflict
from swarmkit.message import Message, ack
from swarmkit.rows import Row

from .scripted import Scripted, container, id_of, network, node, serving, volume

SPEC = {"Image": "x", "HostConfig": {"NetworkMode": "container:dc1/node-3/db"}}


def two_hosts() -> Scripted:
    """Return hosts with networks and volumes: one of a name on each, and some of both."""
    return Scripted(
        nodes=[node("a"), node("dc1/b")],
        containers=[container("a", "db")],
        networks=[
            *(network(host, name) for host in ("a", "dc1/b") for name in ("bridge", "both")),
            *(network("a", "front"), network("dc1/b", "back")),
            *(network(host, "swarm", Scope="swarm") for host in ("a", "dc1/b")),
        ],
        volumes=[volume("a", "data"), volume("dc1/b", "logs"), volume("a", "old"), volume("dc1/b", "old")],
    )


def spec_of(networks: Sequence[str] = (), volumes: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """Make a spec that is on networks and has volumes, by the one field or the other."""
    config = {"NetworkMode": networks[0]} if networks else {}
    binds = [f"{name}:/{index}" for index, name in enumerate(volumes[:1])]
    mounts = [{"Type": "volume", "Source": name, "Target": "/x"} for name in volumes[1:]]
    endpoints: dict[str, Any] = {name: {} for name in networks}
    host_config = {**config, "Binds": binds, "Mounts": mounts, **more}
    return {"Image": "x", "HostConfig": host_config, "NetworkingConfig": {"EndpointsConfig": endpoints}}


@pytest.mark.parametrize(
    ("spec", "asked", "host"),
    [
        (spec_of(["front"]), "", "a"),
        (spec_of(["both", "back"]), "", "dc1/b"),
        (spec_of([id_of("afront")[:12]]), "", "a"),
        (spec_of([], ["data"]), "", "a"),
        (spec_of([], ["old", "logs"]), "", "dc1/b"),
        (spec_of(["both"], ["old"]), "", None),  # the policy chooses
        (spec_of(["both"]), "dc1", "dc1/b"),
        (spec_of(["bridge", "swarm", "nosuch"], ["new"]), "", None),
        (spec_of(["front"], VolumesFrom=["db"]), "", "a"),
        (spec_of([], ["data"]), "dc1", None),  # whoever names a host may want a new volume there
    ],
)
async def test_a_container_goes_where_its_networks_and_volumes_are(
    spec: dict[str, Any], asked: str, host: str | None
) -> None:
    """The host is the one that has all of them; where several have, or any could, it is not said."""
    plain, found = await place_of(await Hosts.of(two_hosts()), spec, asked)
    assert found == host
    if not spec["HostConfig"].get("VolumesFrom"):
        assert plain == spec


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (spec_of(VolumesFrom=["db"]), "db on a"),
        (spec_of(["front"], ["old"]), "network front on a, volume old on a and dc1/b"),
    ],
)
async def test_what_is_on_a_drained_host_is_referred_to_by_nothing_new(spec: dict[str, Any], said: str) -> None:
    """It is said what is where; whoever names the host gets it, and one of several that is not drained is taken."""
    drained = two_hosts()
    drained.nodes = [node("a", Availability="drain"), node("dc1/b", Availability="active")]
    hosts = await Hosts.of(drained)
    with pytest.raises(Conflict) as caught:
        await place_of(hosts, spec, "")
    assert caught.value.message == (
        "a container must be on the host of those it refers to, which is drained and takes nothing new: "
        f"{said}. Put a back first, or name it: a/NAME"
    )
    assert (await place_of(hosts, spec, "a"))[1] == "a"
    assert (await place_of(hosts, spec_of(["both"]), ""))[1] == "dc1/b"


@pytest.mark.parametrize(
    ("networks", "volumes", "host"),
    [
        (["a/front"], [], "a"),
        (["dc1/b/both"], ["dc1/b/logs"], "dc1/b"),
        (["dc1/back"], [], "dc1/b"),
        (["a/bridge"], [], "a"),
        (["a/nosuch"], ["a/new"], "a"),
        (["back"], ["dc1/b/old", "dc1/b/new"], "dc1/b"),
    ],
)
async def test_a_qualified_name_says_where_and_is_bare_there(
    networks: list[str], volumes: list[str], host: str
) -> None:
    """No engine knows of hosts; what is not there is for that host to make or to refuse."""
    plain, found = await place_of(await Hosts.of(two_hosts()), spec_of(networks, volumes), "")
    bare = [[name.rpartition("/")[2] for name in names] for names in (networks, volumes)]
    assert (found, plain) == (host, spec_of(*bare))


@pytest.mark.parametrize(
    ("spec", "asked", "text"),
    [
        (spec_of(["front", "back"]), "", "network front on a, network back on dc1/b"),
        (spec_of(["front"], ["logs"]), "", "network front on a, volume logs on dc1/b"),
        (spec_of(["back"], VolumesFrom=["db"]), "", "db on a, network back on dc1/b"),
        (spec_of(["front"]), "dc1/b", "network front on a, and dc1/b is asked for"),
        (spec_of([], ["a/data"]), "dc1", "volume a/data on a, and dc1 is asked for"),
        (spec_of(["both"], ["old", "data"], VolumesFrom=["db"]), "dc1/b", "db on a, network both on a and dc1/b"),
    ],
)
async def test_what_no_host_has_together_is_refused(spec: dict[str, Any], asked: str, text: str) -> None:
    """Naming what is where."""
    with pytest.raises(Conflict) as refused:
        await place_of(await Hosts.of(two_hosts()), spec, asked)
    assert refused.value.message.startswith(f"a container and those it refers to must be on one host: {text}")


async def test_a_name_with_a_slash_is_no_host_s() -> None:
    """Where there is no such host, the engine says what it thinks of the name."""
    spec = spec_of([], ["x/data"])
    assert await place_of(await Hosts.of(two_hosts()), spec, "") == (spec, None)


@pytest.mark.parametrize(
    ("document", "warned"),
    [({"IP": "10.0.0.2"}, True), ({"Address": "ssh://x"}, True), ({"Address": "unix:///x"}, False)],
)
async def test_a_path_of_another_machine_is_warned_of(document: dict[str, Any], warned: bool) -> None:
    """Beside the warnings of the engine; volumes, and paths of this machine, are none."""
    hosts = two_hosts()
    hosts.nodes = [node("a", **document)]
    made = {"id": "5" * 64, "document": {"Id": "5" * 64, "Warnings": ["careful"]}}
    hosts.answers["spawn", "POST /containers/create"] = ack(made, path=("nodes", "a", "containers", "5" * 64))
    async with serving(hosts) as client:
        config = {"Binds": ["/srv:/x", "data:/y"], "Mounts": [{"Type": "bind", "Source": "/tmp", "Target": "/z"}]}
        answer = await client("POST", "/containers/create", {"Image": "x", "HostConfig": config})
        paths = ["the path /srv is one of host a", "the path /tmp is one of host a"] if warned else []
        assert answer.json["Warnings"] == ["careful", *paths]


async def nested(message: Message) -> Message:
    """Answer every ATTACH with a container on a host of a nested aggregate."""
    row = Row(name="db", path=("nodes", "dc1/node-3", "containers", "5" * 64), id="5" * 64, member="dc1/node-3")
    return ack(row.to_plain(), path=row.path)


@pytest.mark.parametrize("asked", ["", "dc1", "dc1/node-3"])
async def test_the_host_asked_for_may_be_one_above(asked: str) -> None:
    """A name below a whole data centre leaves the host of it to what is referred to."""
    spec, host = await place_of(Hosts(nested, []), SPEC, asked)
    assert host == "dc1/node-3"
    assert spec["HostConfig"] == {"NetworkMode": f"container:{'5' * 64}"}


@pytest.mark.parametrize("asked", ["dc", "dc1/node-30", "dc2"])
async def test_another_host_is_refused(asked: str) -> None:
    """What is referred to must be on the host asked for."""
    with pytest.raises(Conflict, match=f"and {asked} is asked for"):
        await place_of(Hosts(nested, []), SPEC, asked)
