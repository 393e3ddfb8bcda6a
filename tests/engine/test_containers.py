import json
from typing import Any

import pytest

from swarmkit.engine.containers import ListQuery, select
from swarmkit.engine.rows import Row
from swarmkit.errors import Invalid, NotFound

from .rows_of import IMAGE, NEVER, row


def query(
    *, all: str = "", limit: str = "", filters: dict[str, list[str]] | None = None, **named: list[str]
) -> ListQuery:
    """Make a query as a client would send it; `is_task` stands for `is-task`."""
    asked = (filters or {}) | {key.replace("_", "-"): values for key, values in named.items()}
    return ListQuery.parse({"all": all, "limit": limit, "filters": json.dumps(asked)})


def names(rows: list[Row], asked: ListQuery, **more: Any) -> list[str]:
    return [each.name for each in select(rows, asked, **more)]


OLD_WEB = row("web", age=1)
DB = row("db", age=2, state="paused", Names=["/app/d", "/db"])
JOB = row("job", age=3, state="exited", Status="Exited (3) 5 seconds ago")
APP = row("app", age=4)
ROWS = [DB, APP, OLD_WEB, JOB]


def test_only_running_ones_are_listed_unasked() -> None:
    """Paused and restarting ones count as running."""
    rows = [row(state, state=state) for state in ("running", "paused", "restarting", "exited", "created", "dead")]
    assert {"running", "paused", "restarting"} == set(names(rows, query()))


def test_all_are_listed_newest_first() -> None:
    """The order is that of creation, descending."""
    assert names(ROWS, query(all="1")) == ["app", "job", "db", "web"]


def test_nanoseconds_decide_the_order_where_they_are_known() -> None:
    """The list has whole seconds only; an inspection knows better."""
    rows = [Row("", {**OLD_WEB.document, "Id": str(nanos)}, None, 10**9 + nanos) for nanos in (2, 3, 1)]
    assert [each.id for each in select(rows, query())] == ["3", "2", "1"]


def test_a_limit_lists_the_newest_of_all() -> None:
    """A limit above nothing implies all."""
    assert names(ROWS, query(limit="2")) == ["app", "job"]


@pytest.mark.parametrize("limit", ["0", "-1", ""])
def test_no_limit(limit: str) -> None:
    """Zero and less are no limit, and imply nothing."""
    assert names(ROWS, query(limit=limit)) == ["app", "db", "web"]


def test_the_limit_counts_what_the_filters_leave() -> None:
    """Filters go first."""
    assert names(ROWS, query(limit="1", name=["web"])) == ["web"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("web", ["web"]),
        ("^web$", ["web"]),
        ("/web", ["web"]),
        ("^/web$", ["web"]),
        ("e", ["web"]),
        ("(?i)WEB", ["web"]),
        ("app/d", []),
        ("^d", ["db"]),
        ("[", []),
    ],
)
def test_name_is_an_expression_for_the_own_name(pattern: str, expected: list[str]) -> None:
    """With or without the leading slash; names of links do not count."""
    assert expected == names(ROWS, query(name=[pattern]))


def test_a_name_may_be_qualified() -> None:
    """A pattern with a slash inside is held against `host/name`, and only such a one is."""
    rows = [row("web", member="a"), row("web", id="b", member="b"), row("ant", member="b")]
    assert [each.member for each in select(rows, query(name=["^b/web$"]))] == ["b"]
    assert names(rows, query(name=["^a"])) == ["ant"]


def test_id_is_the_beginning_of_one_id_only() -> None:
    """Where several begin so there is none, as in the engine."""
    rows = [row("one", id="12a"), row("two", id="12b"), row("three", id="3")]
    assert names(rows, query(id=["12a"])) == ["one"]
    assert names(rows, query(id=["12", "3"])) == ["three"]
    assert names(rows, query(id=["12a"], name=["two"])) == []


