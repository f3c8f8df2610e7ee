"""What tests are offered of nodes and labs, by the fixtures themselves."""

import fcntl
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.golden.corpus import golden
from tests.lab.compiled.test_networks import NAMES

from wayhome.clouds.read import UnreadableDirectoryError
from wayhome.lab.compiled.missing import MissingFeatureError
from wayhome.lab.cut import TooLargeError
from wayhome.lab.node_names import NodeNameError
from wayhome.lab.programs import ProgramError
from wayhome.lab.testing import Lab, Node, lab_of, lan
from wayhome.lab.testing.channel import Channel
from wayhome.network import Network, NetworkError

pytestmark = pytest.mark.kernel
SIOCGIFMTU = 0x8921
EXPORTS = Path(__file__).parents[2] / "examples/the-case/exports"
Build = Callable[[Network | Path | str], Lab]


def test_a_program_runs_to_its_end(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAID", "by the test")
    monkeypatch.delenv("HOME", raising=False)
    done = node.run("sh", "-c", "cat; echo $SAID $HOME; echo wrong >&2; exit 3", text="first\n")
    assert (done.returncode, done.stdout, done.stderr) == (3, "first\nby the test\n", "wrong\n")


def test_a_program_begins_in_the_folder_of_the_test(
    node: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert node.run("pwd").stdout == f"{tmp_path}\n"


def test_a_program_that_does_not_end_is_killed(node: Node) -> None:
    with pytest.raises(subprocess.TimeoutExpired) as late:
        node.run("sh", "-c", "echo waiting; exec sleep 60", seconds=0.3)
    assert late.value.output == "waiting\n"
    assert "sleep" not in node.run("sh", "-c", "cat /proc/[0-9]*/comm").stdout.split()


def test_a_program_that_is_not_there(node: Node) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        node.run("no-such-program")
    with pytest.raises(FileNotFoundError):
        node.start("no-such-program")
    assert node.run("true").returncode == 0


def test_a_program_is_stopped_and_signalled(node: Node) -> None:
    sleeping = node.start("sleep", "60")
    assert sleeping.process.poll() is None
    assert sleeping.stop() == -signal.SIGTERM
    assert sleeping.ending == "sleep on node was killed by SIGTERM; it printed nothing"
    sleeping.process.kill()  # twice is once
    trapping = node.start("sh", "-c", "trap 'echo usr1; exit 5' USR1; echo ready; sleep 60 & wait")
    trapping.wait_until(lambda said: "ready" in said, 5)
    trapping.process.send_signal(signal.SIGUSR1)
    assert trapping.process.wait(5) == 5
    assert trapping.text() == "ready\nusr1\n"


def test_what_is_served_and_what_is_not(node: Node) -> None:
    assert node.served() == set()
    with node.socket(kind=socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 53))
        node.wait_until_served(53, "udp")
        with node.socket(socket.AF_INET6) as listening:
            listening.bind(("::1", 443))
            assert node.served() == {("udp", 53)}
            listening.listen()
            assert node.served() == {("udp", 53), ("tcp", 443)}
    with pytest.raises(ProgramError, match=r"nobody serves tcp port 80 of node after 0\.1 s"):
        node.wait_until_served(80, seconds=0.1)
    node.start("sh", "-c", "echo no such file; exit 2")
    with pytest.raises(ProgramError, match=r"(?s)tcp port 80: sh on node ended with.*no such file"):
        node.wait_until_served(80)


def test_a_lab_for_more_than_one_test(tmp_path: Path) -> None:
    with lab_of(lan(a="10.0.0.1"), tmp_path) as network:
        running = network.node("a").start("sleep", "60")
    assert running.process.wait(1) < 0
    with pytest.raises(ProgramError, match="the lab has ended"):
        network.node("a").run("true")


def test_hosts_reach_each_other_by_both_families_and_nobody_else(lab: Build) -> None:
    network = lab(lan(a=("10.0.0.1", "fd00::1"), b=("10.0.0.2", "fd00::2")))
    for family, there, nobody in (
        (socket.AF_INET, "10.0.0.2", "10.0.0.3"),
        (socket.AF_INET6, "fd00::2", "fd00::3"),
    ):
        with network.node("b").socket(family, socket.SOCK_DGRAM) as server:
            server.bind((there, 53))
            server.settimeout(5)
            with network.node("a").socket(family, socket.SOCK_DGRAM) as client:
                client.sendto(b"question", (there, 53))
                assert server.recv(64) == b"question"
                client.sendto(b"question", (nobody, 53))
    found = {(drop.node, drop.cause, str(drop.packet.destination)) for drop in network.drops() if drop.packet}  # fmt: skip
    assert found == {
        ("switch", "UNKNOWN_ADDRESS", "10.0.0.3"),
        ("switch", "UNKNOWN_ADDRESS", "fd00::3"),
    }
    network.node("a").start("true").process.wait(5)
    story = network.story().splitlines()
    assert story[0].endswith("> 10.0.0.3:53 udp died at switch: UNKNOWN_ADDRESS")
    assert story[1].endswith("> [fd00::3]:53 udp died at switch: UNKNOWN_ADDRESS")
    assert story[2] == "true on a ended with exit status 0; it printed nothing"


def test_an_mtu_is_that_of_every_link(lab: Build) -> None:
    network = lab(lan(1400, a="10.0.0.1", b="10.0.0.2"))
    with network.node("a").socket() as channel:
        answer = fcntl.ioctl(channel, SIOCGIFMTU, struct.pack("16si12x", b"p0", 0))
    assert struct.unpack_from("i", answer, 16) == (1400,)


@pytest.mark.parametrize("name", NAMES)
def test_names_that_no_kernel_would_take(lab: Build, name: str) -> None:
    network = lab(lan(**{name: "10.0.0.1", "b": "10.0.0.2"}))
    running = network.node(name).start(sys.executable, "-c", "print('hello')")
    assert running.process.wait(10) == 0
    assert running.text() == "hello\n"


def test_what_cannot_be_built(lab: Build, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="2 nodes are called switch"):
        lan(switch="10.0.0.1")
    with pytest.raises(ValueError, match=r"10\.0\.0"):
        lan(a="10.0.0")
    with pytest.raises(UnreadableDirectoryError):
        lab(tmp_path / "nothing")
    with pytest.raises(NodeNameError, match="its nodes are: a, switch"):
        lab(lan(a="10.0.0.1")).node("b")


def test_a_request_that_is_interrupted_ends_the_lab(
    lab: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer would be taken for that of the next request."""
    network = lab(lan(a="10.0.0.1"))

    def interrupted(_: Channel) -> tuple[object, list[int]]:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(Channel, "receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            network.node("a").served()
    with pytest.raises(ProgramError, match="the lab has ended"):
        network.node("a").served()


def test_labs_of_the_whole_run_end_when_they_are_told_to(lab_factory: Build) -> None:
    with lab_factory(lan(a="10.0.0.1")) as network:
        running = network.node("a").start("sleep", "60")
    assert running.process.wait(1) < 0


def test_a_kernel_that_does_not_show_what_dies_is_not_taken_for_one_in_which_nothing_did(
    lab: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The server's `nft` refuses to log, as where nfnetlink_log is missing."""
    nft = tmp_path / "nft"
    nft.write_text(
        "#!/bin/sh\ntext=$(cat)\n"
        'case $text in *"log group"*) echo "Error: No such file or directory" >&2; exit 1 ;; esac\n'
        f"printf '%s\\n' \"$text\" | exec {shutil.which('nft', path='/usr/sbin:/sbin')} -f -\n"
    )
    nft.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    network = lab(lan(a="10.0.0.1"))
    with pytest.raises(MissingFeatureError, match="module nfnetlink_log"):
        network.drops()
    network.node("a").start("true").process.wait(5)
    assert network.story() == "true on a ended with exit status 0; it printed nothing"


def test_a_node_holds_its_own_rules(lab: Build, tmp_path: Path) -> None:
    """What a node's own nft was seen to hold is loaded, as by `wayhome lab run --from`."""
    network = lab(golden("foreign-rule-of-nft", tmp_path))
    assert network.refused == {}
    rules = network.node("gke-node-02").run("nft", "list", "ruleset").stdout
    assert 'oifname "eth0" masquerade' in rules


def test_exports_of_too_many_nodes(lab: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wayhome.lab.testing.lab.MOST_NODES", 10)
    with pytest.raises(TooLargeError, match="has 16 nodes, and at most 10 are built"):
        lab(EXPORTS)
