"""docker-py does not notice that it speaks to many hosts: values, streams, sockets and errors are the same."""

from __future__ import annotations

import io
import json
import socket
import tarfile
import threading
import time
from itertools import islice
from typing import Any

import pytest

from .cli import LOG_ENDS
from .docker_py import Python, demux
from .same import same_in_python

# docker-py leaves the sockets of streams to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

LOOP = ["sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done"]


def _sleeper(python: Python, **settings: Any) -> Any:
    return python.client.containers.run("busybox", ["sleep", "60"], name="web", detach=True, **settings)


@pytest.mark.over_ssh
@same_in_python
def test_run(python: Python) -> None:
    """`run` returns the output, and raises what the command failed with."""
    containers = python.client.containers
    python.note(containers.run("busybox", ["echo", "hi"], remove=True))
    python.note(
        containers.run("busybox", ["sh", "-c", "echo out; echo err >&2"], remove=True, stderr=True, stdout=False)
    )
    python.note(list(containers.run("busybox", ["seq", "3"], remove=True, stream=True)))
    python.fails(containers.run, "busybox", ["sh", "-c", "echo bad >&2; exit 3"], remove=True)
    python.fails(containers.run, "busybox", ["no-such-command"], name="none", remove=True)
    python.fails(containers.create, "nowhere/nothing:1")
    python.note([container.name for container in containers.list(all=True)])


@same_in_python
def test_life(python: Python) -> None:
    """Every step of a life, and what a container's attributes say then."""
    container = python.client.containers.create("busybox", LOOP, name="web", labels={"tier": "front"})
    steps = ("start", "pause", "unpause", "restart", "stop", "start", "kill")
    for step in steps:
        getattr(container, step)()
        container.reload()
        deadline = time.monotonic() + 2
        while step == "unpause" and container.status == "paused" and time.monotonic() < deadline:
            container.reload()  # an engine that lags behind containerd says it once more, for a moment
        python.note(step, container.status, container.attrs["State"]["Running"], container.name, container.labels)
    python.note(container.wait()["StatusCode"])
    container.rename("shop")
    python.fails(python.client.containers.get, "web")
    shop = python.client.containers.get("shop")
    python.note(shop.name, shop.id == container.id, shop.image.tags)
    shop.remove()
    python.fails(shop.reload)
    python.fails(shop.start)


@same_in_python
def test_conflicts(python: Python) -> None:
    """What an engine refuses is the same exception with the same words."""
    web = _sleeper(python)
    other = python.client.containers.create("busybox", name="other")
    python.fails(python.client.containers.create, "busybox", name="web")
    python.fails(python.client.containers.create, "busybox", name="not good")
    python.fails(web.remove)
    python.fails(web.unpause)
    python.fails(other.kill)
    python.fails(other.pause)
    python.fails(other.exec_run, "true")
    python.fails(other.rename, "no good")


@same_in_python
def test_list(python: Python) -> None:
    """Containers are found by filters."""
    _sleeper(python, labels={"tier": "front"})
    python.client.containers.create("busybox", name="created", labels={"tier": "back"})
    listed = python.client.containers.list
    for keywords in (
        {},
        {"all": True},
        {"filters": {"label": "tier=back"}, "all": True},
        {"filters": {"status": "created"}},
        {"filters": {"name": ["web", "created"]}, "all": True},
        {"limit": 1},
        {"sparse": True},
    ):
        python.note(
            keywords, sorted(f"{each.attrs.get('Names', each.attrs.get('Name'))}" for each in listed(**keywords))
        )
    python.fails(listed, filters={"nosuch": "x"})


@pytest.mark.over_ssh
@same_in_python
def test_logs(python: Python) -> None:
    """The log whole, in part, and followed."""
    script = f"for i in 1 2 3; do echo $i; done; until [ -e /go ]; do sleep 0.05; done; echo end; {LOG_ENDS}"
    web = python.client.containers.run("busybox", ["sh", "-c", script], name="web", detach=True)
    followed = web.logs(stream=True, follow=True)
    python.note(list(islice(followed, 3)))
    web.exec_run(["touch", "/go"])
    python.note(list(followed))
    web.wait()
    python.note(web.logs())
    python.note(web.logs(tail=1), web.logs(stdout=False), web.logs(timestamps=True, tail=1))
    python.note(web.logs(since=int(time.time()) + 100))


@pytest.mark.over_ssh
@same_in_python
def test_attach(python: Python) -> None:
    """What is attached shows what comes; a socket carries input, its end, and the output after that."""
    web = python.client.containers.create("busybox", ["sh", "-c", "echo out; sleep 0.2; echo err >&2"], name="web")
    stream = web.attach(stream=True, demux=True)  # before it says anything: docker-py loses what comes with the head
    web.start()
    python.note(list(stream))
    api = python.client.api
    api.create_container("busybox", ["sh", "-c", "cat; echo done"], stdin_open=True, name="cat")
    with api.attach_socket("cat", params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}) as attached:
        api.start("cat")
        attached._sock.sendall(b"some\nlines\n")
        attached._sock.shutdown(socket.SHUT_WR)
        python.note(dict(demux(attached)))


