from typing import Any

from swarmkit.engine.documents import Document
from swarmkit.engine.identity import clones_warning
from swarmkit.engine.info import merge_info
from swarmkit.engine.placement import Reserved
from swarmkit.engine.replies import Reply
from swarmkit.errors import Unavailable

A: dict[str, Any] = {
    "ID": "A:A",
    "Name": "node1",
    "Containers": 6,
    "ContainersRunning": 3,
    "ContainersPaused": 1,
    "ContainersStopped": 2,
    "Images": 4,
    "NCPU": 2,
    "MemTotal": 25276063744,
    "Driver": "overlay2",
    "DriverStatus": [["Backing Filesystem", "extfs"]],
    "Plugins": {"Volume": ["local"], "Network": ["bridge", "host"], "Authorization": None, "Log": ["json-file"]},
    "SwapLimit": True,
    "SystemTime": "2026-11-24T16:40:11.06Z",
    "KernelVersion": "6.1",
    "OSType": "linux",
    "ServerVersion": "20.10.24+dfsg1",
    "Labels": ["disk=ssd"],
    "Runtimes": {"runc": {"path": "runc"}},
    "RuncCommit": {"ID": "1.1", "Expected": "1.1"},
    "Swarm": {"LocalNodeState": "active", "NodeID": "x"},
    "Warnings": None,
    "FieldOfAnotherCentury": {"n": 1},
}
B: dict[str, Any] = {
    **A,
    "ID": "B:B",
    "Name": "node2",
    "MemTotal": 1 << 30,
    "Plugins": {"Volume": ["local", "nfs"], "Network": ["bridge"], "Authorization": ["authz"], "Log": None},
    "SwapLimit": False,
    "SystemTime": "2026-11-24T16:40:12.06Z",
    "KernelVersion": "6.2",
    "ServerVersion": "9.0",
    "Labels": ["disk=ssd", "edge"],
    "Runtimes": {"crun": {"path": "crun"}},
    "Warnings": ["WARNING: No swap limit support"],
}
MERGED = merge_info(
    [("a", A), ("b", B), ("c", Unavailable("no answer within 2 s"))],
    id="swarm",
    name="all",
    addresses={"a": "unix:///a.sock", "c": "tcp://10.0.0.3:2375"},
)


def test_numbers_are_sums() -> None:
    """Of containers, processors and memory."""
    keys = ("Containers", "ContainersRunning", "ContainersPaused", "ContainersStopped", "NCPU", "MemTotal")
    assert [MERGED[key] for key in keys] == [12, 6, 2, 4, 4, A["MemTotal"] + (1 << 30)]


def test_images_are_those_that_differ_where_that_is_known() -> None:
    """One image on two hosts is one."""
    assert merge_info([("a", A), ("b", B)], id="", name="", images=5)["Images"] == 5
    assert MERGED["Images"] == 8


def test_the_whole_has_a_name_and_an_id_of_its_own() -> None:
    """No host's."""
    assert (MERGED["ID"], MERGED["Name"]) == ("swarm", "all")


def test_lists_are_united() -> None:
    """Each thing once; null is an empty list."""
    assert MERGED["Plugins"] == {
        "Volume": ["local", "nfs"],
        "Network": ["bridge", "host"],
        "Authorization": ["authz"],
        "Log": ["json-file"],
    }
    assert MERGED["Labels"] == ["disk=ssd", "edge"]
    assert set(MERGED["Runtimes"]) == {"runc", "crun"}


def test_the_whole_can_do_what_all_can() -> None:
    """Its version is the lowest, as numbers go."""
    assert MERGED["SwapLimit"] is False
    assert MERGED["ServerVersion"] == "9.0"


def test_texts_that_differ_are_listed() -> None:
    """Those that do not are said once."""
    assert (MERGED["KernelVersion"], MERGED["OSType"]) == ("6.1, 6.2", "linux")


def test_fields_that_we_do_not_know_go_through() -> None:
    """A newer engine's, for a newer client."""
    assert MERGED["FieldOfAnotherCentury"] == {"n": 1}


def test_swarm_mode_is_off() -> None:
    """Whatever a host is a part of, the whole is no manager."""
    assert MERGED["Swarm"]["LocalNodeState"] == "inactive"


