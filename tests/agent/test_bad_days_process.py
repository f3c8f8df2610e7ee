"""What happens to the process itself: its clock, its memory, its descriptors, its standard error, and SIGSTOP."""

import contextlib
import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.agent_process import (
    PORT,
    AgentProcess,
    get,
    kept,
    nft,
    wait_for_kept,
    wait_until,
)

pytestmark = pytest.mark.kernel

ONE = "nonMasqueradeCIDRs: [10.0.0.0/8]\n"
OTHER = "nonMasqueradeCIDRs: [172.16.0.0/16]\n"
THIRD = "nonMasqueradeCIDRs: [192.168.0.0/16]\n"
CGROUP = Path("/sys/fs/cgroup/memory")

# The wall clock says what a file says more; nobody else's clock is touched.
CLOCK = """
import runpy, sys, time
from pathlib import Path
offset, sys.argv = Path(sys.argv[1]), sys.argv[2:]
assert sys.argv.pop(0) == "-m"
real = time.time
time.time = lambda: real() + float(offset.read_text())
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def running(agent: AgentProcess) -> AgentProcess:
    agent.write(ONE)
    agent.start()
    agent.wait_for("applied")
    return agent


def test_a_clock_that_jumps_a_day_both_ways_shows_in_the_log_alone(
    agent: AgentProcess, tmp_path: Path
) -> None:
    script, offset = tmp_path / "clock.py", tmp_path / "offset"
    script.write_text(CLOCK)
    offset.write_text("0")
    agent.write(ONE)
    agent.start(f"--metrics-bind-address=127.0.0.1:{PORT}", wrapper=[str(script), str(offset)])
    first = agent.wait_for("applied")
    lists = ("172.16.0.0/16", "192.168.0.0/16")
    for days, wanted in ((1, lists[0]), (-1, lists[1]), (0, lists[0]), (-1, lists[1])):
        new = tmp_path / "offset.new"
        new.write_text(str(days * 86400))
        new.rename(offset)  # whoever asks for the time finds a number in it
        agent.write(f"nonMasqueradeCIDRs: [{wanted}]\n")
        wait_for_kept(wanted)
        line = agent.wait_for("applied")
        assert (line["time"][:10] > first["time"][:10]) is (days > 0)
        assert (line["time"][:10] < first["time"][:10]) is (days < 0)
        assert get("/healthz")[0] == 200
    nft("flush ruleset")
    wait_for_kept(lists[1])
    agent.config.unlink()
    agent.wait_for("removed")
    offset.write_text("86400")  # the ten seconds of a removed configuration are not over
    agent.write(ONE)
    wait_for_kept("10.0.0.0/8")
    assert not [line for line in agent.lines() if line["event"] == "no configuration"]


@pytest.fixture
def container(agent: AgentProcess) -> Iterator[Path]:
    """A cgroup of 48 MiB; what is counted is memory, page cache first read in it, and the kernel's own."""
    group = CGROUP / f"wayhome-test-{time.monotonic_ns()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(48 << 20))
    except OSError as error:
        pytest.skip(f"no memory controller of cgroup v1 that this user may divide: {error}")
    yield group
    agent.kill()
    for _ in range(200):
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.01)


def test_in_48_mebibytes_nothing_is_killed(agent: AgentProcess, container: Path) -> None:
    """The agent and nft, from the start with 64 entries over 1,000 to the repair of a table that somebody flushed."""
    enter = 'echo $$ >"$0"/cgroup.procs && exec "$@"'
    agent.write(entries(64))
    agent.start(
        f"--metrics-bind-address=127.0.0.1:{PORT}",
        launcher=("/bin/sh", "-c", enter, str(container)),
    )
    agent.wait_for("applied", keep=65)
    agent.write(entries(1000))
    agent.wait_for("applied", keep=1001)
    assert get("/metrics")[0] == 200
    nft("flush ruleset")
    agent.wait_for("repaired")
    agent.write(entries(999) + "masqueradeCIDRs: [10.0.0.64/28]\n")  # other rules
    agent.wait_for("applied")
    events = (container / "memory.oom_control").read_text()
    assert "oom_kill 0" in events
    assert int((container / "memory.failcnt").read_text()) == 0, "it had to reclaim memory"
    assert agent.process is not None
    assert agent.process.poll() is None


