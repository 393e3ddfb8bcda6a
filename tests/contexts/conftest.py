"""The docker commands found here, each with a folder of its own that this process takes for the user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from .commands import COMMANDS, DockerConfig


@pytest.fixture(params=COMMANDS or [""])
def config(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DockerConfig:
    """Give the folder of a docker command."""
    if not request.param:
        pytest.skip("there is no docker command")
    for variable in ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONTEXT"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "docker-config"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    return DockerConfig(request.param, folder)
