"""The agent on a node on which Cilium runs, as a process: what its command line and the node's interfaces make of it."""

import subprocess

import pyroute2
import pytest
from tests.agent.agent_process import AgentProcess

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(
    "arguments, level, random",
    [
        ((), "info", False),
        (("--random-fully",), "warning", True),
        (("--random-fully=false",), None, False),
        (("--backend=iptables-nft",), "info", False),
    ],
)
def test_source_ports(
    agent: AgentProcess, arguments: tuple[str, ...], level: str | None, random: bool
) -> None:
    with pyroute2.IPRoute() as ip:
        ip.link("add", ifname="cilium_net", kind="veth", peer={"ifname": "cilium_host"})
    agent.start(*arguments)
    agent.wait_for("applied")
    said = [line["level"] for line in agent.lines() if line["event"] == "random ports"]
    assert said == ([level] if level else [])
    program = ["iptables-nft-save", "-t", "nat"] if "--backend=iptables-nft" in arguments else ["nft", "list", "ruleset"]  # fmt: skip
    rules = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    assert "masquerade" in rules.lower()
    assert ("random" in rules) == random