def test_each_host_looks_up_ids_on_its_own() -> None:
    """The same beginning on two hosts shows both."""
    rows = [row("one", id="12a", member="a"), row("two", id="12b", member="b")]
    assert {"one", "two"} == set(names(rows, query(id=["12"])))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"before": ["app"]}, ["db", "web"]),
        ({"since": ["db"]}, ["app"]),
        ({"since": ["web"], "before": ["app"]}, ["db"]),
        ({"since": ["app"], "before": ["db"]}, ["web"]),
        ({"before": ["/app"]}, ["db", "web"]),
        ({"before": ["app/d"]}, ["web"]),
        ({"before": ["app".ljust(64, "0")]}, ["db", "web"]),
        ({"before": ["app"], "name": ["web"]}, []),
        ({"since": ["web"], "name": ["db"]}, ["db"]),
        ({"before": ["app"], "label": ["x"]}, []),
    ],
)
def test_before_and_since_cut_the_list(filters: dict[str, list[str]], expected: list[str]) -> None:
    """They imply nothing about stopped ones; the container to cut at is named, and must itself pass name and id."""
    assert expected == names(ROWS, query(filters=filters))


def test_before_takes_a_qualified_name() -> None:
    """A name two hosts share needs its host."""
    rows = [row("web", member="a", age=1), row("web", id="b", member="b", age=2)]
    assert [each.member for each in select(rows, query(before=["b/web"]))] == ["a"]
    with pytest.raises(NotFound):
        select(rows, query(before=["web"]))


@pytest.mark.parametrize("key", ["before", "since"])
def test_before_and_since_must_name_a_container(key: str) -> None:
    """The error is the engine's."""
    with pytest.raises(NotFound) as raised:
        select(ROWS, query(filters={key: ["nope"]}))
    assert raised.value.message == "no such container nope"


def test_exited_looks_at_stopped_ones_only() -> None:
    """It does not imply all; what never ran has no code."""
    rows = [*ROWS, row("new", state="created")]
    assert names(rows, query(exited=["0", "3"])) == []
    assert names(rows, query(all="1", exited=["3"])) == ["job"]
    assert names(rows, query(all="1", exited=["0"])) == []


def test_exit_codes_come_from_the_inspection_where_there_was_one() -> None:
    """A dead one has its code there, and one that never ran has none."""
    ran = row("ran", state="dead", inspected={"StartedAt": "2026-01-01T00:00:00Z", "ExitCode": 0})
    new = row("new", state="created", inspected={"StartedAt": NEVER, "ExitCode": 0})
    assert names([ran, new], query(all="1", exited=["0"])) == ["ran"]


def test_status_implies_all() -> None:
    """The values are alternatives."""
    assert names(ROWS, query(status=["exited", "paused"])) == ["job", "db"]


def test_health_is_read_from_the_list() -> None:
    """Without an inspection the status text tells."""
    rows = [
        row("a1", Status="Up 2 hours (healthy)"),
        row("b1", Status="Up 2 hours (unhealthy)"),
        row("c1", Status="Up 2 hours (health: starting)"),
        row("d1", Status="Up 2 hours (Paused)"),
    ]
    for health, name in [("healthy", "a1"), ("unhealthy", "b1"), ("starting", "c1"), ("none", "d1")]:
        assert [name] == names(rows, query(health=[health]))


def test_health_is_read_from_the_inspection() -> None:
    """Of a stopped one only the inspection knows it."""
    stopped = row("a1", state="exited", inspected={"Health": {"Status": "unhealthy"}})
    assert names([stopped], query(all="1", health=["unhealthy"])) == ["a1"]


@pytest.mark.parametrize(
    ("values", "expected"), [(["true"], ["task"]), (["false"], ["web"]), (["true", "false"], ["task"])]
)
def test_tasks(values: list[str], expected: list[str]) -> None:
    """A task of a Swarm service has its label; `true` wins."""
    rows = [OLD_WEB, row("task", Labels={"com.docker.swarm.task.id": "x"})]
    assert expected == names(rows, query(is_task=values))


