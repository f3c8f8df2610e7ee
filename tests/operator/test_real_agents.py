"""The operator's commands and a real agent in API mode, with a real kernel; the other nodes are seen by their Leases."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.agent_process import AgentProcess, kept, wait_until
from tests.kernel.entries import TCP, Entry, insert
from tests.kernel.wire import Wire
from tests.operator.agents import Agents
from tests.operator.world import BROKEN, World

from wayhome.lab.namespaces import NetworkNamespace

pytestmark = pytest.mark.kernel

OLD = "nonMasqueradeCIDRs: [10.0.0.0/8]\n"
NEW = "nonMasqueradeCIDRs: [10.0.0.0/8, 172.16.0.0/16]\n"
NODE = "real"


class RealAgent(AgentProcess):
    """The agent of one node, as its DaemonSet starts it."""

    def watch(self, world: World, *flags: str, configmap: str = "ip-masq-agent") -> None:
        command = [
            sys.executable,
            "-m",
            "wayhome.agent",
            f"--state={self.state}",
            "--log-format=json",
        ]
        command += ["--backend=nftables", f"--configmap={configmap}", "--nodes=1"]
        command += [f"--kubeconfig={world.server.kubeconfig}", *flags]
        pod = {"NODE_NAME": NODE, "POD_NAME": "wayhome-agent-x1", "POD_NAMESPACE": "wayhome"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log, env=os.environ | pod)


@pytest.fixture
def world(netns: NetworkNamespace, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.wayhome()
    yield made
    made.stop()


@pytest.fixture
def agent(world: World, tmp_path: Path) -> Iterator[RealAgent]:
    world.node(NODE, podCIDRs=["10.4.0.0/24"])
    process = RealAgent(tmp_path)
    process.watch(world)
    yield process
    process.kill()


def holds(*ranges: str) -> None:
    wait_until(lambda: kept() == set(ranges), lambda: f"{ranges}, it keeps {kept()}")


def test_applied_and_seen(world: World, agent: RealAgent, tmp_path: Path) -> None:
    (tmp_path / "new").write_text(NEW)
    done = world.run("apply", "new", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert kept() == {"10.0.0.0/8", "172.16.0.0/16"}
    found = world.document("status")
    assert (found["exit_code"], found["conditions"]) == (0, {"current": 1})
    (node,) = found["nodes"]
    assert (node["pod"], node["backend"]) == ("wayhome/wayhome-agent-x1", "nftables")


def test_a_node_that_says_no_takes_it_back_from_the_kernels_of_the_others(
    world: World, agent: RealAgent, tmp_path: Path
) -> None:
    others = Agents(world, "other", refusing={"other": "172.16.0.0/16"})
    (tmp_path / "old").write_text(OLD)
    (tmp_path / "new").write_text(NEW)
    assert world.run("apply", "old", "--yes").returncode == 0
    done = world.run("apply", "new", "--yes", "--canary", NODE)
    assert done.returncode == 1
    assert "other: rejected" in done.stdout
    assert kept() == {"10.0.0.0/8"}
    assert others.held("other") == OLD
    steps = [
        (line["added"], line["removed"]) for line in agent.lines() if line["event"] == "applied"
    ]
    assert steps[-2:] == [(1, 0), (0, 1)]
    others.stop()


def test_a_canary_holds_the_candidate_in_its_kernel_while_config_is_the_old_one(
    world: World, agent: RealAgent, tmp_path: Path
) -> None:
    others = Agents(world, "other")
    (tmp_path / "old").write_text(OLD)
    (tmp_path / "new").write_text(NEW)
    assert world.run("apply", "old", "--yes").returncode == 0
    others._nodes.remove("other")  # the second canary is waited for
    running = world.start("apply", "new", "--yes", "--canary", f"{NODE},other")
    holds("10.0.0.0/8", "172.16.0.0/16")
    item = world.configmap()
    assert item is not None
    assert item["data"] == {"config": OLD, "config.next": NEW}
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=90)
    holds("10.0.0.0/8")
    item = world.configmap()
    assert item is not None
    assert item["data"] == {"config": OLD}
    others.stop()


def test_a_rejection_has_the_agents_own_words_and_its_line(world: World, agent: RealAgent) -> None:
    world.put(OLD)
    holds("10.0.0.0/8")
    world.put(BROKEN)
    done = world.run("status", "--wait")
    assert done.returncode == 1
    assert "1 rejected: line 2: " in done.stdout
    assert "write 10.0.0.0/8" in done.stdout
    assert kept() == {"10.0.0.0/8"}


def asked(world: World, tmp_path: Path) -> None:
    """The agent's Pod, in which `wayhome-agent query` is started beside it."""
    query = f'{sys.executable} -m wayhome.agent query --query-socket={tmp_path}/query "$@"'
    world.agents_pod("wayhome-agent-x1", NODE, f"shift\nexec {query}")


