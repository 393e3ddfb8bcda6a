"""Containers over several hosts: the list, creation, inspection, renaming, and what goes to the owner."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from attrs import evolve

from swarmkit import Conflict, Message, NotFound, Unavailable, Verb, ack
from swarmkit.rows import Listing, Missing

from .scripted import Scripted, container, id_of, node, reply, serving

DETAIL = {
    "Created": "2024-01-01T00:00:00Z",
    "State": {"Running": True, "StartedAt": "2024-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z"},
}


def filtered(**filters: list[str]) -> str:
    """Return the target of a list with filters."""
    return f"/containers/json?all=1&filters={quote(json.dumps(filters))}"


def two_hosts() -> Scripted:
    """Return hosts a and b, of which both have a container dup and each one of its own."""
    rows = [container("a", "one", Created=3), container("a", "dup", Created=1)]
    rows += [container("b", "two", Created=2), container("b", "dup", Created=4)]
    return Scripted(containers=rows)


async def names(hosts: Scripted, target: str) -> list[str]:
    """Return the names that are listed."""
    async with serving(hosts) as client:
        return [row["Names"][0] for row in (await client("GET", target)).json]


# -- the list ---------------------------------------------------------------------------------------------------------


async def test_a_name_that_hosts_share_is_shown_with_its_host() -> None:
    """Newest first over all hosts; a name of one host is bare."""
    assert await names(two_hosts(), "/containers/json") == ["/b/dup", "/one", "/two", "/a/dup"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"node": ["a"]}, ["/one", "/a/dup"]),
        ({"node": ["[ab]"], "name": ["o"]}, ["/one", "/two"]),
        ({"node": ["nosuch"]}, []),
        ({"label": ["swarmd.host=b"]}, ["/b/dup", "/two"]),
        ({"label": ["swarmd.host"]}, ["/b/dup", "/one", "/two", "/a/dup"]),
        ({"name": ["a/dup"]}, ["/a/dup"]),
        ({"name": ["dup"]}, ["/b/dup", "/a/dup"]),
        ({"before": ["one"]}, ["/two", "/a/dup"]),
        ({"since": ["a/dup"]}, ["/b/dup", "/one", "/two"]),
        ({"id": [id_of("adup")[:8]]}, ["/a/dup"]),
        ({"status": ["exited"]}, []),
    ],
)
async def test_filters_work_over_all_hosts(filters: dict[str, list[str]], expected: list[str]) -> None:
    """The engine's filters see the whole; `node` and the label are those of the host."""
    assert await names(two_hosts(), filtered(**filters)) == expected


@pytest.mark.parametrize(("query", "expected"), [("?limit=1", ["/b/dup"]), ("?limit=3", ["/b/dup", "/one", "/two"])])
async def test_the_limit_is_one_over_all(query: str, expected: list[str]) -> None:
    """`limit` counts the newest of all hosts."""
    assert await names(two_hosts(), f"/containers/json{query}") == expected


async def test_an_unknown_filter_is_refused_in_the_engine_s_words() -> None:
    """Filters are checked before any host is asked."""
    async with serving(two_hosts()) as client:
        answer = await client("GET", filtered(foo=["x"]))
        assert (answer.status, answer.message) == (400, "Invalid filter 'foo'")


async def test_rows_name_their_host() -> None:
    """The host is a label beside those that the container has."""
    hosts = Scripted(containers=[container("a", "web", Labels={"x": "y"})])
    async with serving(hosts) as client:
        (row,) = (await client("GET", "/containers/json")).json
        assert row["Labels"] == {"x": "y", "swarmd.host": "a"}


async def test_a_container_of_a_lost_host_stays_listed() -> None:
    """Its status says so; its state is the last known, so that it is listed without `all`."""
    hosts = Scripted(containers=[evolve(container("a", "web", lost="no answer"), detail=DETAIL)])
    async with serving(hosts) as client:
        (row,) = (await client("GET", "/containers/json")).json
        assert (row["Status"], row["State"]) == ("Host Down", "running")


