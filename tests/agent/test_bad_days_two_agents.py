"""Two agents by mistake on one node, and two versions in turn: an upgrade, a downgrade, and so on."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.agent_process import PORT, AgentProcess, get, kept, wait_for_kept, wait_until
from tests.kernel.opened import Opened
from tests.kernel.wire import Wire

import wayhome
from wayhome.lab.namespaces import NetworkNamespace

pytestmark = pytest.mark.kernel

ONE = "nonMasqueradeCIDRs: [10.0.0.0/8]\n"
OTHER = "nonMasqueradeCIDRs: [10.0.0.0/8, 172.16.0.0/16]\n"

# It asks again after an hour, if it is not woken.
NEVER_ASKS_AGAIN = """
import runpy, sys
from wayhome.agent import node_turn
assert node_turn.LOCK_INTERVAL > 0
node_turn.LOCK_INTERVAL = 3600.0
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def second(netns: NetworkNamespace, tmp_path: Path) -> Iterator[AgentProcess]:
    (tmp_path / "second").mkdir()
    process = AgentProcess(tmp_path / "second")
    process.write(OTHER)
    yield process
    process.kill()


@pytest.fixture
def patient(tmp_path: Path) -> list[str]:
    script = tmp_path / "never_asks_again.py"
    script.write_text(NEVER_ASKS_AGAIN)
    return [str(script)]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_the_second_agent_is_woken_by_the_end_of_the_first(
    agent: AgentProcess, second: AgentProcess, patient: list[str], end: signal.Signals
) -> None:
    agent.write(ONE)
    agent.start()
    agent.wait_for("applied")
    assert agent.process is not None
    second.start(wrapper=patient)
    said = second.wait_for("waiting")
    assert "another wayhome agent keeps this node's rules" in said["message"]
    assert said["holder"] == agent.process.pid
    assert kept() == {"10.0.0.0/8"}
    agent.process.send_signal(end)
    second.wait_for("applied")
    assert kept() == {"10.0.0.0/8", "172.16.0.0/16"}


def test_while_it_waits_the_second_is_healthy_and_not_ready(
    agent: AgentProcess, second: AgentProcess
) -> None:
    agent.write(ONE)
    agent.start()
    agent.wait_for("applied")
    second.start(f"--metrics-bind-address=127.0.0.1:{PORT}")
    second.wait_for("waiting")
    assert get("/healthz")[0] == 200
    assert get("/readyz") == (503, "another wayhome agent keeps this node's rules\n")
    agent.kill()
    second.wait_for("applied")
    wait_until(lambda: get("/readyz")[0] == 200, lambda: "readiness")
    assert "wayhome_ready 1" in get("/metrics")[1]


def test_a_stopped_agent_has_the_node_until_it_is_killed(
    agent: AgentProcess, second: AgentProcess, patient: list[str]
) -> None:
    agent.write(ONE)
    agent.start()
    agent.wait_for("applied")
    assert agent.process is not None
    agent.process.send_signal(signal.SIGSTOP)
    second.start(wrapper=patient)
    assert second.wait_for("waiting")["holder"] == agent.process.pid
    agent.kill()
    second.wait_for("applied")


def test_one_that_waits_ends_when_it_is_told_to(agent: AgentProcess, second: AgentProcess) -> None:
    agent.write(ONE)
    agent.start()
    agent.wait_for("applied")
    second.start()
    second.wait_for("waiting")
    assert second.stop() == 0
    assert kept() == {"10.0.0.0/8"}


def another_version(folder: Path) -> Path:
    """This program with other rules: a comment of theirs is another one, and so is their digest."""
    tree = folder / "another-version"
    shutil.copytree(Path(wayhome.__file__).parent, tree / "wayhome")
    rules = tree / "wayhome" / "kernel" / "rules.py"
    text = rules.read_text()
    rules.write_text(text.replace("everything that is masqueraded", "whatever is left"))
    assert text != rules.read_text()
    return tree


def objects() -> list[str]:
    """What there is in this network's nftables, by kind and name."""
    done = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True)
    return re.findall(
        r"^\s*(table \S+ \S+|chain \S+|set \S+|counter \S+) {", done.stdout, re.MULTILINE
    )


def test_two_versions_in_turn_and_no_connection_notices(
    wire: Wire, agent: AgentProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = another_version(tmp_path)
    agent.write(ONE)
    agent.start()
    agent.wait_for("applied")
    own = objects()
    connections = Opened(wire, 10)
    try:
        for number in range(10):
            assert agent.stop() == 0
            with monkeypatch.context() as changed:
                if number % 2 == 0:
                    changed.setenv("PYTHONPATH", os.fspath(tree))
                agent.start()
            assert connections.sources(at_least=100) == {wire.POD4}
            how = agent.wait_for("applied")["how"]
            assert how == "chain rewritten", (
                "the versions do not differ, or do not know each other's"
            )
            assert connections.sources(at_least=20) == {wire.POD4}
            assert objects().count("table inet wayhome") == 1
    finally:
        connections.close()
    assert objects() == own, "something of the other version was left"
    wait_for_kept("10.0.0.0/8")
