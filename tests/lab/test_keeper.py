"""A lab that one process keeps up and others join, as two users: nothing here is called within the tests' process."""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.lab.conftest import WayhomeCommand
from tests.lab.test_programs import alive, read_pcap

from wayhome.lab.the_case.files import CONFIGURATION

pytestmark = pytest.mark.kernel

Run = Callable[..., "subprocess.CompletedProcess[str]"]
CURL = ("exec", "my-pod", "--", "curl", "--silent", "--max-time", "1", "http://10.2.0.1/health")


@pytest.fixture
def lab(wayhome_command: Run) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    return lambda *arguments: wayhome_command("lab", *arguments)


def folder_of(lab: Run) -> Path:
    log = next(line for line in lab("status").stdout.splitlines() if "its log:" in line)
    return Path(log.split(": ", 1)[1]).parents[1]


def keeper_of(lab: Run) -> int:
    return int(lab("status").stdout.splitlines()[0].rpartition(" ")[2])


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pids: list[int]) -> bool:
    until = time.monotonic() + 5
    while time.monotonic() < until and any(map(alive, pids)):
        time.sleep(0.01)
    return not any(map(alive, pids))


def test_the_account_by_hand(lab: Run, tmp_path: Path) -> None:
    """What a newcomer does: the Pod fails, the wrong key does nothing, the right one repairs it."""
    up = lab("up", "the-case")
    try:
        assert up.returncode == 0, up.stderr
        assert "wayhome lab exec my-pod -- curl" in up.stdout
        assert lab(*CURL).returncode == 28  # curl's own status: its time was over
        folder = folder_of(lab)
        assert f"--from-file {folder}/config" in up.stdout
        assert (folder / "config").read_bytes() == CONFIGURATION
        wrong = lab("configmap", "--from-file", f"masq.yaml={folder}/config")
        assert "the volumes show only: config" in wrong.stdout
        assert lab(*CURL).returncode == 28
        assert lab("configmap", "--from-file", str(folder / "config")).returncode == 0
        until = time.monotonic() + 5
        while (answer := lab(*CURL)).returncode and time.monotonic() < until:
            pass
        assert '"source": "10.1.0.3"' in answer.stdout
        capture = folder / "node.pcap"
        assert lab("capture", "gke-node-02", str(capture), "--seconds", "0.2").returncode == 0
        read_pcap(capture.read_bytes())
        lab("configmap", "--delete")
        assert "is down" in lab("down").stdout
        assert [path.name for path in folder.iterdir()] == ["lock"]
    finally:
        lab("down")


def test_what_up_proposes_can_be_typed_where_a_path_has_a_space(
    wayhome_command: WayhomeCommand,
) -> None:
    runtime = Path(wayhome_command.environment["XDG_RUNTIME_DIR"], "two words")
    environment = {**wayhome_command.environment, "XDG_RUNTIME_DIR": str(runtime)}
    command = replace(wayhome_command, environment=environment)
    assert command("-c", f"import os; os.mkdir({str(runtime)!r}, 0o700)").returncode == 0
    up = command("lab", "up", "the-case")
    try:
        line = next(line for line in up.stdout.splitlines() if "configmap" in line)
        *_, file = shlex.split(line)
        assert Path(file).read_bytes() == CONFIGURATION
    finally:
        assert command("lab", "down").returncode == 0


def test_in_a_lab_the_user_keeps_the_folder_of_outside(wayhome_command: WayhomeCommand) -> None:
    """There he is root, and the folder in /tmp of root's lab is not to be taken from root."""
    program = (
        "from wayhome.lab import namespaces, state; namespaces.enter(); print(state.user_outside())"
    )
    user = os.geteuid() if wayhome_command.user is None else wayhome_command.user
    assert wayhome_command("-c", program).stdout == f"{user}\n"


def test_down_ends_every_process(lab: Run) -> None:
    assert lab("up", "the-case").returncode == 0
    keeper = keeper_of(lab)
    processes = [keeper, *children(keeper)]
    assert len(processes) == 4  # its attendant, two agents
    assert lab("down").returncode == 0
    assert gone(processes)