async def test_the_status_is_of_now() -> None:
    """What the mirror holds has grown old; the text is made from the exact times."""
    hosts = Scripted(containers=[evolve(container("a", "web", Status="Up 1 second"), detail=DETAIL)])
    async with serving(hosts) as client:
        (row,) = (await client("GET", "/containers/json")).json
        assert row["Status"].startswith("Up ")
        assert row["Status"].endswith(" years")


async def test_hosts_never_seen_are_named_in_a_header() -> None:
    """The list is not whole: the header says what is missing, in whatever characters the reason comes."""
    hosts = Scripted(missing=[Missing("c", "no such\nsocket é"), Missing("d", "refused")])
    async with serving(hosts) as client:
        answer = await client("GET", "/containers/json")
        assert (answer.status, answer.json) == (200, [])
        assert answer.missing == "c: no such?socket ?; d: refused"


async def test_a_whole_list_names_nobody() -> None:
    """There is no such header where nothing is missing."""
    async with serving(two_hosts()) as client:
        assert "Swarmd-Missing" not in (await client("GET", "/containers/json")).headers


async def test_sizes_of_a_host_that_does_not_tell_are_missing_but_not_its_containers() -> None:
    """With `size` the hosts are asked; rows of one that does not answer are as last known."""
    hosts = two_hosts()
    sized = tuple(evolve(row, document={**row.document, "SizeRw": 7}) for row in hosts.containers if row.member == "a")
    hosts.sized = Listing(sized, (Missing("b", "no answer"),))
    async with serving(hosts) as client:
        answer = await client("GET", "/containers/json?size=1")
        sizes = {row["Names"][0]: row.get("SizeRw") for row in answer.json}
        assert sizes == {"/b/dup": None, "/one": 7, "/two": None, "/a/dup": 7}
        assert answer.missing == "b: no answer"


async def test_an_ancestor_is_looked_up_on_each_host() -> None:
    """One tag may be on different images of different hosts; images built on it count, through those between."""
    rows = [container("a", "one", ImageID="sha256:1"), container("b", "two", ImageID="sha256:22")]
    rows += [container("b", "other", ImageID="sha256:3")]
    parents = [
        {"Id": "sha256:2", "RepoTags": ["x:latest"]},
        {"Id": "sha256:21", "ParentId": "sha256:2"},
        {"Id": "sha256:22", "ParentId": "sha256:21"},
    ]
    images = {("a", "GET /images/json"): [{"Id": "sha256:1", "RepoTags": ["x:latest"]}]}
    hosts = Scripted(containers=rows, answers={**images, ("b", "GET /images/json"): parents})
    async with serving(hosts) as client:
        found = (await client("GET", filtered(ancestor=["x"]))).json
        assert {row["Names"][0] for row in found} == {"/one", "/two"}
        assert (await client("GET", filtered(ancestor=["nosuch"]))).json == []
        assert "nodes/a GET /images/json?all=1" in hosts.requests()


async def test_the_list_of_one_host_alone_is_verbatim() -> None:
    """Nothing is added where there is one host only."""
    row = container("", "web")
    hosts = Scripted(nodes=[node("box", member="")], containers=[row])
    async with serving(hosts) as client:
        assert (await client("GET", "/containers/json")).json == [dict(row.document)]


async def test_published_ports_of_a_remote_host_have_its_address() -> None:
    """0.0.0.0 would mean the client's machine; that of this machine stays."""
    ports = [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 80, "Type": "tcp"}]
    hosts = Scripted(
        nodes=[node("a", IP="10.0.0.2"), node("b", Address="unix:///x")],
        containers=[container("a", "one", Ports=ports), container("b", "two", Ports=ports)],
    )
    async with serving(hosts) as client:
        rows = (await client("GET", "/containers/json")).json
        assert {row["Names"][0]: row["Ports"][0]["IP"] for row in rows} == {"/one": "10.0.0.2", "/two": "0.0.0.0"}


# -- creation ---------------------------------------------------------------------------------------------------------


def creating() -> Scripted:
    """Return hosts that create what they are told to."""
    document = {"Id": "c" * 64, "Warnings": ["careful"], "New": 1}
    created = ack({"id": "c" * 64, "document": document}, path=("nodes", "a", "containers", "c" * 64))
    hosts = two_hosts()
    hosts.answers[("spawn", "POST /containers/create")] = created
    return hosts


