"""Which rules the real agent keeps on a node, beside what others left there, and what removes them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.agent.agent_process import (
    CASE,
    CASE_RANGES,
    WITHOUT_RIGHTS,
    AgentProcess,
    kept,
    nft,
    rules,
    saved,
    wait_until,
)

pytestmark = pytest.mark.kernel


def test_node_clean_removes_everything_and_nothing_else(running: AgentProcess) -> None:
    nft("add table ip foreign\n")
    running.stop()
    command = [sys.executable, "-m", "wayhome", "node", "clean"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "is removed" in done.stdout
    left = subprocess.run(
        ["nft", "list", "ruleset"], capture_output=True, text=True, check=True
    ).stdout
    assert left.split() == ["table", "ip", "foreign", "{", "}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "there are no rules of wayhome on this node\n"


@pytest.mark.parametrize("variant", ["iptables-nft", "iptables-legacy"])
def test_node_clean_takes_a_chain_only_where_it_is_named(agent: AgentProcess, variant: str) -> None:
    agent.write(CASE)
    agent.start(f"--backend={variant}", "--enable-ipv6")
    agent.wait_for("applied")
    agent.stop()
    stopped = agent.wait_for("stopped")["message"]
    assert "`wayhome-agent clean --masq-chain=IP-MASQ-AGENT` removes them" in stopped
    command = [sys.executable, "-m", "wayhome", "node", "clean"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"the chain IP-MASQ-AGENT of {variant} stays" in done.stdout
    assert saved(variant)
    named = [*command, "--masq-chain=IP-MASQ-AGENT"]
    done = subprocess.run(named, capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"the chain IP-MASQ-AGENT of {variant} is removed, and every jump to it\n"
    )
    assert saved(variant) == saved(variant.replace("iptables", "ip6tables")) == []
    refused = subprocess.run([*command, "--masq-chain=POSTROUTING"], check=False)
    assert refused.returncode == 2


def test_the_scope_is_said_and_native_mode_has_the_scope_of_pods(agent: AgentProcess) -> None:
    agent.start("--pod-cidrs=172.16.2.0/24", module="wayhome agent")
    assert "what this node's Pods send (172.16.2.0/24)" in agent.wait_for("scope")["message"]
    agent.wait_for("applied")
    assert "172.16.2.0/24" in rules()
    agent.kill()
    agent.start(module="wayhome agent")
    assert "--pod-cidrs would limit it" in agent.wait_for("scope")["message"]
    agent.wait_for("applied")
    assert "172.16.2.0/24" not in rules()


@pytest.mark.parametrize("variant", ["iptables-nft", "iptables-legacy"])
def test_a_node_that_upstreams_agent_kept_stays_with_its_chain(
    agent: AgentProcess, variant: str
) -> None:
    left = "*nat\n:IP-MASQ - [0:0]\n-A POSTROUTING -j IP-MASQ\n-A IP-MASQ -j MASQUERADE\nCOMMIT\n"
    subprocess.run([f"{variant}-restore", "--noflush"], input=left, text=True, check=True)
    agent.write(CASE)
    agent.start("--masq-chain=IP-MASQ")
    assert "holds the chain IP-MASQ" in agent.wait_for("backend")["message"]
    agent.wait_for("applied")
    rules = saved(variant)
    assert [r.split(" -d ")[1] for r in rules if " -d " in r] == [
        f'{prefix} -m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE" -j RETURN'
        for prefix in ("169.254.0.0/16", *CASE_RANGES)
    ]
    assert len([r for r in rules if r.startswith("-A POSTROUTING") and "-j IP-MASQ" in r]) == 1
    assert kept() is None  # no table of ours beside it
    agent.write("nonMasqueradeCIDRs: [10.0.0.0/8]\n")
    wait_until(
        lambda: any("10.0.0.0/8" in rule for rule in saved(variant)), lambda: str(saved(variant))
    )


@pytest.mark.parametrize("variant", ["iptables-nft", "iptables-legacy"])
def test_the_table_that_another_back_end_left_goes_once_the_chain_is_there(
    running: AgentProcess, variant: str
) -> None:
    running.kill()
    running.start(f"--backend={variant}")
    running.wait_for("applied")
    assert kept() is None
    assert any("10.0.0.0/8" in rule for rule in saved(variant))


def test_a_chain_that_decides_before_the_table_is_named(agent: AgentProcess) -> None:
    left = "*nat\n:IP-MASQ-AGENT - [0:0]\n-A POSTROUTING -j IP-MASQ-AGENT\nCOMMIT\n"
    subprocess.run(["iptables-nft-restore", "--noflush"], input=left, text=True, check=True)
    agent.write(CASE)
    agent.start("--pod-cidrs=172.16.2.0/24", module="wayhome agent")
    assert "wayhome node migrate" in agent.wait_for("foreign chain")["message"]
    agent.wait_for("applied")
    assert kept() == set(CASE_RANGES)


def test_the_other_variants_chain_of_the_same_name_is_named(agent: AgentProcess) -> None:
    left = "*nat\n:IP-MASQ-AGENT - [0:0]\n-A POSTROUTING -j IP-MASQ-AGENT\nCOMMIT\n"
    for variant in ("iptables-nft", "iptables-legacy"):
        subprocess.run([f"{variant}-restore", "--noflush"], input=left, text=True, check=True)
    agent.write(CASE)
    agent.start()
    assert agent.wait_for("backend")["message"].startswith("back end iptables-nft")
    said = agent.wait_for("foreign chain")["message"]
    assert "the nat table of iptables-legacy holds the chain IP-MASQ-AGENT too" in said
    assert "wayhome node migrate" in said


def test_beside_a_legacy_table_that_it_may_not_read_it_keeps_its_own(
    agent: AgentProcess, tmp_path: Path
) -> None:
    """As the chart starts it, on a node whose kube-proxy writes iptables-legacy."""
    subprocess.run(["iptables-legacy", "-t", "nat", "-N", "KUBE-POSTROUTING"], check=True)
    wrapper = tmp_path / "net_admin_only.py"
    wrapper.write_text(WITHOUT_RIGHTS.replace("range(64)", "set(range(64)) - {12}"))
    agent.write(CASE)
    agent.start(wrapper=[str(wrapper)])
    assert agent.wait_for("backend")["message"].startswith("back end nftables")
    assert "CAP_NET_RAW" in agent.wait_for("foreign chain")["message"]
    agent.wait_for("applied")
    assert kept() == set(CASE_RANGES)


def test_that_a_chain_asserts_nothing_is_said(agent: AgentProcess) -> None:
    agent.write(CASE)
    agent.start("--backend=iptables-nft", "--preserve=assert")
    assert "--backend=nftables" in agent.wait_for("preserve")["message"]
    agent.wait_for("applied")


def test_damage_to_the_chain_of_iptables_nft_is_repaired_by_its_event(agent: AgentProcess) -> None:
    agent.write(CASE)
    agent.start("--backend=iptables-nft")
    agent.wait_for("applied")
    before = saved("iptables-nft")
    subprocess.run(["iptables-nft", "-t", "nat", "-F", "IP-MASQ-AGENT"], check=True)
    agent.wait_for("repaired")
    assert saved("iptables-nft") == before


def test_nft_is_for_people_and_never_started(
    agent: AgentProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs, started = tmp_path / "programs", tmp_path / "nft-started"
    programs.mkdir()
    (programs / "nft").write_text(f"#!/bin/sh\ntouch {started}\nexit 1\n")
    (programs / "nft").chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        agent.write(CASE)
        agent.start()
    agent.wait_for("applied")
    nft("delete table inet wayhome")
    agent.wait_for("repaired")
    agent.write(CASE + "masqLinkLocal: true\n")
    agent.wait_for("applied")
    assert not started.exists()