def test_the_live_connections_of_the_node_that_would_be_treated_differently_are_counted(
    wire: Wire, tmp_path: Path
) -> None:
    world = World(tmp_path)
    world.wayhome()
    world.node(NODE)
    agent = RealAgent(tmp_path)
    agent.watch(world, f"--query-socket={tmp_path}/query")
    try:
        (tmp_path / "old").write_text(OLD)
        (tmp_path / "new").write_text(NEW)
        assert world.run("apply", "old", "--yes").returncode == 0
        asked(world, tmp_path)
        insert(
            *(Entry("10.4.0.9", "172.16.0.10", TCP, 1024 + n, 5432, Wire.NODE4) for n in range(12))
        )
        done = world.run("apply", "new", "--dry-run")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "on 1 of 1 nodes, 12 of " in done.stdout
        assert (
            "real: 12 tcp 10.4.0.9 -> 172.16.0.10 port 5432: seen with the node's, then its own address"
            in done.stdout
        )
        connections = world.document("apply", "new", "--yes")["connections"]
        assert (connections["answered"], connections["changed"]) == (1, 12)
    finally:
        agent.kill()
        world.stop()


@pytest.mark.parametrize("backend", ["nftables", "iptables-nft"])
def test_one_of_several_configmaps_is_changed_and_the_agent_judges_all_of_them(
    wire: Wire, tmp_path: Path, backend: str
) -> None:
    names = "kube-system/site,kube-system/team"
    world = World(tmp_path)
    world.daemon_set("wayhome-agent", "wayhome:1", f"--configmap={names}", namespace="wayhome")
    world.node(NODE)
    (tmp_path / "team").write_text(OLD)
    (tmp_path / "site").write_text("nonMasqueradeCIDRs: [172.16.0.0/16]\n")
    (tmp_path / "tie").write_text("masqueradeCIDRs: [10.0.0.0/8]\n")
    agent = RealAgent(tmp_path)
    flags = (f"--backend={backend}", f"--query-socket={tmp_path}/query")
    agent.watch(world, *flags, configmap=names)
    try:
        done = world.run("apply", "team", "--yes", "--configmap=kube-system/team")
        assert done.returncode == 0, done.stdout
        asked(world, tmp_path)
        insert(Entry("10.4.0.9", "172.16.0.10", TCP, 1024, 5432, Wire.NODE4))
        insert(Entry("10.4.0.9", "10.9.0.10", TCP, 1024, 5432))
        found = world.document("apply", "site", "--yes", "--configmap=kube-system/site")
        assert found["result"] == "applied"
        assert [change["prefix"] for change in found["readings"][0]["changes"]] == ["172.16.0.0/16"]
        (plan,) = found["connections"]["by_node"]
        assert (plan["problem"], plan["rejection"], plan["changed"]) == (None, None, 1)
        for each in ("site", "team"):
            status = world.document("status", f"--configmap=kube-system/{each}")
            assert (status["exit_code"], status["conditions"]) == (0, {"current": 1})
        tied = world.run("apply", "tie", "--yes", "--configmap=kube-system/site")
        assert tied.returncode == 1
        assert "nothing was changed" in tied.stdout
    finally:
        agent.kill()
        world.stop()
