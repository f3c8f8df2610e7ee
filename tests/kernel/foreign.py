"""What others put into a node's nat tables, for tests of what is said about it and done with it."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.kernel.policies import make_policy

from wayhome.cli.main import wayhome
from wayhome.kernel import Applier, Masquerade, NftablesKernel, ruleset_of
from wayhome.policy import Policy

RULESETS = Path(__file__).parents[2] / "../shared/data/rulesets"
UPSTREAM = RULESETS / "upstream-agent-2.12"
KUBE_PROXY = RULESETS / "kube-proxy-1.36"
needs_rulesets = pytest.mark.skipif(not RULESETS.is_dir(), reason=f"{RULESETS} is not there")

QUOTED = r"\"ip-masq-agent: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom {} chain\""
PLAIN = "ip-masq-agent: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom {} chain"
BOOTSTRAP = "ip-masq: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom {} chain"


def wayhome_node(*arguments: str) -> Result:
    """Run the command in this process, and so in this thread's network."""
    result = CliRunner().invoke(wayhome, ["node", *arguments], catch_exceptions=False)
    assert "Traceback" not in result.output
    return result


def apply(policy: Policy | None = None, masquerade: Masquerade | None = None) -> None:
    """Put our table in place, as the agent does."""
    with NftablesKernel() as kernel:
        Applier(kernel).apply(ruleset_of(policy or make_policy("10.0.0.0/8"), masquerade))


def restore(text: str, program: str = "iptables-nft") -> None:
    """Load rules as another agent on the node does."""
    command = [f"{program}-restore", "-w", "5", "--noflush"]
    subprocess.run(command, input=text, text=True, check=True, timeout=30)


def saved(program: str = "iptables-nft") -> str:
    """All rules and chains of the nat table."""
    command = [f"{program}-save", "-t", "nat"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    return "\n".join(line for line in done.stdout.splitlines() if line[:2] in ("-A", ":I", ":K"))


def kube_proxy_iptables() -> str:
    """kube-proxy's nat table, without its accounting objects, which the kernel would have to be given first."""
    text = (KUBE_PROXY / "iptables-save.txt").read_text()
    return re.sub(r"-m nfacct --nfacct-name +\S+", "", text[text.index("*nat") :])


def agent_chain(
    *returns: str, name: str = "IP-MASQ-AGENT", jumps: Sequence[str] = (PLAIN,), rest: Sequence[str] = ()
) -> str:  # fmt: skip
    """An agent's chain, as text for iptables-restore, with one jump for each spelling."""
    lines = ["*nat", f":{name} - [0:0]"]
    lines += [
        f'-A POSTROUTING -m comment --comment "{jump.format(name)}" -m addrtype ! --dst-type LOCAL -j {name}'
        for jump in jumps
    ]
    lines += [f'-A {name} -d {cidr} -m comment --comment "ip-masq-agent: local traffic" -j RETURN' for cidr in returns]  # fmt: skip
    lines += [*(f"-A {name} {rule}" for rule in rest)]
    lines += [f'-A {name} -m comment --comment "ip-masq-agent: outbound" -j MASQUERADE --random-fully', "COMMIT"]  # fmt: skip
    return "\n".join(lines) + "\n"
