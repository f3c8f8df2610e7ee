"""Bad days of the disk, and of the folder with the configuration."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.agent_process import AgentProcess, kept, nft, wait_for_kept, wait_until

from wayhome.agent.memory import Memory

pytestmark = pytest.mark.kernel

ONE = "nonMasqueradeCIDRs: [10.0.0.0/8]\n"
OTHER = "nonMasqueradeCIDRs: [172.16.0.0/16]\n"
THIRD = "nonMasqueradeCIDRs: [192.168.0.0/16]\n"
DEFAULTS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", folder], check=True)


class Disk:
    """A file system of 64 KiB, in memory, on which the agent remembers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        mount("-t", "tmpfs", "-o", "size=64k", "wayhome-test", folder)

    def fill(self) -> None:
        ballast = os.open(self.folder / "ballast", os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(ballast, bytes(4096))
        except OSError:
            os.close(ballast)

    def free(self) -> None:
        (self.folder / "ballast").unlink()


@pytest.fixture
def disk(agent: AgentProcess) -> Iterator[Disk]:
    made = Disk(agent.state)
    yield made
    agent.kill()
    unmount(made.folder)


def remembered(agent: AgentProcess) -> bytes | None:
    data, problem = Memory(agent.state).recall()
    assert not problem
    return data


def losses(agent: AgentProcess) -> list[str]:
    return [line["message"] for line in agent.lines() if line["event"] == "not remembered"]


def test_a_full_disk_costs_the_memory_alone_and_space_mends_it(
    agent: AgentProcess, disk: Disk
) -> None:
    disk.fill()
    agent.write(ONE)
    agent.start()
    wait_for_kept("10.0.0.0/8")
    said = agent.wait_for("not remembered")["message"]
    assert said.startswith(f"{agent.state}: No space left on device; ")
    assert "upstream's defaults would apply" in said
    agent.write(OTHER)  # the same is not said again
    wait_for_kept("172.16.0.0/16")
    disk.free()
    agent.write(THIRD)
    wait_for_kept("192.168.0.0/16")
    wait_until(lambda: remembered(agent) == THIRD.encode(), lambda: "the memory")
    assert len(losses(agent)) == 1


def test_a_disk_that_fills_up_later_says_so_each_time_and_keeps_what_was_remembered(
    agent: AgentProcess, disk: Disk
) -> None:
    agent.write(ONE)
    agent.start()
    agent.wait_for("applied")
    wait_until(lambda: remembered(agent) == ONE.encode(), lambda: "the memory")
    for number in (1, 2):
        disk.fill()
        agent.write(OTHER)
        said = agent.wait_for("not remembered")["message"]
        assert "the configuration before it would apply" in said
        assert remembered(agent) == ONE.encode()
        disk.free()
        agent.write(THIRD)
        agent.wait_for("applied")
        agent.write(ONE)
        wait_until(lambda: remembered(agent) == ONE.encode(), lambda: "the memory")
        assert len(losses(agent)) == number


def test_a_disk_that_is_full_at_a_restart_still_gives_what_was_remembered(
    agent: AgentProcess, disk: Disk
) -> None:
    agent.write(ONE)
    agent.start()
    agent.wait_for("applied")
    wait_until(lambda: remembered(agent) == ONE.encode(), lambda: "the memory")
    agent.kill()
    disk.fill()
    nft("delete table inet wayhome")
    agent.write("nonMasqueradeCIDRs: [10.0.0.1/8]\n")
    agent.start()
    agent.wait_for("rejected")
    wait_for_kept("10.0.0.0/8")


def test_a_root_that_is_read_only_from_the_start_or_becomes_so(
    agent: AgentProcess, tmp_path: Path
) -> None:
    agent.state = tmp_path / "root" / "var" / "lib" / "wayhome"
    root = tmp_path / "root"
    root.mkdir()
    mount("--bind", root, root)
    try:
        mount("-o", "remount,ro,bind", root)
        agent.write(ONE)
        agent.start()
        wait_for_kept("10.0.0.0/8")
        said = agent.wait_for("not remembered")["message"]
        assert said.startswith(f"{agent.state}: Read-only file system; ")
        mount("-o", "remount,rw,bind", root)
        agent.write(OTHER)
        wait_for_kept("172.16.0.0/16")
        wait_until(
            lambda: agent.state.exists() and remembered(agent) == OTHER.encode(), lambda: "memory"
        )
    finally:
        agent.kill()
        unmount(root)


def test_what_was_removed_and_cannot_be_forgotten_is_said(tmp_path: Path) -> None:
    Memory(tmp_path).remember(ONE.encode())
    mount("--bind", tmp_path, tmp_path)
    try:
        mount("-o", "remount,ro,bind", tmp_path)
        memory = Memory(tmp_path)
        assert memory.recall() == (ONE.encode(), "")
        assert memory.remember(None) == (
            f"{tmp_path}: Read-only file system; after a restart without a readable configuration, "
            "the configuration that was removed would apply again"
        )
    finally:
        unmount(tmp_path)


@pytest.fixture
def running(agent: AgentProcess) -> AgentProcess:
    agent.write(ONE)
    agent.start()
    agent.wait_for("applied")
    return agent


def put_fifo(path: Path) -> None:
    os.mkfifo(path)


def put_folder(path: Path) -> None:
    path.mkdir()


def put_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def put_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path is too long for a socket's name
    with socket.socket(socket.AF_UNIX) as channel:
        channel.bind(path.name)
    os.chdir(here)


def put_loop(path: Path) -> None:
    path.symlink_to("ip-masq-agent")  # its own name, once it is in its place


@pytest.mark.parametrize(
    ("put", "said"),
    [
        (put_fifo, "is not a file"),
        (put_folder, "is not a file"),
        (put_device, "is not a file"),
        (put_socket, "cannot be read: No such device or address"),
        (put_loop, "cannot be read: Too many levels of symbolic links"),
    ],
)
def test_something_else_in_the_place_of_the_file(
    running: AgentProcess, put: object, said: str
) -> None:
    new = running.config.with_name("new")
    put(new)  # type: ignore[operator]
    running.config.unlink()
    new.rename(running.config)
    line = running.wait_for("unreadable")
    assert said in line["message"]
    assert str(running.config) in line["message"]
    assert "the last good configuration stays" in line["message"]
    assert kept() == {"10.0.0.0/8"}
    if running.config.is_dir() and not running.config.is_symlink():
        running.config.rmdir()
    running.write(OTHER)
    wait_for_kept("172.16.0.0/16")


def replaced_by_file(folder: Path) -> None:
    folder.write_text("a file")


def looped(folder: Path) -> None:
    folder.symlink_to(folder)


@pytest.mark.parametrize(
    ("instead", "said"),
    [(replaced_by_file, "Not a directory"), (looped, "Too many levels of symbolic links")],
)
def test_something_else_in_the_place_of_the_folder(
    running: AgentProcess, instead: object, said: str
) -> None:
    folder = running.config.parent
    folder.rename(folder.with_name("aside"))
    instead(folder)  # type: ignore[operator]
    assert said in running.wait_for("polling")["message"]
    line = running.wait_for("unreadable")
    assert said in line["message"]
    assert kept() == {"10.0.0.0/8"}
    folder.unlink()
    folder.mkdir()
    running.write(OTHER)
    wait_for_kept("172.16.0.0/16")


def test_an_unmounted_volume_is_no_configuration_that_was_removed(
    agent: AgentProcess, tmp_path: Path
) -> None:
    """Under it the empty folder comes to light on which it was mounted; that says nothing about the configuration."""
    volume = agent.config.parent
    mount("-t", "tmpfs", "wayhome-test", volume)
    try:
        agent.write(ONE)
        agent.start()
        agent.wait_for("applied")
    finally:
        unmount(volume)
    said = agent.wait_for("unreadable")["message"]
    assert "is not mounted any more" in said
    assert not [line for line in agent.lines() if line["event"] == "removed"]
    assert kept() == {"10.0.0.0/8"}
    agent.write(OTHER)
    wait_for_kept("172.16.0.0/16")
    agent.config.unlink()
    agent.wait_for("removed")  # now it is known to be gone


def test_a_log_file_on_a_full_disk_does_not_stop_the_rules(agent: AgentProcess, disk: Disk) -> None:
    disk.fill()
    agent.write(ONE)
    with (disk.folder / "log").open("ab") as log:
        agent.process = subprocess.Popen(
            [sys.executable, "-m", "wayhome.agent", f"--config={agent.config}", "--state="],
            stderr=log,
        )
    wait_for_kept("10.0.0.0/8")
    agent.write(OTHER)
    wait_for_kept("172.16.0.0/16")
    assert not (disk.folder / "log").read_text()