def test_the_keeper_is_out_of_the_terminals_reach_and_buries_what_is_left_to_it(lab: Run) -> None:
    assert lab("up", "the-case").returncode == 0
    try:
        keeper = keeper_of(lab)
        assert os.getsid(keeper) != os.getsid(
            0
        )  # Ctrl-C and a hangup are for a session's processes
        before = children(keeper)
        assert lab("exec", "my-pod", "--", "sh", "-c", "sleep 0.1 & exit").returncode == 0
        time.sleep(0.5)
        assert children(keeper) == before
    finally:
        lab("down")


def test_only_the_keeper_holds_the_lock_and_the_networks(lab: Run) -> None:
    """Whatever else held them would keep the lab's place taken, or its networks alive.

    The attendant is forked from the keeper, and opens sockets in the networks.
    """
    assert lab("up", "the-case").returncode == 0
    try:
        keeper, lock = keeper_of(lab), folder_of(lab) / "lock"
        assert lock in descriptors(keeper)
        attendant, *agents = sorted(
            children(keeper), key=lambda one: program(one) != program(keeper)
        )
        assert lock not in descriptors(attendant)
        assert len(agents) == 2
        for process in agents:
            assert not {
                path for path in descriptors(process) if path == lock or "net:[" in path.name
            }
    finally:
        lab("down")


def program(process: int) -> bytes:
    """What a process was started as."""
    return Path(f"/proc/{process}/cmdline").read_bytes()


def descriptors(process: int) -> set[Path]:
    """What a process has open."""
    return {link.readlink() for link in Path(f"/proc/{process}/fd").iterdir()}


def test_a_killed_keeper_takes_all_with_it_and_its_state_is_noticed(lab: Run) -> None:
    assert lab("up", "the-case").returncode == 0
    keeper = keeper_of(lab)
    processes = [keeper, *children(keeper)]
    os.kill(keeper, signal.SIGKILL)
    assert gone(processes)
    said = lab("exec", "my-pod", "--", "true")
    assert said.returncode == 2
    assert "keeper was killed, and what it left is removed now" in said.stderr
    try:
        assert lab("up", "the-case").returncode == 0
    finally:
        lab("down")


def test_that_nobody_answers_any_more_is_said(lab: Run) -> None:
    assert lab("up", "the-case").returncode == 0
    try:
        keeper = keeper_of(lab)
        (attendant,) = [one for one in children(keeper) if program(one) == program(keeper)]
        assert lab("exec", "test-gce-01", "--", *CURL[3:]).returncode == 0
        os.kill(attendant, signal.SIGKILL)
        until = time.monotonic() + 5
        while "has ended: nobody answers any more" not in lab("status").stdout:
            assert time.monotonic() < until
        assert lab("exec", "test-gce-01", "--", *CURL[3:]).returncode == 7  # curl's: refused
    finally:
        assert lab("down").returncode == 0


def test_what_cannot_be_done_is_said_with_what_can(lab: Run) -> None:
    none = lab("exec", "my-pod", "--", "true")
    assert (none.returncode, none.stderr) == (
        2, "wayhome: no lab is up. `wayhome lab up the-case` starts one\n",
    )  # fmt: skip
    assert lab("up", "the-case").returncode == 0
    try:
        again = lab("up", "the-case")
        assert again.returncode == 2
        assert "the-case is up already; `wayhome lab down` ends it" in again.stderr
        unknown = lab("exec", "my-bod", "--", "true")
        assert unknown.returncode == 2
        assert "it has 16 nodes, such as my-pod\n" in unknown.stderr
        assert lab("exec", "my-pod", "--", "no-such-program").returncode == 4
        assert lab("exec", "my-pod").returncode == 2
        assert lab("exec", "my-pod", "--", "sh", "-c", "exit 7").returncode == 7
        assert lab("configmap").returncode == 2
        assert lab("configmap", "--from-file", "/no/such/file").returncode == 2
    finally:
        assert lab("down").returncode == 0
