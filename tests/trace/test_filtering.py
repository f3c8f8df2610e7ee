"""Filters, and what they remember."""

from dataclasses import replace

import pytest
from tests.trace.gateway import MASQUERADE, OUT, gateway
from tests.trace.pair import FLOW, died, pair, to_a, to_b
from tests.trace.small import (
    A,
    allow,
    attached,
    fabric,
    firewall,
    host,
    link,
    route,
    subnet,
    table,
)

from wayhome.network import (
    Evidence,
    Filter,
    FilterAction,
    Flow,
    Network,
    Port,
    Protocol,
    ProtocolMatch,
    Verdict,
)
from wayhome.trace import Lost, trace, trace_reverse

DENY = FilterAction.DENY


def test_a_stateful_filter_lets_the_reply_pass_and_not_the_reverse() -> None:
    only_out = firewall(allow(action=DENY))
    network = pair(to_a(filter_out=only_out), to_b())
    answer = trace(network, FLOW, "a")
    assert answer.verdict is Verdict.REACHABLE
    tracked = [s.detail for hop in answer.reply for s in hop.steps if "TRACKING_STATE" in s.detail]
    assert len(tracked) == 1
    reverse = trace_reverse(network, answer)
    assert reverse is not None
    assert died(reverse) == ("FIREWALL_RULE", "fabric", Lost.FORWARD)


@pytest.mark.parametrize(
    ("ports", "verdict"),
    [
        ((80, 80), Verdict.UNREACHABLE),
        ((1024, 65535), Verdict.REACHABLE),
        ((32768, 60999), Verdict.REACHABLE),
        ((32768, 60998), Verdict.AMBIGUOUS),
        ((50000, 65535), Verdict.AMBIGUOUS),
    ],
)
def test_the_reply_goes_to_a_port_that_the_system_chose(
    ports: tuple[int, int], verdict: Verdict
) -> None:
    """A stateless filter, such as a network ACL, has to allow all that may be chosen."""
    some = replace(allow(), protocols=(ProtocolMatch(Protocol.TCP, (ports,)),))
    only = firewall(some, stateful=False, cause="SUBNET_ACL_RESTRICTION")
    network = pair(to_a(filter_out=only), to_b())
    assert trace(network, FLOW, "a").verdict is verdict
    asked = Flow(A("10.0.0.1"), A("10.0.0.2"), Protocol.TCP, 80, 50000)
    expected = Verdict.REACHABLE if ports[0] <= 50000 <= ports[1] else Verdict.UNREACHABLE
    assert trace(network, asked, "a").verdict is expected


def test_a_translated_port_may_be_outside_of_the_system_s_range() -> None:
    some = replace(allow(), protocols=(ProtocolMatch(Protocol.TCP, ((32768, 60999),)),))
    network = gateway((MASQUERADE,), into_gateway=firewall(some, stateful=False))
    assert trace(network, OUT, "a").verdict is Verdict.AMBIGUOUS
    some = replace(allow(), protocols=(ProtocolMatch(Protocol.TCP, ((1024, 65535),)),))
    network = gateway((MASQUERADE,), into_gateway=firewall(some, stateful=False))
    assert trace(network, OUT, "a").verdict is Verdict.REACHABLE


@pytest.mark.parametrize("protocols", [None, (ProtocolMatch(Protocol.ICMP),), (ProtocolMatch(),)])
def test_a_translated_echo_meets_the_rules_as_any_other(
    protocols: tuple[ProtocolMatch, ...] | None,
) -> None:
    """A filter without a memory is asked about the reply, whose identifier the translating node chose."""
    some = firewall(replace(allow(), protocols=protocols), stateful=False)
    network = gateway((MASQUERADE,), into_gateway=some)
    echo = Flow(OUT.source, OUT.destination, Protocol.ICMP)
    assert trace(network, echo, "a").verdict is Verdict.REACHABLE


def test_the_state_is_the_port_s_own() -> None:
    """The reply comes in by another port of the node than the one that the flow left by: nobody remembers it."""
    strict = firewall(allow("10.0.0.1/32"))
    middle = fabric(
        "middle",
        [
            attached("a", "10.0.0.1/32"),
            Port(name="out", filter_in=strict),
            Port(name="back", filter_in=strict),
        ],
        subnet("10.0.0.1/32"),
        route("10.0.0.2/32", "out"),
    )
    end = fabric(
        "end",
        [Port(name="in"), Port(name="back"), attached("b", "10.0.0.2/32")],
        subnet("10.0.0.2/32"),
        route("10.0.0.1/32", "back"),
    )
    links = [
        link("a/eth0", "middle/a"),
        link("middle/out", "end/in"),
        link("middle/back", "end/back"),
        link("end/b", "b/eth0"),
    ]
    nodes = [host("a", "10.0.0.1"), host("b", "10.0.0.2"), middle, end]
    answer = trace(Network.of(nodes, links), FLOW, "a")
    assert died(answer) == ("FIREWALL_RULE", "middle", Lost.REPLY)
    straight = replace(end, tables=table(subnet("10.0.0.2/32"), route("10.0.0.1/32", "in")))
    answer = trace(Network.of([*nodes[:3], straight], links), FLOW, "a")
    assert answer.verdict is Verdict.REACHABLE


def test_a_default_names_the_implied_rule() -> None:
    implied = Evidence("implied deny ingress")
    filter_ = Filter(stages=(), default=DENY, default_evidence=implied, cause="GKE_NETWORK_POLICY")
    answer = trace(pair(to_a(), to_b(filter_out=filter_)), FLOW, "a")
    assert died(answer)[0] == "GKE_NETWORK_POLICY"
    assert answer.forward[-1].steps[-1].evidence == implied