async def test_a_creation_says_what_the_engine_said() -> None:
    """The spec and the query go to the placement, and the engine's document comes back whole."""
    hosts = creating()
    async with serving(hosts) as client:
        answer = await client("POST", "/v1.40/containers/create?name=a/web&platform=linux", {"Image": "x", "New": [1]})
        assert (answer.status, answer.json) == (201, {"Id": "c" * 64, "Warnings": ["careful"], "New": 1})
        assert hosts.last(Verb.SPAWN).args == {
            "spec": {"Image": "x", "New": [1]},
            "name": "a/web",
            "platform": "linux",
            "version": "1.40",
        }


async def test_expressions_leave_the_environment() -> None:
    """Where a container is to go is said in labels from there on; on a host that is alone nothing is touched."""
    spec = {"Image": "x", "Env": ["A=b", "constraint:node==a"], "Labels": {"tier": "front"}}
    hosts = creating()
    async with serving(hosts) as client:
        assert (await client("POST", "/containers/create", spec)).status == 201
        labels = {"tier": "front", "com.docker.swarm.constraints": '["node==a"]'}
        assert hosts.last(Verb.SPAWN).args["spec"] == {"Image": "x", "Env": ["A=b"], "Labels": labels}
    single = Scripted(
        nodes=[node("box", member="")], answers={("", "POST /containers/create"): reply(201, {"Id": "c"})}
    )
    async with serving(single) as client:
        assert (await client("POST", "/containers/create", spec)).status == 201
        assert json.loads(single.bodies[0]) == spec


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"", "application/json", "Config cannot be empty in order to create a container"),
        (b"null", "application/json", "Config cannot be empty in order to create a container"),
        (b"[1]", "application/json", "Config cannot be empty in order to create a container"),
        (b"{x", "application/json", "invalid JSON: "),
        (b"[" * 100_000, "application/json", "invalid JSON: "),
        (b"\xff", "application/json", "invalid JSON: "),
        (b"{}", "text/plain", "Content-Type specified (text/plain) must be 'application/json'"),
        (b"{}", "", "Content-Type specified () must be 'application/json'"),
    ],
)
async def test_what_is_no_spec_is_refused(body: bytes, content_type: str, message: str) -> None:
    """A body that is not the JSON of a container is 400, and no host is asked."""
    hosts = creating()
    async with serving(hosts) as client:
        answer = await client("POST", "/containers/create", body, headers=[("Content-Type", content_type)])
        assert (answer.status, answer.message[: len(message)]) == (400, message)
        assert all(asked.verb is not Verb.SPAWN for asked in hosts.asked)


async def test_json_may_name_its_character_set() -> None:
    """Parameters of the content type do not matter."""
    async with serving(creating()) as client:
        headers = [("Content-Type", "Application/JSON; charset=utf-8")]
        assert (await client("POST", "/containers/create", b'{"Image":"x"}', headers=headers)).status == 201


async def test_a_spec_that_is_too_large_is_refused() -> None:
    """What would have to be held in memory has a bound, and the answer comes before the body is read."""
    async with serving(creating()) as client:
        headers = [("Content-Type", "application/json"), ("Content-Length", str(1 << 30))]
        connection, answer = await client.open("POST", "/containers/create", headers=headers)
        assert answer.head.status == 413
        await connection.aclose()


ONE, TWO = id_of("aone"), id_of("btwo")


@pytest.mark.parametrize(
    ("config", "host", "expected"),
    [
        ({"NetworkMode": "container:one"}, "a", {"NetworkMode": f"container:{ONE}"}),
        ({"NetworkMode": "container:a/dup"}, "a", {"NetworkMode": f"container:{id_of('adup')}"}),
        ({"PidMode": f"container:{TWO}"}, "b", {"PidMode": f"container:{TWO}"}),
        ({"IpcMode": "container:two"}, "b", {"IpcMode": f"container:{TWO}"}),
        ({"VolumesFrom": ["one:ro", "a/dup"]}, "a", {"VolumesFrom": [f"{ONE}:ro", id_of("adup")]}),
        ({"Links": ["b/two:db", "two"]}, "b", {"Links": ["two:db", "two"]}),
        ({"NetworkMode": "container:con"}, "a", {"NetworkMode": f"container:{id_of('acon')}"}),
    ],
)
async def test_a_container_goes_to_the_host_of_what_it_refers_to(
    config: dict[str, Any], host: str, expected: dict[str, Any]
) -> None:
    """Its references are put in words that this host knows, and all else of the spec stays."""
    hosts = creating()
    hosts.containers.append(container("a", "con"))
    async with serving(hosts) as client:
        spec = {"Image": "x", "HostConfig": {"Memory": 5, **config}}
        assert (await client("POST", "/containers/create?name=new", spec)).status == 201
        spawned = hosts.last(Verb.SPAWN)
        assert (spawned["on"], spawned["name"]) == (host, "new")
        assert spawned["spec"] == {"Image": "x", "HostConfig": {"Memory": 5, **expected}}


