"""Networks that end with their test, and the command `wayhome` as two users."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import wayhome
from wayhome.lab.compiled import BuiltNetwork
from wayhome.network import Network


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[[Network], BuiltNetwork]]:
    """Builds networks that end with the test."""
    with ExitStack() as held:
        yield lambda network: held.enter_context(BuiltNetwork(network, tmp_path))


@dataclass(frozen=True, slots=True)
class WayhomeCommand:
    """`wayhome ...` as its own process, of one user."""

    python: str
    environment: Mapping[str, str]
    user: int | None

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        return subprocess.run(
            self._argv(arguments), capture_output=True, text=True, check=False, timeout=180, **self._settings()
        )  # fmt: skip

    def start(self, *arguments: str, start_new_session: bool = False) -> "subprocess.Popen[str]":
        """Start it, with its standard output in a pipe."""
        return subprocess.Popen(
            self._argv(arguments),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=start_new_session,
            preexec_fn=_hear_ctrl_c,  # noqa: PLW1509 (the tests have no threads here)
            **self._settings(),
        )

    def _argv(self, arguments: Sequence[str]) -> list[str]:
        if arguments[0] == "-c":
            return [self.python, *arguments]
        return [self.python, "-m", "wayhome", *arguments]

    def _settings(self) -> dict[str, Any]:
        groups = None if self.user is None else ()
        return {
            "cwd": "/", "env": self.environment,
            "user": self.user, "group": self.user, "extra_groups": groups,
        }  # fmt: skip


def _hear_ctrl_c() -> None:
    """A shell without job control lets what it starts in the background ignore SIGINT, and so these tests."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(params=["this user", "nobody"])
def wayhome_command(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WayhomeCommand]:
    """Runs `wayhome ...` as its own process, as this user and as one without any rights."""
    if request.param == "this user":
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
        yield WayhomeCommand(sys.executable, environment, None)
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
        yield WayhomeCommand(_python_of_nobody(environment), environment, 65534)
    finally:
        shutil.rmtree(folder)


def _python_of_nobody(environment: dict[str, str]) -> str:
    """An interpreter of our version that everybody may run: ours may be in somebody's home."""
    mine = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, shutil.which(mine, path="/usr/local/bin:/usr/bin")):
        try:
            done = WayhomeCommand(python or "", environment, 65534)(
                "-c", "import click, msgspec, wayhome"
            )
        except OSError:
            continue
        if done.returncode == 0:
            return str(python)
    pytest.skip("no Python that an ordinary user may run, or the project's folder is closed to it")
