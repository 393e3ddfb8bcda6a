"""Prometheus finds the containers of all hosts at our socket (`docker_sd_configs`), with a port and a network each."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .engines import Engine
from .etcd import free_port
from .swarm import Swarmd, over, serving

_WITHIN = 30.0
"""Seconds in which Prometheus must have found them; two on a quiet machine."""

_CONFIGURATION = """
scrape_configs:
- job_name: containers
  scrape_interval: 1h
  docker_sd_configs:
  - host: {url}
    refresh_interval: 1s
  relabel_configs:
  - source_labels: [__meta_docker_container_label_swarmd_host]
    target_label: host
"""
"""Without the label, targets of one address are one to Prometheus, and each host gives its containers the same ones."""


@pytest.fixture
def swarmd(clean_engines: list[Engine], tmp_path: Path) -> Iterator[Swarmd]:
    """Give a virtual host of two engines, each with a container that has a network, a port, and a label."""
    for engine in clean_engines[:2]:
        engine.docker("network", "create", f"net-{engine.name}")
        engine.docker(
            *("run", "-d", "--name", f"web-{engine.name}", "--network", f"net-{engine.name}"),
            *("--expose", "8080", "--label", "team=shop", "busybox", "sleep", "1000"),
        )
    with serving(tmp_path / "swarm.sock", over(clean_engines[:2])) as swarmd:
        yield swarmd


@pytest.fixture
def prometheus(swarmd: Swarmd, tmp_path: Path) -> Iterator[str]:
    """Give the address of a Prometheus that looks for targets there."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("there is no Prometheus (package prometheus)")
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text(_CONFIGURATION.format(url=swarmd.url))
    address = f"127.0.0.1:{free_port()}"
    options = {"config.file": configuration, "storage.tsdb.path": tmp_path / "data", "web.listen-address": address}
    with (tmp_path / "prometheus.log").open("wb") as log:
        command = [program, *(f"--{name}={value}" for name, value in options.items())]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT)
    yield f"http://{address}"
    process.terminate()
    assert process.wait(20) == 0
    said = (tmp_path / "prometheus.log").read_text()
    assert "discovery" not in "".join(line for line in said.splitlines() if "level=error" in line), said


def _targets(url: str) -> list[dict[str, Any]]:
    """Return the labels of the targets that it knows, as it found them."""
    try:
        with urllib.request.urlopen(f"{url}/api/v1/targets", timeout=10) as answer:
            found = json.load(answer)["data"]["activeTargets"]
    except OSError:  # not listening yet, or not ready, or just about to be
        return []
    return [target["discoveredLabels"] for target in found]


def _targets_when(url: str, count: int) -> list[dict[str, Any]]:
    """Wait until it knows so many; return them in the order of their names."""
    deadline = time.monotonic() + _WITHIN
    while len(found := _targets(url)) != count:
        assert time.monotonic() < deadline, [labels["__address__"] for labels in found]
        time.sleep(0.2)
    return sorted(found, key=lambda labels: str(labels["__meta_docker_container_name"]))


def test_containers_of_all_hosts_are_found(prometheus: str, clean_engines: list[Engine]) -> None:
    """Each with its labels, our label of its host, its port, and what is told of its network by the list of these."""
    shown = ("container_name", "container_label_swarmd_host", "container_label_team", "port_private", "network_name")
    labels = [[target.get(f"__meta_docker_{name}") for name in shown] for target in _targets_when(prometheus, 2)]
    assert labels == [[f"/web-{name}", name, "shop", "8080", f"net-{name}"] for name in ("one", "two")]


def test_what_comes_and_goes_is_followed(prometheus: str, clean_engines: list[Engine]) -> None:
    """A container that is new on any host becomes a target, and one that is gone is none."""
    _targets_when(prometheus, 2)
    clean_engines[1].docker("run", "-d", "--name", "a-new", "--expose", "90", "busybox", "sleep", "1000")
    new = _targets_when(prometheus, 3)[0]
    assert [new[f"__meta_docker_{name}"] for name in ("container_name", "port_private")] == ["/a-new", "90"]
    clean_engines[0].docker("rm", "-f", "web-one")
    left = [labels["__meta_docker_container_name"] for labels in _targets_when(prometheus, 2)]
    assert left == ["/a-new", "/web-two"]