PORTS = row(
    "ports",
    Ports=[{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}, {"PrivatePort": 53, "Type": "udp"}],
)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"publish": ["8080"]}, True),
        ({"publish": ["8080/tcp"]}, True),
        ({"publish": ["8080/udp"]}, False),
        ({"publish": ["8000-8100"]}, True),
        ({"publish": ["80"]}, False),
        ({"publish": ["0/udp"]}, True),
        ({"expose": ["80"]}, True),
        ({"expose": ["53"]}, False),
        ({"expose": ["53/udp"]}, True),
        ({"expose": ["8080"]}, False),
        ({"expose": ["8080", "80"]}, True),
        ({"expose": ["81"], "publish": ["8080"]}, True),
        ({"expose": ["81"], "publish": ["80"]}, False),
    ],
)
def test_ports(filters: dict[str, list[str]], expected: bool) -> None:
    """Public and private ports; the two filters together are alternatives, as in the engine."""
    assert expected == bool(names([PORTS], query(filters=filters)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [("vol1", True), ("/data", True), ("/src", True), ("/to", True), ("vol", False), ("/x", False)],
)
def test_volumes(value: str, expected: bool) -> None:
    """A volume's name, a bind mount's source, or a destination."""
    mounts = [
        {"Type": "volume", "Name": "vol1", "Source": "/x", "Destination": "/data"},
        {"Type": "bind", "Source": "/src", "Destination": "/to"},
    ]
    assert expected == bool(names([row("web", Mounts=mounts)], query(volume=[value])))


@pytest.mark.parametrize(
    ("value", "expected"),
    [("bridge", True), ("bri", False), ("14881f", True), ("14", True), ("a/bridge", True), ("b/bridge", False)],
)
def test_networks(value: str, expected: bool) -> None:
    """A network's name, the beginning of its id, or its name on a host."""
    assert expected == bool(names([row("web", member="a")], query(network=[value])))


@pytest.mark.parametrize(
    ("values", "expected"),
    [(["x"], True), (["x=1"], True), (["x", "y"], False), (["swarmd.host=a"], True), (["swarmd.host=b"], False)],
)
def test_labels(values: list[str], expected: bool) -> None:
    """All must hold; the host is one of them."""
    assert expected == bool(names([row("web", member="a", Labels={"x": "1"})], query(label=values)))


@pytest.mark.parametrize(
    ("values", "expected"), [(["a"], ["one"]), (["b*"], ["two"]), (["x", "b1"], ["two"]), (["x"], [])]
)
def test_node(values: list[str], expected: list[str]) -> None:
    """Our own filter: the host's name, with wildcards."""
    assert expected == names([row("one", member="a"), row("two", member="b1")], query(node=values))


CHILD = "sha256:" + "c" * 64
IMAGES = [
    {"Id": IMAGE, "ParentId": "", "RepoTags": ["busybox:latest"], "RepoDigests": None},
    {"Id": CHILD, "ParentId": IMAGE, "RepoTags": ["mine:1"], "RepoDigests": []},
]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["busybox"], {"base", "child"}),
        (["mine:1"], {"child"}),
        (["mine"], set()),
        (["nope", "mine:1"], {"child"}),
        (["nope"], set()),
        (["aaa"], {"base", "child"}),
    ],
)
def test_ancestor(values: list[str], expected: set[str]) -> None:
    """An image and all that are built on it; one that is not found means none."""
    rows = [row("base"), row("child", ImageID=CHILD)]
    assert expected == set(names(rows, query(ancestor=values), images=IMAGES))


def test_isolation_lets_everything_pass() -> None:
    """It means nothing on Linux."""
    assert names(ROWS, query(isolation=["hyperv"])) == ["app", "db", "web"]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"foo": ["x"]}, "Invalid filter 'foo'"),
        ({"label!": ["x"]}, "Invalid filter 'label!'"),
        ({"status": ["foo"]}, "Invalid filter 'status=foo'"),
        ({"exited": ["x"]}, 'strconv.Atoi: parsing "x": invalid syntax'),
        ({"health": ["x"]}, "Unrecognised filter value for health: x"),
        ({"is-task": ["x", "y"]}, "Invalid filter 'is-task=[x y]'"),
        ({"publish": ["9-8"]}, "error while looking up for publish 9-8: Invalid range specified for the Port: 9-8"),
        ({"expose": ["1:2"]}, "filter for 'expose' should not contain ':': 1:2"),
    ],
)
def test_a_bad_filter_is_refused_in_the_engines_words(filters: dict[str, list[str]], message: str) -> None:
    """The text is the engine's."""
    with pytest.raises(Invalid) as raised:
        ListQuery.parse({"filters": json.dumps(filters)})
    assert message == raised.value.message


def test_a_bad_limit_is_refused_in_the_engines_words() -> None:
    """The text is the engine's."""
    with pytest.raises(Invalid) as raised:
        ListQuery.parse({"limit": "x"})
    assert raised.value.message == 'strconv.Atoi: parsing "x": invalid syntax'


def test_parameters_before_and_since_mean_nothing() -> None:
    """The engine has dropped them; only the filters count."""
    assert ListQuery() == ListQuery.parse({"before": "web", "since": "web"})


def test_size_is_passed_on() -> None:
    """It is for whoever fetches the documents."""
    assert ListQuery(size=True) == ListQuery.parse({"size": "1"})