@pytest.mark.parametrize(
    ("query", "config", "status", "message"),
    [
        (
            "",
            {"NetworkMode": "container:one", "VolumesFrom": ["two"]},
            409,
            "a container and those it refers to must be on one host: one on a, two on b",
        ),
        (
            "?name=b/new",
            {"NetworkMode": "container:one"},
            409,
            "a container and those it refers to must be on one host: one on a, and b is asked for",
        ),
        ("", {"NetworkMode": "container:nosuch"}, 400, "No such container: nosuch"),
        ("", {"VolumesFrom": ["dup"]}, 409, "dup is on several hosts: a/dup, b/dup"),
    ],
)
async def test_references_that_no_one_host_has_are_refused(
    query: str, config: dict[str, Any], status: int, message: str
) -> None:
    """The refusal names what is where."""
    async with serving(creating()) as client:
        answer = await client("POST", f"/containers/create{query}", {"Image": "x", "HostConfig": config})
        assert (answer.status, answer.message) == (status, message)


@pytest.mark.parametrize("config", [None, [], "x", {"NetworkMode": 5}, {"VolumesFrom": "one"}, {"Links": None}])
async def test_a_spec_of_wrong_types_is_left_to_the_engine(config: Any) -> None:
    """What is of another type than the specification's is no reference, and no fault of ours."""
    hosts = creating()
    async with serving(hosts) as client:
        spec = {"Image": "x", "HostConfig": config}
        assert (await client("POST", "/containers/create", spec)).status == 201
        assert hosts.last(Verb.SPAWN).args == {"spec": spec, "version": "1.41"}


# -- one owner --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("one", "nodes/a/containers/one"),
        ("nobody", "nodes/a/containers/nobody"),  # nobody has it: a host is left to refuse it in its own words
        ("b/nobody", "nodes/b/containers/nobody"),
        ("c/nobody", None),
        ("a/dup", "nodes/a/containers/dup"),
        ("b%2Fdup", "nodes/b/containers/dup"),
        (TWO, f"nodes/b/containers/{TWO}"),
    ],
)
async def test_an_operation_goes_to_the_owner_by_the_client_s_word(reference: str, path: str | None) -> None:
    """The host is found, and asked by the word that the client used, which its errors repeat."""
    hosts = two_hosts()
    async with serving(hosts) as client:
        await client("POST", f"/containers/{reference}/kill?signal=9&x=%20")
        assert hosts.requests() == ([f"{path} POST /kill?signal=9&x=%20"] if path else [])


async def test_an_ambiguous_name_is_a_conflict_that_names_all() -> None:
    """Nothing is done where it is not clear to what."""
    hosts = two_hosts()
    async with serving(hosts) as client:
        answer = await client("DELETE", "/containers/dup?force=1")
        assert (answer.status, answer.message) == (409, "dup is on several hosts: a/dup, b/dup")
        assert hosts.requests() == []


