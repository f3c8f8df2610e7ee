"""Networks that end with their test, and the command `wayhome` as two users."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import wayhome
from wayhome.lab.network import Network
from wayhome.lab.topology import Topology


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[[Topology], Network]]:
    """Builds networks that end with the test."""
    with ExitStack() as held:
        yield lambda topology: held.enter_context(Network(topology, tmp_path))


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=["this user", "nobody"])
def wayhome_command(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Run]:
    """Runs `wayhome ...` as its own process, as this user and as one without any rights."""
    if request.param == "this user":
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
        yield _runner(sys.executable, environment, None)
        return
    if os.geteuid() != 0 or Path("/proc/self/uid_map").read_text().split()[2] != "4294967295":
        pytest.skip("these tests run as an ordinary user already")
    folder = Path(tempfile.mkdtemp(prefix="wayhome-test-"))
    os.chown(folder, 65534, 65534)
    paths = [str(Path(wayhome.__file__).parents[1]), *(p for p in sys.path if "site-packages" in p)]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        yield _runner(_python_of_nobody(environment), environment, 65534)
    finally:
        shutil.rmtree(folder)


def _runner(python: str, environment: dict[str, str], user: int | None) -> Run:
    def run(*arguments: str, **settings: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [python, *arguments] if arguments[0] == "-c" else [python, "-m", "wayhome", *arguments],
            capture_output=True, text=True, check=False, timeout=60, cwd="/",
            env=environment, user=user, group=user, extra_groups=None if user is None else [],
        )  # fmt: skip

    return run


def _python_of_nobody(environment: dict[str, str]) -> str:
    """An interpreter of our version that everybody may run: ours may be in somebody's home."""
    mine = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, shutil.which(mine, path="/usr/local/bin:/usr/bin")):
        try:
            done = _runner(python or "", environment, 65534)(
                "-c", "import click, pyroute2, wayhome"
            )
        except OSError:
            continue
        if done.returncode == 0:
            return str(python)
    pytest.skip("no Python that an ordinary user may run, or the project's folder is closed to it")
