"""What a handler of HTTP requests takes and gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio
from attrs import field, frozen

from .messages import Headers, RequestHead


@frozen(eq=False)
class Request:
    """One request as the handler sees it. `body` has its coding removed; `raw` is every byte behind it."""

    head: RequestHead
    body: trio.abc.ReceiveStream
    raw: trio.abc.ReceiveStream

    @property
    def method(self) -> str:
        return self.head.method

    @property
    def target(self) -> str:
        return self.head.target

    @property
    def headers(self) -> Headers:
        return self.head.headers


@frozen(eq=False)
class Response:
    """What the handler answers. With `raw` the body is a conversation's other half, ended by a half-close.

    The server closes a body that is a stream, whatever happens.
    """

    status: int
    headers: Headers = field(factory=Headers)
    body: bytes | trio.abc.ReceiveStream = b""
    raw: bool = False


Handler = Callable[[Request], Awaitable[Response]]
