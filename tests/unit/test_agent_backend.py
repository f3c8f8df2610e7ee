"""Which back end an agent with a scope gets."""

import pytest

from wayhome.agent.arguments import parse_arguments
from wayhome.agent.backend import _choice
from wayhome.kernel import BackendName, Facts, KernelError

PODS = parse_arguments(["--pod-cidrs=10.4.0.0/24"], native=True)
BOTH = ("iptables-nft", "iptables-legacy")


def test_the_scope_of_pods_takes_nftables_beside_a_chain_too() -> None:
    facts = Facts((6, 1), None, BOTH, with_chain=("iptables-nft",))
    assert _choice(PODS, facts, "IP-MASQ-AGENT").name is BackendName.NFTABLES


def test_without_nf_tables_the_scope_of_pods_is_refused_and_not_tried_for_ever() -> None:
    with pytest.raises(
        KernelError, match=r"the scope of Pods takes the nftables back end: .*nf_tables"
    ):
        _choice(PODS, Facts((6, 1), "Protocol not supported", BOTH), "IP-MASQ-AGENT")
