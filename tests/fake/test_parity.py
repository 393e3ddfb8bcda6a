"""The fake engine answers as a real one: the same requests to both, and the same answers."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio

from backends.fake import FakeEngine

from ..real.engines import Engine
from .cases import CASES
from .client import Client
from .parity import Transcript

LONGEST = 60.0
"""Seconds that one case may take on the real engine."""


@pytest.mark.engine
@pytest.mark.parametrize("case", CASES)
async def test_fake_and_real_engine_agree(case: str, engines: list[Engine]) -> None:
    """Status, header fields, documents, errors and streams are the same, but for what no two engines share."""
    real = engines[2]
    await trio.to_thread.run_sync(real.clean)
    found: dict[str, list[Any]] = {}

    async def play(name: str, client: Client) -> None:
        found[name] = await Transcript(client).play(CASES[case])

    with trio.fail_after(LONGEST):
        async with FakeEngine(real.name).run() as fake, trio.open_nursery() as nursery:
            nursery.start_soon(play, "real", Client(partial(trio.open_unix_socket, real.socket)))
            nursery.start_soon(play, "fake", Client(fake.dial))
    assert found["real"] == found["fake"]
