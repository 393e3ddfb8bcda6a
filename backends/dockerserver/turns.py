"""Taking turns by word: what is about the same name, or the same project, is done one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

import trio


class Turns:
    """Locks by kind and word. Those that nobody has or waits for are forgotten."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[str, str], trio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def taking(self, **words: str) -> AsyncIterator[None]:
        """Keep others out that want one of these words of their kinds, for the length of the block; `""` is none.

        Words are taken in one order by all, so that no two wait for each other.
        """
        async with AsyncExitStack() as held:
            for word in sorted((kind, word) for kind, word in words.items() if word):
                await held.enter_async_context(self._locks.setdefault(word, trio.Lock()))
            yield
