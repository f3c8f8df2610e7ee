"""What is read out of a node's exported rules is what the kernel decides by: real rulesets, as real programs print them."""

import random
import subprocess

import pytest
from tests.kernel.foreign import PLAIN, UPSTREAM, agent_chain, apply, needs_rulesets, restore
from tests.kernel.policies import make_policy

from wayhome.clouds.located import Located
from wayhome.clouds.node.rules import translation_of
from wayhome.clouds.node_state import NodeOutput, NodeState
from wayhome.kernel import Masquerade, Preserve
from wayhome.network import (
    Address,
    Evidence,
    Keep,
    PrefixSet,
    TranslationChain,
    TranslationRule,
)
from wayhome.policy import Action, Packet
from wayhome.prefixes import Family

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("netns")]
POD = Address.parse("10.244.1.7")
COMMANDS = {
    NodeOutput.NFT: ("nft", "-j", "list", "ruleset"),
    NodeOutput.IPTABLES_NFT: ("iptables-nft-save",),
}


def exported() -> NodeState:
    outputs = {}
    for output, command in COMMANDS.items():
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        outputs[output] = Located(done.stdout, Evidence("node", str(output)))
    return NodeState("node", outputs)


def first(chain: TranslationChain, destination: Address) -> TranslationRule | None:
    """The first rule about a destination, but for the last one, which says that there is none."""
    return next(
        (r for r in chain.rules if r.destinations is not None and destination in r.destinations),
        None,
    )


@pytest.mark.parametrize("preserve", [Preserve.REPORT, Preserve.ASSERT])
def test_our_own_table_is_the_policy(preserve: Preserve) -> None:
    policy = make_policy("10.0.0.0/8", "172.16.0.0/12", "10.2.7.0/24", masquerade=["10.2.0.0/16"])
    apply(policy, Masquerade(preserve=preserve))
    chain = translation_of(exported(), [POD], ["eth0"])
    assert chain is not None
    seed = random.Random(7)
    near = [Address(Family.IPV4, (10 << 24) + seed.getrandbits(19)) for _ in range(200)]
    far = [Address(Family.IPV4, seed.getrandbits(32)) for _ in range(200)]
    for destination in (*near, *far):
        rule = first(chain, destination)
        masquerades = rule is not None and not isinstance(rule.action, Keep)
        decided = policy.decide(Packet(Family.IPV4, destination.value)).action
        assert masquerades is (decided is Action.MASQUERADE), destination
        if preserve is Preserve.ASSERT and not masquerades and str(destination)[:3] == "10.":
            assert rule is not None


def test_upstreams_chain_beside_ours_is_one_list_in_the_kernels_order() -> None:
    apply(make_policy("10.0.0.0/8"))
    restore(agent_chain("192.168.0.0/16", jumps=(PLAIN,)))
    chain = translation_of(exported(), [POD], ["eth0"])
    assert chain is not None
    # iptables' chain comes first, at srcnat, and knows 192.168.0.0/16 alone
    assert first(chain, Address.parse("10.9.9.9")) is not None
    kept = first(chain, Address.parse("192.168.1.1"))
    assert kept is not None  # by ours, which keeps 10.0.0.0/8
    assert {rule.step for rule in chain.rules[:-1]} == {"GKE_POD_IP_MASQUERADING"}


@needs_rulesets
def test_what_upstream_writes_is_read_as_upstream_means_it() -> None:
    text = (UPSTREAM / "the-case" / "iptables-save.txt").read_text()
    restore(text[text.index("*nat") :])
    chain = translation_of(exported(), [POD], ["eth0"])
    assert chain is not None
    assert first(chain, Address.parse("10.2.0.1")) is not None
    assert first(chain, Address.parse("172.16.9.9")) is None


def test_a_rule_about_an_interface_is_settled_by_the_nodes_own() -> None:
    restore(
        "*nat\n-A POSTROUTING ! -o docker0 -j MASQUERADE\n-A POSTROUTING -o docker0 -j MASQUERADE\nCOMMIT\n"
    )
    chain = translation_of(exported(), [POD], ["eth0"])
    assert chain is not None
    certain, nothing = chain.rules
    assert certain.sources == PrefixSet((POD.prefix,))
    assert nothing.destinations is None
