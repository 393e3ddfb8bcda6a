"""Who we are for etcd: a user, the password as its file has it now, and the token that they are exchanged for."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import trio
from attrs import field, frozen

from swarmkit.errors import Invalid

VARIABLE = "ETCDCTL_USER"
"""Where the environment has `USER:PASSWORD`, as for etcd's own command."""


@frozen
class Credentials:
    """A user and where the password is: in a file, which is read each time, or at hand."""

    user: str
    file: str | None = None
    _password: str = field(default="", repr=False)

    def password(self) -> str:
        """Return the password, without the line end behind it; raise `Invalid` where the file cannot be read."""
        if self.file is None:
            return self._password
        try:
            with open(os.path.expanduser(self.file), encoding="utf-8") as file:
                return file.read().removesuffix("\n").removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
            raise Invalid(f"the password's file {self.file} (--password-file) cannot be read: {reason}") from error


def credentials_for(user: str | None, file: str | None) -> Credentials | None:
    """Return the credentials of the options, else those of `$ETCDCTL_USER`, else none.

    Raises `Invalid` where there is a user without a password or the reverse, or a password among the arguments.
    """
    known, _, password = os.environ.get(VARIABLE, "").partition(":")
    if user is not None and ":" in user:
        raise Invalid(f"--user takes a name alone: everybody sees arguments; use --password-file, or ${VARIABLE}")
    if file is not None:
        if not (user or known):
            raise Invalid("--password-file needs the user whose password it is: --user NAME")
        return Credentials(user or known, file)
    if user is not None and user != known:
        raise Invalid(f"--user {user} needs a password: --password-file FILE, or ${VARIABLE} as {user}:PASSWORD")
    return Credentials(known, None, password) if known else None


class Token:
    """The token in use, fetched once for all who ask at the same time; "" stands for none."""

    def __init__(self) -> None:
        self._token: str | None = None
        self._turn = trio.Lock()

    async def get(self, fetch: Callable[[], Awaitable[str]]) -> str:
        """Return the token, fetching it where there is none; raise what that raises."""
        async with self._turn:
            if self._token is None:
                self._token = await fetch()
            return self._token

    def refuse(self, token: str) -> None:
        """Take note that a token is not taken any more; one that has been replaced already does not matter."""
        if self._token == token:
            self._token = None