@pytest.mark.over_ssh
@same_in_python
def test_exec(python: Python) -> None:
    """Commands in a container: output, parts of it, exit code, a stream."""
    web = _sleeper(python)
    python.note(web.exec_run(["sh", "-c", "echo out; echo err >&2; exit 9"], demux=True))
    python.note(web.exec_run("echo hi", environment={"A": "b"}, user="nobody", workdir="/tmp"))
    python.note(list(web.exec_run(["seq", "3"], stream=True).output))
    python.note(web.exec_run("no-such-command"))
    python.note(web.exec_run("true", detach=True).output)  # its exit code is asked for before it may have ended
    python.note(web.exec_run("tty", tty=True))


@pytest.mark.over_ssh
@same_in_python
def test_archives(python: Python) -> None:
    """Files go in and come out as archives."""
    web = _sleeper(python)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("x")
        entry.size = 1 << 20
        tar.addfile(entry, io.BytesIO(b"y" * entry.size))
    python.note(web.put_archive("/tmp", buffer.getvalue()))
    python.note(web.exec_run("md5sum /tmp/x"))
    chunks, stat = web.get_archive("/tmp/x")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        python.note(tar.getnames(), [entry.size for entry in tar], stat["name"], stat["size"], stat["mode"])
    python.fails(web.get_archive, "/no/such")
    python.fails(web.put_archive, "/no/such", buffer.getvalue())
    exported = b"".join(web.export())
    with tarfile.open(fileobj=io.BytesIO(exported)) as tar:
        python.note("tmp/x" in tar.getnames())
    python.note(web.diff())


@same_in_python
def test_looking(python: Python) -> None:
    """Processes, statistics, ports, changes of limits."""
    web = _sleeper(python, ports={"80/tcp": 8080})
    python.note(
        web.top(ps_args="-o pid,args")["Titles"], [row[1:] for row in web.top(ps_args="-o pid,args")["Processes"]]
    )
    python.note(sorted(web.stats(stream=False)))
    streamed = web.stats(stream=True, decode=True)
    python.note([sample["name"] for sample in islice(streamed, 2)])
    web.reload()
    python.note(web.ports)
    python.note(web.update(mem_limit="64m", memswap_limit=-1))
    web.reload()
    python.note(web.attrs["HostConfig"]["Memory"])
    python.note(web.resize(40, 100))


@pytest.mark.over_ssh
@same_in_python
def test_wait(python: Python) -> None:
    """`wait` waits for a condition."""
    web = python.client.containers.create("busybox", ["sh", "-c", "sleep 1; exit 7"], name="web", auto_remove=True)
    results: list[object] = []
    waiting = threading.Thread(target=lambda: results.append(web.wait(condition="removed")))
    waiting.start()
    time.sleep(0.3)  # a wait has no word for having begun
    web.start()
    waiting.join(30)
    python.note(results)
    python.fails(web.wait)


@pytest.mark.over_ssh
@same_in_python
def test_events(python: Python) -> None:
    """Events, of the past and as they come."""
    since = int(time.time())
    python.client.containers.run("busybox", ["true"], name="web", remove=True, labels={"a": "b"})
    events = python.client.events(
        since=since, until=int(time.time()) + 1, decode=True, filters={"type": "container", "label": "a=b"}
    )
    python.note(*(json.dumps(event, sort_keys=True) + "\n" for event in events))
    # From before, for they have no word for being subscribed.
    coming = python.client.events(since=int(time.time()), decode=True, filters={"event": "create", "container": "new"})
    python.client.containers.create("busybox", name="new")
    python.note(next(coming)["Actor"]["Attributes"]["name"])
    coming.close()


@same_in_python
def test_prune(python: Python) -> None:
    """Prune says what it removed."""
    python.client.containers.create("busybox", name="kept", labels={"keep": "yes"})
    python.client.containers.create("busybox", name="gone")
    pruned = python.client.containers.prune(filters={"label!": ["keep=yes"]})
    python.note(len(pruned["ContainersDeleted"]), pruned["SpaceReclaimed"])
    python.note(python.client.containers.prune(filters={"until": "1h"}))
    python.note([container.name for container in python.client.containers.list(all=True)])


@same_in_python
def test_images(python: Python) -> None:
    """Images are listed, tagged, saved, loaded and removed."""
    images = python.client.images
    busybox = images.get("busybox")
    python.note(busybox.id, busybox.tags, busybox.short_id, busybox.history()[0]["CreatedBy"])
    python.note([image.tags for image in images.list()])
    python.note(busybox.tag("mine", tag="1"))
    archive = b"".join(images.get("mine:1").save(named="mine:1"))
    images.remove("mine:1")
    python.note([image.tags for image in images.load(archive)])
    python.note(sorted(tag for image in images.list(name="mine") for tag in image.tags))
    images.remove("mine:1")
    python.fails(images.get, "mine:1")
    python.fails(images.remove, "mine:1")
    python.note(images.prune())


@same_in_python
def test_system(python: Python) -> None:
    """The host as a whole."""
    client = python.client
    python.note(client.ping(), client.version()["ApiVersion"], client.version()["Os"])
    info = client.info()
    python.note(info["Containers"], info["OSType"], info["Architecture"], info["ServerVersion"])
    python.note(client.api.api_version)
