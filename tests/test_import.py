import subprocess
import sys

import pytest


def loaded_by(module: str) -> set[str]:
    """Return the names of what a fresh interpreter has loaded after importing a module."""
    code = f"import {module}, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    return set(run.stdout.split())


def test_the_toolkit_loads_what_composing_needs() -> None:
    """`import swarmkit` loads trio, attrs and click (which parses the words of stages), and the model."""
    loaded = loaded_by("swarmkit")
    assert {"trio", "attrs", "click", "swarmkit.pipeline", "swarmkit.host"} <= loaded
    others = {"httptools", "backends", "swarmkit.http", "swarmkit.engine", "swarmkit.aggregate"}
    others |= {"swarmkit.mirror", "swarmkit.testing", "swarmkit.swarmd", "swarmkit.debug", "pytest", "hypothesis"}
    assert others & loaded == set()


@pytest.mark.parametrize("module", ["swarmkit.http", "swarmkit.aggregate", "swarmkit.parts", "swarmkit.swarmd"])
def test_the_toolkit_never_loads_a_backend(module: str) -> None:
    """Arrows point one way: backends import the toolkit."""
    assert [name for name in loaded_by(module) if name.partition(".")[0] == "backends"] == []


def test_what_is_exported_is_there() -> None:
    """Each name of `__all__` can be imported, once."""
    import swarmkit

    assert sorted(set(swarmkit.__all__)) == swarmkit.__all__
    assert [name for name in swarmkit.__all__ if not hasattr(swarmkit, name)] == []