def entries(count: int) -> str:
    lines = (f"  - 10.{i >> 7}.{(i << 1) & 255}.0/25\n" for i in range(count))
    return f"cidrLimit: 1000\nnonMasqueradeCIDRs:\n{''.join(lines)}"


@pytest.mark.parametrize("limit", [20, 13, 7, 6])
def test_with_few_descriptors_it_works_or_says_that_it_lacks_them(
    agent: AgentProcess, limit: int
) -> None:
    agent.write(ONE)
    agent.start(launcher=("/bin/sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh"))
    assert agent.process is not None
    process = agent.process
    wait_until(
        lambda: (
            process.poll() is not None or kept() or "Too many open files" in agent.log.read_text()
        ),
        lambda: "an outcome",
    )
    if process.poll() is None and kept():
        agent.write(OTHER)
        wait_for_kept("172.16.0.0/16")
    else:
        wait_until(agent.lines, agent.log.read_text)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
        assert process.returncode in (None, 4), agent.log.read_text()
        assert "Traceback" not in agent.log.read_text()


def test_descriptors_that_run_out_later_cost_no_more_than_the_time_without_them(
    running: AgentProcess,
) -> None:
    """Neither the file can be read nor a program be started; no event tells when that is over."""
    assert running.process is not None
    pid = running.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    running.write(OTHER)
    said = running.wait_for("unreadable")["message"]
    assert "cannot be read: Too many open files; the last good configuration stays" in said
    nft("flush ruleset")
    wait_until(
        lambda: any(line["event"] in ("kernel", "repaired") for line in running.lines()),
        lambda: "a line about it",
    )
    for line in running.lines():
        assert line["event"] != "kernel" or "Too many open files" in line["message"]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    wait_until(lambda: kept() == {"172.16.0.0/16"}, lambda: "the new list", timeout=20)
    assert running.process.poll() is None


def test_a_log_that_nobody_reads_does_not_stop_the_rules(agent: AgentProcess) -> None:
    """Standard error is a pipe that is full; once it is read again, the log says how much was lost."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 64)
    os.set_blocking(writer, True)
    agent.write(ONE)
    agent.process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "wayhome.agent",
            f"--config={agent.config}",
            "--state=",
            f"--metrics-bind-address=127.0.0.1:{PORT}",
        ],
        stderr=writer,
    )
    try:
        wait_for_kept("10.0.0.0/8")
        agent.write(OTHER)
        wait_for_kept("172.16.0.0/16")
        assert get("/healthz")[0] == 200
        os.read(reader, 4096)
        agent.write(THIRD)
        wait_for_kept("192.168.0.0/16")
        os.set_blocking(reader, False)
        wait_until(lambda: b"lines of this log were lost" in some(reader), lambda: "the log")
        agent.process.terminate()
        assert agent.process.wait(10) == 0
    finally:
        os.close(reader)
        os.close(writer)


def some(reader: int) -> bytes:
    with contextlib.suppress(BlockingIOError):
        return os.read(reader, 4096)
    return b""


def test_stopped_for_a_while_it_catches_up(running: AgentProcess) -> None:
    """Changes and damage that come while it is stopped: more events than its sockets hold."""
    assert running.process is not None
    os.kill(running.process.pid, signal.SIGSTOP)
    for number in range(300):
        running.write(f"nonMasqueradeCIDRs: [172.{16 + number % 16}.0.0/16]\n")
    for _ in range(20):
        nft("add table ip foreign\ndelete table ip foreign\n" * 10)
    nft("flush ruleset")
    running.write(OTHER)
    assert kept() is None
    os.kill(running.process.pid, signal.SIGCONT)
    wait_for_kept("172.16.0.0/16")
    assert not [line for line in running.lines() if line["event"] in ("rejected", "kernel")]
    running.write(THIRD)
    wait_for_kept("192.168.0.0/16")
