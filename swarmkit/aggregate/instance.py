"""One member's instance, as a service that stays while the instance comes and goes.

A member is another's code, and what it breaks is its own: a call that fails in an unforeseen way is an error of that
host, and an instance that fails is a host that is down until it has been opened again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import trio

from ..errors import Internal, SwarmError, host_down
from ..instance import errors_within
from ..message import Message
from ..service import Service, close_ends

log = logging.getLogger(__name__)

REOPEN_SECONDS = 5.0
"""Wait before an instance that failed is opened again."""

Opening = Callable[[], AbstractAsyncContextManager[Service]]


class Instance:
    """What an instance answers, and `Unavailable` with the reason while there is none."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._service: Service | None = None
        self._reason = ""
        self._settled = trio.Event()  # opened, or failed to

    async def __call__(self, message: Message, /) -> Message:
        service = await self._opened(message)
        try:
            return await service(message)
        except SwarmError:
            raise
        except Exception as error:
            raise self._error(error, f"at {message}") from error

    async def _opened(self, message: Message) -> Service:
        try:
            await self._settled.wait()
            if self._service is None:
                raise host_down(self.name, self._reason)
        except BaseException:
            with trio.CancelScope(shield=True):
                await close_ends(message)
            raise
        return self._service

    async def keep(self, opening: Opening, *, patient: bool, started: Callable[[], None] = lambda: None) -> None:
        """Open the instance and keep it until cancelled; where it fails, open it again.

        Unless `patient`, what the first opening fails with is raised: somebody waits who wrote the arguments. `started`
        is called once, when it has been opened.
        """
        opened = False
        while True:
            try:
                async with opening() as service:
                    self._service, self._reason = service, ""
                    self._settled.set()
                    if not opened:
                        opened = True
                        started()
                    await trio.sleep_forever()
            except Exception as error:
                if not (opened or patient):
                    raise
                reason = self._error(error, "while it was open" if opened else "to open").message
                if reason != self._reason:  # it is tried for ever, and said once
                    log.warning("the host %s is down: %s", self.name, reason)
                self._reason = reason
            finally:
                self._service = None
                self._settled.set()
            await trio.sleep(REOPEN_SECONDS)

    def _error(self, error: Exception, what: str) -> SwarmError:
        """Return the error that this is; what nobody foresaw is logged with where it came from."""
        foreseen = errors_within(error)
        if foreseen:
            return foreseen[0]
        log.error("the host %s failed %s", self.name, what, exc_info=error)
        return Internal(f"host {self.name} failed: {error!r}", host=self.name)
