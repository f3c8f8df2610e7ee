"""However a lab ends, nothing of it is left: no process, no folder. As two users, with real processes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from tests.lab.conftest import WayhomeCommand
from tests.lab.test_keeper import children, folder_of, gone, keeper_of
from tests.lab.test_programs import read_pcap

from wayhome.lab import processes
from wayhome.lab.mounts import MOUNTPOINT

pytestmark = pytest.mark.kernel

Lab = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def mark() -> str:
    """A word in a program's arguments by which it is found again."""
    return uuid4().hex


def running(mark: str) -> list[int]:
    """All processes with the mark in their arguments."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


def wait_until(condition: Callable[[], object], seconds: float = 10, pause: float = 0.01) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(pause)


@pytest.fixture
def lab(wayhome_command: WayhomeCommand) -> Iterator[Lab]:
    """A lab that is up. What a test did not end is ended."""

    def lab(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return wayhome_command("lab", *arguments)

    up = lab("up", "the-case")
    assert up.returncode == 0, up.stderr
    keeper = keeper_of(lab)
    yield lab
    lab("down")
    if not gone([keeper]):
        os.kill(keeper, signal.SIGKILL)


def bring_in(command: WayhomeCommand, lab: Lab, mark: str) -> "subprocess.Popen[str]":
    """A program that is waited for; one that was forgotten and ignores SIGTERM; one that has left the network."""
    waited = command.start(
        "lab", "exec", "my-pod", "--", "sh", "-c", f"echo up; sleep 60; : {mark}"
    )
    assert waited.stdout
    assert waited.stdout.readline() == "up\n"
    for node, program in (
        ("test-gce-01", f"setsid sh -c 'trap \"\" TERM; sleep 60; : {mark}'"),
        ("my-pod", f"unshare --net sh -c 'sleep 60; : {mark}'"),
    ):
        put_away = f"{program} </dev/null >/dev/null 2>&1 &"
        assert lab("exec", node, "--", "sh", "-c", put_away).returncode == 0
    wait_until(lambda: len(running(mark)) == 4)  # one stands for the first
    return waited


@pytest.mark.parametrize("how", ["down", "SIGTERM", "SIGKILL"])
def test_what_runs_in_a_lab_ends_with_it_and_nothing_else_does(
    wayhome_command: WayhomeCommand, lab: Lab, mark: str, how: str
) -> None:
    waited, keeper = bring_in(wayhome_command, lab, mark), keeper_of(lab)
    with subprocess.Popen(["sleep", "60"]) as bystander:
        if how == "down":
            assert lab("down").returncode == 0
            assert set(running(mark)) <= {waited.pid}  # which is on its way
        else:
            os.kill(keeper, signal.Signals[how])
        assert waited.wait(10) in {-signal.SIGTERM, -signal.SIGKILL}
        wait_until(lambda: not running(mark))
        assert gone([keeper])
        assert bystander.poll() is None
        bystander.kill()
    assert waited.stdout
    waited.stdout.close()


def test_a_capture_ends_with_the_lab_and_is_whole(
    wayhome_command: WayhomeCommand, lab: Lab
) -> None:
    file = folder_of(lab).parents[1] / "node.pcap"
    with wayhome_command.start("lab", "capture", "gke-node-02", str(file)) as capture:
        wait_until(lambda: file.exists() and len(file.read_bytes()) >= 24)
        assert lab("down").returncode == 0
        assert capture.wait(10) == 0
    read_pcap(file.read_bytes())


def test_a_command_that_is_killed_takes_its_program_with_it(
    wayhome_command: WayhomeCommand, lab: Lab, mark: str
) -> None:
    for number, seen in ((signal.SIGKILL, -9), (signal.SIGTERM, 7)):
        script = f"trap 'exit 7' TERM; echo up; sleep 60 & wait; : {mark}"
        with wayhome_command.start("lab", "exec", "my-pod", "--", "sh", "-c", script) as command:
            assert command.stdout
            assert command.stdout.readline() == "up\n"
            command.send_signal(number)
            assert command.wait(10) == seen
            wait_until(lambda: not running(mark))


def test_a_command_stops_and_ends_as_its_program_does(
    wayhome_command: WayhomeCommand, lab: Lab
) -> None:
    script = "kill -STOP $$; kill -USR1 $$"
    with wayhome_command.start("lab", "exec", "my-pod", "--", "sh", "-c", script) as command:
        _, status = os.waitpid(command.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        command.send_signal(signal.SIGCONT)
        assert command.wait(10) == -signal.SIGUSR1


TAKES_THE_TERMINAL = """
import os, signal
os.setpgid(0, 0)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
os.tcsetpgrp(0, os.getpgrp())
"""


def test_the_terminal_is_given_back(wayhome_command: WayhomeCommand, lab: Lab) -> None:
    """What comes after a shell in a node can read from it again."""
    mine, terminal = os.openpty()
    python, name = wayhome_command.python, os.ttyname(terminal)
    Path(name).chmod(0o666)
    script = (
        f"exec 0<>{name} >&0; {python} -m wayhome lab exec my-pod -- {python} -c '{TAKES_THE_TERMINAL}'; "
        'read word; echo "got $word"'
    )
    os.write(mine, b"something\n")
    command = replace(wayhome_command, python="/bin/sh").start("-c", script, start_new_session=True)
    assert command.wait(30) == 0
    assert command.stdout
    command.stdout.close()
    os.close(terminal)
    assert b"got something" in os.read(mine, 4096)
    os.close(mine)


def test_a_lab_is_not_ended_from_within(wayhome_command: WayhomeCommand, lab: Lab) -> None:
    """There its keeper's number is another process's, or nobody's."""
    said = lab("exec", "my-pod", "--", wayhome_command.python, "-m", "wayhome", "lab", "down")
    assert said.returncode == 2
    assert "is not seen from here; run this outside the lab" in said.stderr
    assert "is up" in lab("status").stdout


