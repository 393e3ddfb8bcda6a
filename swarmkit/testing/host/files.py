"""Checks of FILE."""

from __future__ import annotations

from ...errors import Code, NotFound, SwarmError, Unavailable
from ...message import Verb
from ...streams import open_pipe, read_whole
from ..archives import archive_of, files_of
from ..check import check
from ..containers import message_to, open_host, spawned
from ..expect import SOON, equal, refused, true, within
from ..subjects import HostSubject
from .joining import MEGABYTE


@check
async def archive_goes_in_and_out(subject: HostSubject) -> None:
    """FILE with a stream unpacks the archive at `path`; without one it gives an archive of `path`; nothing is lost."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        await container.put("/tmp", archive_of("check", MEGABYTE))
        with within(SOON, "an archive out"):
            out = files_of(await read_whole(await container.fetch("/tmp/check")))
        true(out == {"check": MEGABYTE}, f"what came back is not what went in: {[(k, len(v)) for k, v in out.items()]}")


@check
async def missing_file_is_not_found(subject: HostSubject) -> None:
    """FILE of a path that is not in the container is not_found, either way."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        error = await refused(host.service, message_to(Verb.FILE, container, path="/no/such/place"), Code.NOT_FOUND)
        true("/no/such/place" in error.message, f"the error must name the path: {error.message}")
        try:
            await container.put("/no/such/place", archive_of("check", b"x"))
        except NotFound:
            return
        raise AssertionError("an archive was unpacked at a path that is not there")


@check
async def cut_archive_is_no_success(subject: HostSubject) -> None:
    """An archive whose stream is cut does not pass as a whole one: FILE raises."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        sender, receiver = open_pipe(len(MEGABYTE))
        await sender.send_all(archive_of("check", MEGABYTE)[: len(MEGABYTE) // 2])
        sender.cut(Unavailable("the check cut it"))
        try:
            with within(SOON, "the failure of a cut upload"):
                await container.put("/tmp", receiver)
        except SwarmError:
            return
        raise AssertionError("half an archive was taken for a whole one")


@check
async def unread_archive_can_be_left(subject: HostSubject) -> None:
    """The stream of an archive may be closed unread; the host is as usable as before."""
    async with open_host(subject) as host, spawned(host, subject) as container:
        await container.put("/tmp", archive_of("check", MEGABYTE))
        stream = await container.fetch("/tmp")
        await stream.aclose()
        with within(SOON, "GET after an archive was left"):
            equal((await container.get())["Id"], container.id, "the id")


FILES = (archive_goes_in_and_out, missing_file_is_not_found, cut_archive_is_no_success, unread_archive_can_be_left)
