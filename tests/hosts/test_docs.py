"""The example in the documentation is a file of hosts."""

from __future__ import annotations

import re
from pathlib import Path

from backends.hosts.file import HostsFile
from swarmkit import Registry, parse_pipeline

DOCS = Path(__file__).parents[2] / "docs" / "sources.md"


def test_the_example_is_read(tmp_path: Path) -> None:
    """Each host of it is listed, none is refused, and all make pipelines."""
    (text,) = re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    (tmp_path / "hosts.toml").write_text(text)
    rows = HostsFile(str(tmp_path / "hosts.toml"), Registry()).read()
    assert [(row.name, row.lost) for row in rows] == [(name, None) for name in ("web-1", "web-2", "lab", "traced")]
    for row in rows:
        parse_pipeline(row.document["Stage"])