def test_each_host_is_in_the_table() -> None:
    """In pairs, as the docker command prints them, with the state of each and the reason."""
    assert MERGED["DriverStatus"] == [
        ["Hosts", "2 of 3 up"],
        ["a", "unix:///a.sock"],
        [" State", "up"],
        [" Engine", "20.10.24+dfsg1"],
        [" Containers", "6 (3 running, 1 paused, 2 stopped)"],
        [" CPUs", "2"],
        [" Memory", "23.54GiB"],
        ["b", ""],
        [" State", "up"],
        [" Engine", "9.0"],
        [" Containers", "6 (3 running, 1 paused, 2 stopped)"],
        [" CPUs", "2"],
        [" Memory", "1GiB"],
        ["c", "tcp://10.0.0.3:2375"],
        [" State", "down"],
        [" Reason", "no answer within 2 s"],
    ]


def test_a_drained_host_is_shown_as_such() -> None:
    """Whether it is up or not, and among how many are."""
    up = {"ServerVersion": "9.0"}
    replies: list[Reply[Document]] = [("a", up), ("b", Unavailable("gone")), ("c", up)]
    table = merge_info(replies, id="", name="", drained=["b", "c"])["DriverStatus"]
    assert table[0] == ["Hosts", "2 of 3 up, 2 drained"]
    assert [table[at - 1][0] for at, pair in enumerate(table) if pair == [" Availability", "drain"]] == ["b", "c"]


def test_warnings_name_their_hosts() -> None:
    """Missing hosts come first; an engine's warning says on which hosts."""
    assert MERGED["Warnings"] == [
        "WARNING: host c is down: no answer within 2 s",
        "WARNING: No swap limit support (on b)",
    ]


def test_the_latest_clock_is_shown() -> None:
    """A list of times would be no time."""
    assert MERGED["SystemTime"] == "2026-11-24T16:40:12.06Z"


def test_where_no_host_answers_there_is_still_an_info() -> None:
    """With all that a docker command needs to find, and every host's reason."""
    merged = merge_info([("a", Unavailable("refused"))], id="swarm", name="all")
    assert {"Containers", "Plugins", "RegistryConfig", "Runtimes", "ContainerdCommit", "SecurityOptions"} <= set(merged)
    assert (merged["NCPU"], merged["Images"], merged["ServerVersion"], merged["SystemTime"]) == (0, 0, "", "")
    assert merged["Warnings"] == ["WARNING: host a is down: refused"]


def test_hosts_of_one_id_are_warned_of() -> None:
    """Those that answer and carry one id: of hosts that are one engine only one is up."""
    merged = merge_info([("a", {"ID": "X"}), ("b", {"ID": "X"}), ("c", {"ID": "Y"})], id="", name="")
    assert merged["Warnings"] == [f"WARNING: {clones_warning(['a', 'b'])}"]


def test_what_may_hide_hosts_is_warned_of() -> None:
    """By its name and with the reason, before what is said of the hosts that are known."""
    merged = merge_info([("a", Unavailable("refused"))], id="", name="", missing=[("etcd", "it does not answer")])
    assert merged["Warnings"] == ["WARNING: etcd: it does not answer", "WARNING: host a is down: refused"]


def test_without_anything_to_warn_of_there_are_no_warnings() -> None:
    """Null, as the engine writes."""
    assert merge_info([("a", A)], id="", name="")["Warnings"] is None


def test_labels_are_in_the_table() -> None:
    """A host's labels are a line of it, be it up or down; one without labels has no such line."""
    labels = {"a": {"zone": "x", "disk": "ssd"}, "b": {}, "c": {"zone": "y"}}
    replies = (("a", A), ("b", B), ("c", Unavailable("refused")))
    table = merge_info(replies, id="", name="", labels=labels)["DriverStatus"]
    assert [value for key, value in table if key == " Labels"] == ["disk=ssd, zone=x", "zone=y"]
    assert table[-4:] == [["c", ""], [" State", "down"], [" Reason", "refused"], [" Labels", "zone=y"]]


def test_what_is_reserved_is_beside_what_there_is() -> None:
    """Of processors and memory; a host of whose containers none reserves anything says no more."""
    table = merge_info([("a", A), ("b", B)], id="", name="", reserved={"a": Reserved(1.5, 1 << 29)})["DriverStatus"]
    assert [value for key, value in table if key == " CPUs"] == ["2 (1.5 reserved)", "2"]
    assert [value for key, value in table if key == " Memory"] == ["23.54GiB (512MiB reserved)", "1GiB"]


def test_a_host_that_is_down_has_the_engine_that_it_was_known_to_have() -> None:
    """Where it was known at all."""
    replies = (("a", Unavailable("gone")), ("b", Unavailable("gone")))
    table = merge_info(replies, id="", name="", engines={"a": "20.10.24", "b": ""})["DriverStatus"]
    assert [pair for pair in table if pair[0] == " Engine"] == [[" Engine", "20.10.24"]]
