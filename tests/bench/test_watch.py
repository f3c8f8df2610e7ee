"""What the benchmark sees of the kernel and of processes is what is there."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench.figure import LackError, NotReachedError
from bench.forwarding import Forwarding
from bench.lists import List
from bench.peak import divisible_cgroup, divisible_cgroup_of_version_1, limited, peak
from bench.watch import NFT_MSG_DELSETELEM, NFT_MSG_NEWSETELEM, CommitLog, TableWatch
from tests.kernel.nodes import nft

from bench import process
from wayhome.lab.namespaces import NetworkNamespace


@pytest.mark.kernel
def test_a_list_is_seen_when_it_comes_and_when_it_goes(netns: NetworkNamespace) -> None:
    with TableWatch() as watch:
        assert not watch.keeps("200.0.0.0")
        with pytest.raises(
            NotReachedError, match=r"200\.0\.0\.0 was not in the kernel after 0\.1 s"
        ):
            watch.until_kept("200.0.0.0", seconds=0.1)
        before = time.perf_counter()
        nft(List(64).nftables(pods=False))
        assert before < watch.until_kept("200.0.0.0") < time.perf_counter()
        assert watch.keeps("200.0.0.200")
        assert not watch.keeps("200.0.1.0")
        watch.remove_table()
        assert not watch.keeps("200.0.0.0")


@pytest.mark.kernel
def test_every_commit_is_counted_with_what_was_in_it(netns: NetworkNamespace) -> None:
    nft(List(64).nftables(pods=False))
    commits = CommitLog()
    assert commits.take() == []
    nft("add element inet wayhome keep4 { 201.0.0.0/24 }\n")
    nft("delete element inet wayhome keep4 { 201.0.0.0/24 }\nadd chain inet wayhome other\n")
    one, two = commits.take()
    commits.close()
    assert one.only_elements
    assert set(one.kinds) == {NFT_MSG_NEWSETELEM}
    assert any(bytes([201, 0, 0, 0]) in held for held in one.elements)
    assert not two.only_elements
    assert NFT_MSG_DELSETELEM in two.kinds


@pytest.mark.kernel
def test_rules_that_do_not_masquerade_are_not_measured() -> None:
    with Forwarding() as network:
        network.run("nft", "-f", "-", text=List(5).nftables(pods=True))
        network.check()
        assert network.measure(100) > 0
        network.run("nft", "flush", "ruleset")
        with pytest.raises(NotReachedError, match=r"the outside saw 172\.16\.2\.2 instead"):
            network.check()


def program(source: str) -> "subprocess.Popen[bytes]":
    """A Python program that says a line and waits for one."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{source}\nprint(flush=True)\ninput()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    process.stdout.readline()
    return process


def end(running: "subprocess.Popen[bytes]") -> None:
    running.communicate(b"\n")


def test_processor_time_is_that_of_all_threads() -> None:
    burn = "import threading, time\ndef work():\n  while time.thread_time() < 0.2: pass\n"
    running = program(burn + "t = threading.Thread(target=work); t.start(); t.join()")
    assert process.processor_seconds(running.pid) >= 0.2
    end(running)
    waiting = program("import time; time.sleep(0.3)")
    assert process.processor_seconds(waiting.pid) < 0.2
    end(waiting)


def test_a_child_is_noticed_while_it_runs_and_after_it_ended() -> None:
    quiet = program("import subprocess")
    before = process.child_faults(quiet.pid)
    assert not process.has_started_children(quiet.pid, before)
    end(quiet)
    ended = program("import subprocess; subprocess.run(['true'])")
    assert process.has_started_children(ended.pid, 0)
    assert process.children(ended.pid) == ()
    end(ended)
    living = program("import subprocess; p = subprocess.Popen(['sleep', '60'], stdout=-3)")
    (child,) = process.children(living.pid)
    assert process.has_started_children(living.pid, process.child_faults(living.pid))
    subprocess.run(["kill", str(child)], check=True)
    end(living)


def test_the_peak_is_that_of_a_process_and_its_child_together() -> None:
    child = (
        "x = bytearray(40 << 20); x[::4096] = b'1' * len(x[::4096]); import time; time.sleep(0.2)"
    )
    with peak() as group:
        running = subprocess.Popen(
            [*group.launcher, sys.executable, "-c", f"import subprocess, sys\nx = bytearray(30 << 20); x[::4096] = b'1' * len(x[::4096])\nsubprocess.run([sys.executable, '-c', {child!r}])"]
        )  # fmt: skip
        group.follow(running.pid)
        running.wait()
        assert 70 * 1.048 < group.megabytes() < 200


def cgroup(folder: Path, controllers: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "cgroup.subtree_control").write_text(controllers)
    return folder


def test_a_cgroup_is_made_where_its_memory_is_counted(tmp_path: Path) -> None:
    root = cgroup(tmp_path / "cgroup", "cpu memory pids\n")
    session = cgroup(root / "user.slice", "memory pids\n")
    cgroup(session / "terminal", "\n")
    assert divisible_cgroup(root, "0::/user.slice/terminal\n") == session
    assert divisible_cgroup(root, "4:memory:/x\n0::/\n") == root
    assert divisible_cgroup(root, "4:memory:/user.slice\n") is None
    (tmp_path / "cgroup.subtree_control").write_text("memory")
    hybrid = cgroup(tmp_path / "hybrid", "")
    assert divisible_cgroup(hybrid, "0::/\n") is None


def test_a_cgroup_of_version_1_is_taken_where_the_memory_controller_is_there(
    tmp_path: Path,
) -> None:
    own = "5:cpu,cpuacct:/x\n4:memory:/pods\n0::/\n"
    assert divisible_cgroup_of_version_1(tmp_path, own) is None
    pods = tmp_path / "memory" / "pods"
    pods.mkdir(parents=True)
    assert divisible_cgroup_of_version_1(tmp_path, own) is None
    (pods / "memory.usage_in_bytes").write_text("0")
    assert divisible_cgroup_of_version_1(tmp_path, own) == pods
    assert divisible_cgroup_of_version_1(tmp_path, "0::/\n") is None


def test_in_a_limited_group_what_takes_too_much_is_killed_and_counted() -> None:
    """That nothing is killed says something only if something would be."""
    greedy = [sys.executable, "-c", "bytearray(200 << 20)"]
    try:
        with limited(40) as group:
            assert subprocess.run([*group.launcher, "true"], check=False).returncode == 0
            assert group.killed() == 0
            assert subprocess.run([*group.launcher, *greedy], check=False).returncode != 0
            assert group.killed() == 1
            assert 30 < group.megabytes() <= 40
    except LackError as lack:
        pytest.skip(str(lack))
