"""A lab of exports that is killed while it is being built, and one that has nowhere to write: as two users."""

import os
import shutil
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from tests.lab.conftest import WayhomeCommand
from tests.lab.test_teardown import running, wait_until

pytestmark = pytest.mark.kernel

EXPORTS = Path(__file__).parents[3] / "examples/the-case/exports"
HALF = 4
"""Of the eight nodes of the case's exports."""


def networks_of(process: int) -> set[str]:
    """The network namespaces that a process is in or holds; none of one that is gone."""
    found: set[str] = set()
    with suppress(OSError):
        folder = Path("/proc", str(process))
        for link in (folder / "ns/net", *(folder / "fd").iterdir()):
            with suppress(OSError):
                found.add(str(link.readlink()))
    return {name for name in found if name.startswith("net:")}


def everybody() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


@pytest.mark.parametrize(
    ("who", "status"),
    [("the command", -signal.SIGKILL), ("the one that builds", 128 + signal.SIGKILL)],
)
def test_nothing_is_left_of_a_lab_that_is_killed_half_way(
    wayhome_command: WayhomeCommand, who: str, status: int
) -> None:
    own = Path(wayhome_command.environment["XDG_RUNTIME_DIR"])
    mark = uuid4().hex
    exports = own / mark
    shutil.copytree(EXPORTS, exports)
    ours = networks_of(os.getpid())
    built: dict[int, set[str]] = {}

    def half_way() -> bool:
        built.update({process: networks_of(process) - ours for process in running(mark)})
        return any(len(networks) >= HALF for networks in built.values())

    with wayhome_command.start("lab", "run", "--from", str(exports)) as command:
        wait_until(half_way, pause=0)
        builder = max(built, key=lambda process: len(built[process]))
        assert builder != command.pid
        os.kill(command.pid if who == "the command" else builder, signal.SIGKILL)
        assert command.stdout
        assert command.stdout.read() == ""
        assert command.wait(10) == status
    wait_until(lambda: not running(mark))
    made = set.union(*built.values())
    wait_until(lambda: not any(networks_of(process) & made for process in everybody()))
    assert list(own.iterdir()) == [exports]


def test_a_lab_of_exports_needs_no_folder(wayhome_command: WayhomeCommand) -> None:
    nowhere = {"XDG_RUNTIME_DIR": "/proc", "TMPDIR": "/proc", "HOME": "/proc"}
    command = replace(wayhome_command, environment={**wayhome_command.environment, **nowhere})
    done = command("lab", "run", "--from", str(EXPORTS), "my-pod", "target-gce-01:80")
    assert (done.returncode, done.stderr) == (0, "")
