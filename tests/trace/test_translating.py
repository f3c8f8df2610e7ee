"""Translation of sources on the way out of a node."""

from dataclasses import replace

import pytest
from tests.trace.case import policy
from tests.trace.gateway import MASQUERADE, OUT, gateway, rule
from tests.trace.small import (
    A,
    S,
    tcp,
)

from wayhome.network import (
    Ask,
    Either,
    Evidence,
    FallThrough,
    Flow,
    Keep,
    Masquerade,
    Missing,
    Network,
    To,
    TranslationRule,
    Verdict,
)
from wayhome.trace import trace


def seen(network: Network, flow: Flow = OUT) -> str:
    """The source that b sees, or the cause of the loss."""
    answer = trace(network, flow, "a")
    return str(answer.shown.result.packet.source) if answer.drop is None else answer.drop.cause


def test_masquerading_is_undone_for_the_reply() -> None:
    answer = trace(gateway((MASQUERADE,)), OUT, "a")
    assert answer.verdict is Verdict.REACHABLE
    undone = [s.detail for hop in answer.reply for s in hop.steps if s.kind == "NAT"]
    assert undone == ["undone: 10.0.0.2 > 10.0.0.7 becomes 10.0.0.2 > 192.168.0.1"]


def test_without_it_the_source_is_foreign_to_the_fabric() -> None:
    assert seen(gateway()) == "FOREIGN_IP_DISALLOWED"


def test_it_takes_the_address_of_the_flow_s_family() -> None:
    assert seen(gateway((MASQUERADE,)), tcp("fd01::1", "fd00::2")) == "fd00::7"


@pytest.mark.parametrize(
    ("chains", "expected"),
    [
        ([(rule(Keep()), MASQUERADE)], "FOREIGN_IP_DISALLOWED"),
        ([(rule(Keep()),), (MASQUERADE,)], "FOREIGN_IP_DISALLOWED"),
        ([(rule(FallThrough()), MASQUERADE)], "FOREIGN_IP_DISALLOWED"),
        ([(rule(FallThrough()),), (MASQUERADE,)], "10.0.0.7"),
        ([(), (MASQUERADE,)], "10.0.0.7"),
        ([(rule(To(A("10.0.0.7"))),)], "10.0.0.7"),
        ([(rule(To(A("10.0.0.8"))),)], "FOREIGN_IP_DISALLOWED"),
        ([(rule(Masquerade(), sources=S("192.168.0.2/32")),)], "FOREIGN_IP_DISALLOWED"),
        ([(rule(Masquerade(), destinations=S("10.0.0.0/24")),)], "10.0.0.7"),
        ([(rule(Masquerade(), out_ports=frozenset({"in"})),)], "FOREIGN_IP_DISALLOWED"),
        ([(rule(Masquerade(), out_ports=frozenset({"out"})),)], "10.0.0.7"),
        ([(rule(Masquerade(), locally_sent=True),)], "FOREIGN_IP_DISALLOWED"),
        ([(rule(Masquerade(), mark=1),)], "FOREIGN_IP_DISALLOWED"),
        ([(rule(Masquerade(), protocols=()),)], "FOREIGN_IP_DISALLOWED"),
        ([(rule(Ask(policy("nonMasqueradeCIDRs: [10.0.0.0/8]"))),), (MASQUERADE,)], "10.0.0.7"),
        (
            [(rule(Ask(policy("nonMasqueradeCIDRs: [10.0.0.0/8]"), Keep())),), (MASQUERADE,)],
            "FOREIGN_IP_DISALLOWED",
        ),
        ([(rule(Ask(policy("nonMasqueradeCIDRs: [10.9.0.0/16]"))),)], "10.0.0.7"),
    ],
)
def test_the_first_rule_of_a_chain_and_the_chains_in_turn(
    chains: list[tuple[TranslationRule, ...]], expected: str
) -> None:
    assert seen(gateway(*chains)) == expected


def test_a_rule_may_say_why_it_does_not_translate() -> None:
    evidence = Evidence("clusters/c", "clusters.json", "/0/networkConfig/defaultSnatStatus")
    fall = rule(FallThrough(), reason="DEFAULT_SNAT_DISABLED", evidence=evidence)
    answer = trace(gateway((fall,)), OUT, "a")
    steps = [step for step in answer.forward[1].steps if step.kind.startswith("SKIP")]
    assert [(step.detail, step.evidence) for step in steps] == [("DEFAULT_SNAT_DISABLED", evidence)]


def test_an_unknown_configuration_is_undetermined_only_where_it_decides() -> None:
    fact = Missing("the ConfigMap of the agent", "kubectl get configmap ip-masq-agent")
    either = (rule(Either((FallThrough(), Masquerade()), fact)),)
    answer = trace(gateway(either), OUT, "a")
    assert (answer.verdict, answer.missing) == (Verdict.UNDETERMINED, (fact,))
    same = (rule(Either((To(A("10.0.0.7")), Masquerade()), fact)),)
    assert trace(gateway(same), OUT, "a").verdict is Verdict.REACHABLE


def test_a_port_without_an_address_of_the_family_cannot_masquerade() -> None:
    network = gateway((MASQUERADE,))
    nodes = [
        replace(n, ports=(replace(n.ports[0], addresses=(A("10.0.0.7"),)), n.ports[1]))
        if n.name == "gateway"
        else n
        for n in network.nodes
    ]
    network = Network.of(nodes, network.links)
    assert seen(network, tcp("fd01::1", "fd00::2")) == "NO_ADDRESS_TO_MASQUERADE_WITH"
