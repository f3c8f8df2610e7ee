"""`--observe` as a process, beside the chains that upstream's and GKE's agents really write: it sees and never writes."""

import subprocess
from pathlib import Path

import pytest
from tests.agent.agent_process import PORT, WITHOUT_RIGHTS, AgentProcess, get, kept, nft, wait_until
from tests.agent.test_seen import value, wait_for_value
from tests.kernel.foreign import UPSTREAM, agent_chain, apply, needs_rulesets, restore
from tests.kernel.policies import make_policy

from wayhome.agent.lock import NodeLock
from wayhome.kernel.nfnetlink import Channel
from wayhome.lab.namespaces import NetworkNamespace

pytestmark = pytest.mark.kernel

CASE = "nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n  - 10.1.0.0/16\n"
METRICS = f"--metrics-bind-address=127.0.0.1:{PORT}"
LEGACY = Path("/proc/thread-self/net/ip_tables_names")


@pytest.fixture(autouse=True)
def xtables_lock(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XTABLES_LOCKFILE", str(tmp_path_factory.mktemp("lock") / "xtables.lock"))


@pytest.fixture
def observing(agent: AgentProcess) -> AgentProcess:
    agent.write(CASE)
    agent.start("--observe", METRICS)
    return agent


def look_again(agent: AgentProcess, text: str) -> None:
    """A change of the configuration has the rules read at once."""
    agent.write(text)
    agent.wait_for("compared")


@needs_rulesets
def test_upstreams_rules_agree_with_its_own_list_and_with_no_other(agent: AgentProcess) -> None:
    restore((UPSTREAM / "reserved-ranges/iptables-save.txt").read_text())
    agent.start("--observe", "--nomasq-all-reserved-ranges", METRICS)
    assert agent.wait_for("agrees")["decided_by"] == "IP-MASQ-AGENT (iptables-nft, IPv4)"
    wait_until(lambda: get("/readyz") == (200, "ok\n"), lambda: "readiness")
    assert value("wayhome_observed_agreement") == 1
    assert value("wayhome_observed_chains") == 1
    assert value("wayhome_foreign_rules_in_conflict", certainty="certain") == 0
    assert value("wayhome_build_info", backend="observe") == 1

    agent.write("nonMasqueradeCIDRs: [10.0.0.0/9, 8.0.0.0/8]\n")
    said = [agent.wait_for("disagrees")["message"] for _ in range(2)]
    assert said[0].startswith("8.0.0.0/8: masqueraded on this node, though")
    assert said[1].startswith("10.128.0.0/9, 100.64.0.0/10, 172.16.0.0/12, ")
    assert said[1].endswith("sees the Pod's own address, though the configuration masquerades")
    assert "ConfigMap ip-masq-agent" in agent.wait_for("cure")["message"]
    wait_for_value(0, "wayhome_observed_agreement")
    assert get("/readyz") == (503, f"{said[0]}\n")
    assert get("/healthz")[0] == 200


def test_a_node_without_any_chain(observing: AgentProcess) -> None:
    said = observing.wait_for("disagrees")
    assert "no chain of an ip-masq-agent is in force on this node" in said["message"]
    assert said["decided_by"] == "nothing"
    wait_for_value(0, "wayhome_observed_agreement")
    assert value("wayhome_observed_chains") == 0
    assert kept() is None  # and none was made


def test_the_same_is_said_once(agent: AgentProcess) -> None:
    agent.write(CASE + "resyncInterval: 1s\n")
    agent.start("--observe", METRICS)
    agent.wait_for("disagrees")
    first = value("wayhome_foreign_rules_read_timestamp_seconds")
    wait_until(
        lambda: (value("wayhome_foreign_rules_read_timestamp_seconds") or 0) > (first or 0) + 1.5,
        lambda: "two more looks",
    )
    assert sum(line["event"] == "disagrees" for line in agent.lines()) == 1
    restore(agent_chain("172.16.0.0/16", "10.1.0.0/16", "169.254.0.0/16"))
    agent.wait_for("agrees")
    restore("*nat\n-I POSTROUTING -d 10.1.2.0/24 -j MASQUERADE\nCOMMIT\n")
    said = agent.wait_for("conflict")["message"]
    assert "10.1.2.0/24" in said
    assert "-A POSTROUTING -d 10.1.2.0/24 -j MASQUERADE" in said
    wait_for_value(1, "wayhome_foreign_rules_in_conflict", certainty="certain")
    assert get("/readyz")[0] == 200  # the agent's own rules are as they shall be
    restore("*nat\n-D POSTROUTING -d 10.1.2.0/24 -j MASQUERADE\nCOMMIT\n")
    agent.wait_for("conflict gone")


@pytest.mark.parametrize("program", ["iptables-nft", "iptables-legacy"])
def test_nothing_on_the_node_is_touched(agent: AgentProcess, program: str) -> None:
    if program == "iptables-nft":
        # An nft table that is none of anybody's business, too.
        nft("add table ip x\nadd chain ip x c { type nat hook postrouting priority 200; }")
    restore(agent_chain("10.0.0.0/8"), program)
    before = subprocess.run([f"{program}-save"], capture_output=True, text=True, check=True).stdout
    channel = Channel()
    generation = channel.generation()
    agent.write("nonMasqueradeCIDRs: [10.0.0.0/8]\nmasqLinkLocal: true\nresyncInterval: 1s\n")
    agent.start("--observe", METRICS)
    assert program in agent.wait_for("agrees")["decided_by"]
    look_again(agent, CASE)
    assert agent.stop() == 0
    assert agent.wait_for("stopped")["message"] == "nothing was written"
    assert channel.generation() == generation
    channel.close()
    names = LEGACY.read_text().split() if LEGACY.exists() else []
    assert ("nat" in names) == (program == "iptables-legacy")
    after = subprocess.run([f"{program}-save"], capture_output=True, text=True, check=True).stdout
    assert _rules(after) == _rules(before)
    assert not agent.state.exists()


def _rules(saved: str) -> list[str]:
    return [line for line in saved.splitlines() if line.startswith("-A")]


def test_beside_an_agent_that_keeps_rules(observing: AgentProcess, netns: NetworkNamespace) -> None:
    observing.wait_for("disagrees")
    apply(make_policy("172.16.0.0/16", "10.1.0.0/16", "169.254.0.0/16"))
    lock = NodeLock()
    assert lock.try_acquire()  # the observing agent does not hold the node
    lock.release()
    observing.write(CASE.replace("10.1.0.0/16", "10.0.0.0/8"))
    assert observing.wait_for("disagrees")["decided_by"] == "inet wayhome"
    observing.write(CASE)
    observing.wait_for("agrees")


def test_without_the_right_to_read_rules_it_says_what_it_can(
    agent: AgentProcess, tmp_path: Path
) -> None:
    wrapper = tmp_path / "without_rights.py"
    wrapper.write_text(WITHOUT_RIGHTS)
    agent.write("nonMasqueradeCIDRs: [10.0.0.1/8]\n")
    agent.start("--observe", METRICS, wrapper=[str(wrapper)])
    assert "10.0.0.0/8" in agent.wait_for("rejected")["message"]
    said = agent.wait_for("kernel")["message"]
    assert "CAP_NET_ADMIN" in said
    assert "No masquerade agent is seen running from here" in said
    assert value("wayhome_configuration_rejected") == 1
    assert value("wayhome_observed_agreement") is None
    assert get("/readyz")[0] == 503
