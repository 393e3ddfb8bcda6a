"""The cases in which a fake engine must answer as a real one: names, and the steps of each."""

from __future__ import annotations

from .cases_of_lives import LIVES
from .cases_of_streams import STREAMS
from .cases_of_things import THINGS
from .parity import Step

CASES: dict[str, list[Step]] = {**LIVES, **STREAMS, **THINGS}
"""Every case starts on an engine that has the image `busybox:latest`, and nothing else."""
