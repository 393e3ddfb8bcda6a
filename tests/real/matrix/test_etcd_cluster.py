"""Faults of an etcd of three members: one that can be done without is not missed, and two are a state that ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..engines import Engine
from ..etcd import EtcdCluster
from .etcd_faults import ETCD_FAULTS, EtcdFault, Scene
from .etcd_scene import check_fault, open_scene

pytestmark = pytest.mark.engine

FAULTS = [fault for fault in ETCD_FAULTS if fault.members == 3]


@pytest.fixture(scope="module")
def scene(
    etcd_of_three: EtcdCluster, engines: list[Engine], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """Give a swarmd over an etcd of three members, which lasts from the first fault to the last."""
    with open_scene(etcd_of_three, engines, tmp_path_factory.mktemp("etcd-faults")) as scene:
        yield scene


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_etcd_fails(scene: Scene, fault: EtcdFault, engines: list[Engine]) -> None:
    """What is known goes on; what is not is said; creates are warned; it heals, and nothing is lost or done twice."""
    check_fault(scene, fault, engines)
