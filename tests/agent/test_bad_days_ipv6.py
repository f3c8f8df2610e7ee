"""A node of IPv6 alone, a node without it, and one whose iptables has no IPv6."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.agent.agent_process import PORT, AgentProcess, get, kept, wait_for_kept, wait_until

pytestmark = pytest.mark.kernel

BOTH = "nonMasqueradeCIDRs: [10.0.0.0/8, 'fd00::/8']\n"


def has_list6() -> bool:
    done = subprocess.run(
        ["nft", "list", "set", "inet", "wayhome", "keep6"],
        capture_output=True,
        text=True,
        check=False,
    )
    return "fd00::/8" in done.stdout


def test_on_a_node_of_ipv6_alone(agent: AgentProcess) -> None:
    """Not even loopback has an IPv4 address."""
    subprocess.run(["ip", "address", "del", "127.0.0.1/8", "dev", "lo"], check=True)
    agent.write(BOTH)
    agent.start("--enable-ipv6", "--metrics-bind-address=[::1]:9696")
    agent.wait_for("applied")
    assert has_list6()
    assert not [line for line in agent.lines() if line["level"] != "info"]


def test_an_address_for_metrics_that_this_node_lacks_is_named_and_the_rules_hold(
    agent: AgentProcess,
) -> None:
    subprocess.run(["ip", "address", "del", "127.0.0.1/8", "dev", "lo"], check=True)
    agent.write(BOTH)
    agent.start("--enable-ipv6", "--metrics-bind-address=127.0.0.1:9696")
    assert "127.0.0.1:9696 cannot be listened on" in agent.wait_for("metrics")["message"]
    agent.wait_for("applied")
    assert has_list6()


@pytest.mark.parametrize("flag", ["--enable-ipv6", "--enable-ipv6=false"])
def test_with_ipv6_switched_off_in_the_kernel(agent: AgentProcess, flag: str) -> None:
    for name in ("all", "default", "lo"):
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
    agent.write("nonMasqueradeCIDRs: [10.0.0.0/8]\n")
    agent.start(flag, f"--metrics-bind-address=127.0.0.1:{PORT}")
    wait_for_kept("10.0.0.0/8")
    wait_until(lambda: get("/readyz")[0] == 200, lambda: "readiness")
    assert not [line for line in agent.lines() if line["level"] != "info"]


WITHOUT_IPV6 = """#!/bin/sh
echo "$(basename "$0") v1.8.9 (legacy): can't initialize ip6tables table \\`nat': Table does not exist (do you need to insmod?)" >&2
exit 3
"""


def test_where_iptables_has_no_ipv6_the_log_names_it_and_ipv4_holds(
    agent: AgentProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for suffix in ("", "-save", "-restore"):
        (programs / f"ip6tables-nft{suffix}").write_text(WITHOUT_IPV6)
        (programs / f"ip6tables-nft{suffix}").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    agent.write(BOTH)
    agent.start("--enable-ipv6", "--backend=iptables-nft")
    said = agent.wait_for("kernel")["message"]
    assert "ip6tables-nft" in said
    assert "Table does not exist" in said
    done = subprocess.run(
        ["iptables-nft", "-t", "nat", "-S", "IP-MASQ-AGENT"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "10.0.0.0/8" in done.stdout
    assert kept() is None