@pytest.mark.parametrize("what", ["removed", "moved", "another"])
def test_a_lab_that_cannot_be_found_any_more_ends(lab: Lab, what: str) -> None:
    folder, keeper = folder_of(lab), keeper_of(lab)
    lab_processes = [keeper, *children(keeper)]
    if what == "removed":
        shutil.rmtree(folder)
    else:
        folder.parent.rename(folder.parent.with_name("elsewhere"))
    if what == "another":
        assert lab("up", "the-case").returncode == 0
        other = keeper_of(lab)
    assert gone(lab_processes)
    if what == "another":
        assert keeper_of(lab) == other  # and its state is not cleared by the first one
        assert lab("exec", "my-pod", "--", "true").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_nothing(
    wayhome_command: WayhomeCommand, tmp_path: Path, number: signal.Signals, mark: str
) -> None:
    """The mark comes to its programs by the environment; they are asked for it where they show it."""
    scratch = tmp_path / "temporary"
    scratch.mkdir(mode=0o777)
    scratch.chmod(0o777)
    environment = {**wayhome_command.environment, "TMPDIR": str(scratch), "MARK": mark}
    before = everything_below(scratch, MOUNTPOINT)
    command = replace(wayhome_command, environment=environment)
    with command.start("lab", "run", "the-case") as run:
        assert run.stdout
        while not run.stdout.readline().startswith("before: "):
            assert run.poll() is None
        in_it = with_environment(mark)
        assert len(in_it) >= 8  # two, six programs
        run.send_signal(number)
        assert run.wait(10) in {-number, 128 + number}  # what a shell shows as 128 + number
        assert gone(in_it)
    assert everything_below(scratch, MOUNTPOINT) == before


def test_ctrl_c_in_a_run_ends_it_as_that_at_any_moment(
    wayhome_command: WayhomeCommand, mark: str
) -> None:
    """A terminal interrupts all processes of the group; what runs in the lab must not end before the run does."""
    environment = {**wayhome_command.environment, "MARK": mark}
    command = replace(wayhome_command, environment=environment)
    for number in range(3, 9):  # before that, the interpreter is starting
        with command.start("lab", "run", "the-case", start_new_session=True) as run:
            wait_until(lambda n=number: len(with_environment(mark)) >= n)  # type: ignore[misc]
            os.killpg(run.pid, signal.SIGINT)
            assert run.wait(10) in {-signal.SIGINT, 128 + signal.SIGINT}
        assert gone(with_environment(mark))


def test_ctrl_c_in_up_leaves_no_lab(wayhome_command: WayhomeCommand, mark: str) -> None:
    environment = {**wayhome_command.environment, "MARK": mark}
    command = replace(wayhome_command, environment=environment)
    for number in (2, 3, 4):
        with command.start("lab", "up", "the-case", start_new_session=True) as up:
            wait_until(lambda n=number: len(with_environment(mark)) >= n)  # type: ignore[misc]
            os.killpg(up.pid, signal.SIGINT)
            assert up.wait(10) == -signal.SIGINT
        wait_until(lambda: not with_environment(mark))
        said = wayhome_command("lab", "status").stderr
        assert said == "wayhome: no lab is up. `wayhome lab up the-case` starts one\n"