async def test_inspect_has_the_host_as_node() -> None:
    """The document is the engine's, with the host added."""
    document = {"Id": TWO, "Future": {"x": [1]}, "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0"}]}}}
    hosts = Scripted(
        nodes=[node("b", Address="tcp://10.0.0.9:2375", IP="10.0.0.9", NCPU=2, MemTotal=5, ID="X", Labels={"k": "v"})],
        containers=[container("b", "two")],
        answers={("b", "GET /containers/two/json"): document},
    )
    async with serving(hosts) as client:
        shown = (await client("GET", "/containers/two/json?size=1")).json
        assert hosts.requests() == ["nodes/b/containers/two GET /json?size=1"]
        assert shown.pop("Node") == {
            **{"Name": "b", "ID": "X", "Addr": "tcp://10.0.0.9:2375", "IP": "10.0.0.9"},
            **{"Cpus": 2, "Memory": 5, "Labels": {"k": "v"}},
        }
        assert shown == document | {"NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "10.0.0.9"}]}}}


async def test_an_inspection_that_fails_is_the_engine_s_answer() -> None:
    """A container that has gone between is the engine's 404."""
    gone = reply(404, {"message": "No such container: two"})
    hosts = two_hosts()
    hosts.answers[("b", "GET /containers/two/json")] = gone
    async with serving(hosts) as client:
        answer = await client("GET", "/containers/two/json")
        assert (answer.status, answer.message) == (404, "No such container: two")


async def test_an_answer_that_is_no_json_is_an_error_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """A host that answers rubbish is told as such; nothing is logged as a fault of ours."""
    hosts = two_hosts()
    hosts.answers[("b", "GET /containers/two/json")] = reply(200, b"<html>")
    async with serving(hosts) as client:
        answer = await client("GET", "/containers/two/json")
        assert (answer.status, answer.message) == (500, "host b answered with what is not JSON: b'<html>'")
    assert caplog.text == ""


@pytest.mark.parametrize("wanted", ["new", "/new", "a/new", ""])
async def test_a_rename_is_asked_of_the_whole(wanted: str) -> None:
    """What the name means, and whether it is free, is the aggregate's matter."""
    hosts = two_hosts()
    hosts.answers[("set", "POST /rename")] = reply(204)
    async with serving(hosts) as client:
        assert (await client("POST", f"/containers/one/rename?name={quote(wanted)}")).status == 204
        asked = hosts.last(Verb.SET)
        assert (asked.path, asked.args) == (("containers", "one"), {"Name": wanted})


async def test_a_name_that_another_host_has_is_refused_as_an_engine_does() -> None:
    """An engine's own refusal is passed on as it came."""
    hosts = two_hosts()
    hosts.answers[("set", "POST /rename")] = Conflict("in use", name_in_use="two", id=TWO, host="b")
    async with serving(hosts) as client:
        answer = await client("POST", "/containers/one/rename?name=two")
        text = f'The container name "/two" is already in use by container "{TWO}" on host b. You have to remove'
        assert answer.status == 409
        assert answer.message.startswith(f"Error when allocating new name: Conflict. {text}")
        hosts.answers[("set", "POST /rename")] = Conflict("theirs", status=409, body=b'{"message":"theirs"}')
        assert (await client("POST", "/containers/one/rename?name=two")).data == b'{"message":"theirs"}'


async def test_what_is_to_be_known_of_a_rename_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The answer has no place for warnings."""
    hosts = two_hosts()
    hosts.answers[("set", "POST /rename")] = ack({"warnings": ["the name new is not held in etcd"]})
    async with serving(hosts) as client:
        assert (await client("POST", "/containers/one/rename?name=new")).status == 204
    assert caplog.messages == ["one has been renamed: the name new is not held in etcd"]


# -- prune ------------------------------------------------------------------------------------------------------------


async def test_a_prune_is_summed_and_names_who_was_not_pruned() -> None:
    """What each host deleted is listed, and a host that is down is named."""
    pruned = {"a": {"ContainersDeleted": ["1"], "SpaceReclaimed": 5}, "b": {"ContainersDeleted": None}}
    hosts = Scripted(
        nodes=[node("a"), node("b"), node("c", lost="gone")],
        answers={(host, "POST /containers/prune"): document for host, document in pruned.items()},
    )
    async with serving(hosts) as client:
        answer = await client("POST", "/containers/prune?filters=%7B%7D")
        assert answer.json == {
            "ContainersDeleted": ["1"],
            "SpaceReclaimed": 5,
            "Warnings": ["not pruned on host c: gone"],
        }
        assert answer.missing == "c: gone"
        asked = sorted(hosts.requests())
        assert asked == [f"nodes/{host} POST /containers/prune?filters=%7B%7D" for host in ("a", "b")]


async def test_a_prune_that_no_host_did_is_an_error() -> None:
    """What all hosts say alike is said once."""
    refused = reply(400, {"message": "Invalid filter 'x'"}), reply(400, {"message": "Invalid filter 'x'"})
    hosts = Scripted(answers={(host, "POST /containers/prune"): each for host, each in zip("ab", refused, strict=True)})
    async with serving(hosts) as client:
        answer = await client("POST", "/containers/prune")
        assert (answer.status, answer.message) == (400, "Invalid filter 'x'")


# -- execs ------------------------------------------------------------------------------------------------------------


async def test_an_exec_is_remembered_with_its_host() -> None:
    """What is asked of the exec afterwards goes to the host where it was created, and to no other."""
    hosts = two_hosts()
    hosts.answers = {
        ("b", "POST /containers/two/exec"): reply(201, {"Id": "e1"}),
        ("b", "GET /exec/e1/json"): {"ID": "e1", "Running": False},
    }
    async with serving(hosts) as client:
        answer = await client("POST", "/containers/two/exec", {"Cmd": ["true"]})
        assert (answer.status, answer.json) == (201, {"Id": "e1"})
        assert hosts.bodies == [b'{"Cmd": ["true"]}']
        assert (await client("GET", "/exec/e1/json")).json == {"ID": "e1", "Running": False}
        assert hosts.requests() == ["nodes/b/containers/two POST /exec", "nodes/b/exec/e1 GET /json"]


async def test_an_exec_of_before_is_asked_for() -> None:
    """A front that was restarted finds the host of an exec, and remembers it."""
    hosts = two_hosts()
    hosts.answers = {
        ("a", "GET /exec/old/json"): reply(404, {"message": "No such exec instance: old"}),
        ("b", "GET /exec/old/json"): {"ID": "old"},
        ("b", "POST /exec/old/resize"): reply(200),
    }
    async with serving(hosts) as client:
        assert (await client("POST", "/exec/old/resize?h=1&w=2")).status == 200
        asked = len(hosts.asked)
        assert (await client("GET", "/exec/old/json")).json == {"ID": "old"}
        assert len(hosts.asked) == asked + 1


async def test_an_exec_that_no_host_has_is_not_found() -> None:
    """All hosts say that they have not; the words are the engine's."""
    hosts = Scripted(answers={("*", "GET /exec/x/json"): NotFound("No such exec instance: x")})
    async with serving(hosts) as client:
        answer = await client("GET", "/exec/x/json")
        assert (answer.status, answer.message) == (404, "No such exec instance: x")


async def test_an_exec_that_may_be_on_a_silent_host_is_not_said_to_be_gone() -> None:
    """A 404 would make a client forget it; the host that did not tell is named."""
    hosts = Scripted(
        nodes=[node("a"), node("b", lost="no answer")], answers={("a", "GET /exec/x/json"): NotFound("no")}
    )
    async with serving(hosts) as client:
        answer = await client("GET", "/exec/x/json")
        assert (answer.status, answer.message) == (
            503,
            "cannot tell whether there is an exec instance x: b: no answer",
        )


async def test_a_failed_creation_of_an_exec_is_the_engine_s_answer() -> None:
    """Nothing is remembered where nothing was made."""
    hosts = two_hosts()
    hosts.answers = {("a", "POST /containers/one/exec"): reply(409, {"message": "Container one is not running"})}
    async with serving(hosts) as client:
        answer = await client("POST", "/containers/one/exec", {"Cmd": ["true"]})
        assert (answer.status, answer.message) == (409, "Container one is not running")


async def test_a_host_that_is_down_answers_for_what_is_on_it() -> None:
    """What the aggregate says of a lost host goes to the client."""
    hosts = two_hosts()

    async def down(message: Message) -> Message:
        raise Unavailable("host a is down: no answer for 5 s; swarmd tries again by itself", host="a")

    hosts.answers[("a", "POST /containers/one/start")] = down
    async with serving(hosts) as client:
        answer = await client("POST", "/containers/one/start")
        assert (answer.status, answer.message) == (
            503,
            "host a is down: no answer for 5 s; swarmd tries again by itself",
        )
