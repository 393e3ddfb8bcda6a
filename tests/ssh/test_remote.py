"""A wire through the tunnel: `remote ssh://HOST/SOCKET`, to a real sshd."""

from __future__ import annotations

from pathlib import Path

import trio

from backends.fake import FakeStage
from backends.listen import ListenStage
from backends.remote import RemoteStage
from backends.ssh.tunnel import SshTunnel
from swarmkit.errors import Unavailable
from swarmkit.host import Host
from swarmkit.rows import Listing
from swarmkit.transport.endpoints import Endpoints

from .peers import settings
from .sshd import Sshd


async def test_a_host_is_reached_through_ssh(shared_sshd: Sshd, path: Path) -> None:
    """The socket that the address names is that of a `listen`; streams half-close through it."""
    stage = RemoteStage(SshTunnel(settings(shared_sshd, path)), "dc1")
    async with (
        FakeStage("node-1").open(None) as far,
        ListenStage(Endpoints((f"unix://{path}",))).open(far),
        stage.open(None) as service,
    ):
        host = Host(service)
        with trio.fail_after(20):
            await until_up(host)
        cat = await host.spawn({"Image": "busybox", "Cmd": ["cat"], "OpenStdin": True, "StdinOnce": True}, name="cat")
        async with cat.join(b"x" * 1_000_000) as records:
            await cat.start()
            assert sum([len(record.data) async for record in records]) == 1_000_000


async def until_up(host: Host) -> Listing:
    """Wait until the far end answers: ssh takes its time."""
    while True:
        try:
            return await host.ls()
        except Unavailable:
            await trio.sleep(0.1)