def test_an_up_that_is_killed_half_way_leaves_no_lab(
    wayhome_command: WayhomeCommand, mark: str
) -> None:
    """The keeper is in the middle of building, and is told by nobody; once it looks for who started it, it ends."""
    environment = {**wayhome_command.environment, "MARK": mark}
    command = replace(wayhome_command, environment=environment)
    for number in (2, 3, 4):
        with command.start("lab", "up", "the-case", start_new_session=True) as up:
            wait_until(lambda n=number: len(with_environment(mark)) >= n)  # type: ignore[misc]
            up.kill()
        wait_until(lambda: not with_environment(mark))
        said = wayhome_command("lab", "status").stderr
        assert said == "wayhome: no lab is up. `wayhome lab up the-case` starts one\n"


def test_a_capture_that_cannot_be_written_is_said(
    wayhome_command: WayhomeCommand, lab: Lab
) -> None:
    full = wayhome_command("lab", "capture", "my-pod", "/dev/full", "--seconds", "0.1")
    assert full.returncode == 4
    assert "wayhome: No space left on device" in full.stderr
    assert "Traceback" not in full.stderr
    none = wayhome_command("lab", "capture", "my-pod", "/no/such/file", "--seconds", "0.1")
    assert (none.returncode, none.stderr) == (
        2, "Error: Could not open file '/no/such/file': No such file or directory\n",
    )  # fmt: skip


def test_an_up_that_fails_is_no_mistake_of_the_user(wayhome_command: WayhomeCommand) -> None:
    """Nothing can be written, as on a full disk."""
    shell = replace(wayhome_command, python="/bin/sh")
    up = f"ulimit -f 0; exec {wayhome_command.python} -m wayhome lab up the-case"
    done = shell("-c", up)
    assert done.returncode == 4
    file = Path(wayhome_command.environment["XDG_RUNTIME_DIR"], "wayhome/lab/config")
    assert done.stderr == f"wayhome: the lab did not start: {file}: File too large\n"


def test_the_output_of_a_run_may_be_closed_or_full(wayhome_command: WayhomeCommand) -> None:
    shell = replace(wayhome_command, python="/bin/sh")
    for redirection, status, said in (
        (">&-", 0, ""),
        (">/dev/full", 4, "wayhome: the output could not be written: No space left on device\n"),
    ):
        run = f"{wayhome_command.python} -m wayhome lab run the-case --json {redirection}"
        done = shell("-c", run)
        assert (done.returncode, done.stderr) == (status, said)


def everything_below(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*")]


def with_environment(mark: str) -> list[int]:
    """All processes with MARK in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"MARK={mark}".encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
    return found


INTERRUPTED = """
import os, subprocess, sys, time

def test_that_is_killed():
    with open(os.environ["SAID"], "w") as said:
        up = [sys.executable, "-m", "wayhome", "lab", "up", "the-case"]
        subprocess.run(up, stdout=said, stderr=said, check=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_test_run_that_is_killed_leaves_no_lab(
    tmp_path: Path, mark: str, number: signal.Signals, workers: str
) -> None:
    (tmp_path / "test_interrupted.py").write_text(INTERRUPTED)
    said = tmp_path / "said"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("WAYHOME_LAB", "PYTEST_"))}
    environment = kept | {
        "MARK": mark, "SAID": str(said), "XDG_RUNTIME_DIR": str(tmp_path), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "wayhome.lab.pytest_plugin",
        "--leave-host",
        "-p",
        "no:cacheprovider",
        "-n",
        workers,
    ]
    with subprocess.Popen(
        [*argv, tmp_path / "test_interrupted.py"], env=environment, cwd=tmp_path,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as run:  # fmt: skip
        wait_until(lambda: said.exists() and "is up after" in said.read_text(), 30)
        in_it = with_environment(mark)
        assert len(in_it) >= 5  # pytest, the keeper, its attendant, two agents
        run.send_signal(number)
        assert run.wait(10) != 0
        assert gone(in_it)


def test_only_the_first_process_of_a_namespace_may_end_all_others() -> None:
    with pytest.raises(RuntimeError):
        processes.end_all_others(0)
