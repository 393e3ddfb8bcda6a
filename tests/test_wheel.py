"""What is distributed: two import packages that work from an empty directory."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def test_wheel_has_two_packages_and_nothing_else(wheel: Path) -> None:
    """The top level holds `swarmkit` and `backends`, each typed, and what describes the distribution."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"swarmkit", "backends"}
    assert {"swarmkit/py.typed", "backends/py.typed", "swarmkit/testing/__init__.py"} <= set(names)


def test_wheel_works_from_an_empty_directory(wheel: Path, tmp_path: Path) -> None:
    """Unpacked anywhere, the command lists its parts from there and runs a pipeline."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = (
        "import swarmkit, trio; print(swarmkit.__file__)\n"
        "async def main():\n"
        "    async with swarmkit.open_pipeline('aggregate a=fake b=fake') as host:\n"
        "        print(await (await host.spawn({'Image': 'busybox', 'Cmd': ['true']}, name='b/web')).get() != {})\n"
        "trio.run(main)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [str(tmp_path / "swarmkit" / "__init__.py"), "True"], done.stderr
    listed = subprocess.run(
        [sys.executable, "-m", "swarmkit.swarmd"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    names = {line.split()[0] for line in listed.stdout.splitlines() if line}
    assert {"aggregate", "contexts", "debug", "docker", "dockerserver", "fake", "hosts"} <= names
    assert "broken" not in listed.stdout
