"""What happens at a node: anti-spoofing, filters and what they remember, translation and its undoing, proxies."""

from dataclasses import replace
from typing import Any

import pytest
from tests.trace.case import policy
from tests.trace.small import (
    UNKNOWN_INTERNAL,
    A,
    P,
    S,
    allow,
    attached,
    fabric,
    firewall,
    host,
    link,
    route,
    subnet,
    table,
    tcp,
)

from wayhome.network import (
    Ask,
    DeliverAttached,
    DestinationRule,
    Drop,
    Either,
    Evidence,
    FallThrough,
    Filter,
    FilterAction,
    Flow,
    Keep,
    Listener,
    Masquerade,
    Missing,
    Network,
    NodeKind,
    Port,
    Protocol,
    ProtocolMatch,
    Route,
    RouteTable,
    RoutingRule,
    Target,
    To,
    TranslationAction,
    TranslationChain,
    TranslationRule,
    Verdict,
)
from wayhome.trace import Lost, Trace, trace, trace_reverse

FLOW = tcp("10.0.0.1", "10.0.0.2")
DENY = FilterAction.DENY


def pair(a: Port, b: Port, **of_b: Any) -> Network:
    """Two instances, a and b, on one fabric; b may be anything."""
    nodes = [
        host("a", "10.0.0.1"),
        host("b", "10.0.0.2", **of_b),
        fabric("fabric", [a, b], subnet("10.0.0.0/24")),
    ]
    return Network.of(nodes, [link("a/eth0", "fabric/a"), link("b/eth0", "fabric/b")])


def to_a(**facts: object) -> Port:
    return attached("a", "10.0.0.1/32", **facts)


def to_b(**facts: object) -> Port:
    return attached("b", "10.0.0.2/32", **facts)


def died(answer: Trace) -> tuple[str, str, Lost | None]:
    """The cause, the node, the leg."""
    assert answer.drop is not None
    return answer.drop.cause, (answer.reply or answer.forward)[-1].node, answer.lost


# --- who may send and receive


def test_a_source_that_is_not_the_instance_s_own_is_dropped_where_it_enters() -> None:
    answer = trace(pair(to_a(), to_b()), tcp("10.0.0.9", "10.0.0.2"), "a")
    assert died(answer) == ("FOREIGN_IP_DISALLOWED", "fabric", Lost.FORWARD)
    free = trace(pair(to_a(permitted=None), to_b()), tcp("10.0.0.9", "10.0.0.2"), "a")
    assert died(free) == ("UNKNOWN_INTERNAL_ADDRESS", "fabric", Lost.REPLY)


def test_a_destination_that_is_not_the_instance_s_own_is_dropped_before_it_leaves() -> None:
    port = to_b(permitted=S("10.0.0.3/32"), spoofed="ENI_SOURCE_DEST_CHECK_RESTRICTION")
    answer = trace(pair(to_a(), port), FLOW, "a")
    assert died(answer) == ("ENI_SOURCE_DEST_CHECK_RESTRICTION", "fabric", Lost.FORWARD)


def test_an_instance_that_does_not_forward_drops_what_is_not_its_own() -> None:
    nodes = [
        host("a", "10.0.0.1"),
        host("b", "10.0.0.2"),
        fabric(
            "fabric",
            [to_a(), to_b(permitted=None)],
            route("10.7.0.0/16", "b"),
            subnet("10.0.0.0/24"),
        ),
    ]
    network = Network.of(nodes, [link("a/eth0", "fabric/a"), link("b/eth0", "fabric/b")])
    assert died(trace(network, tcp("10.0.0.1", "10.7.0.1"), "a"))[1:] == ("b", Lost.FORWARD)


def test_what_does_not_run_drops_everything_and_sends_nothing() -> None:
    down = Drop("INSTANCE_NOT_RUNNING", "TERMINATED", Evidence("instances/b"))
    network = pair(to_a(), to_b(), not_running=down)
    assert died(trace(network, FLOW, "a")) == ("INSTANCE_NOT_RUNNING", "b", Lost.FORWARD)
    assert trace(network, FLOW, "a").forward[-1].steps[-1].evidence == Evidence("instances/b")
    assert died(trace(network, tcp("10.0.0.2", "10.0.0.1"), "b"))[1] == "b"


def test_a_node_s_own_addresses_never_leave_it() -> None:
    answer = trace(pair(to_a(), to_b()), tcp("10.0.0.1", "10.0.0.1"), "a")
    assert answer.verdict is Verdict.REACHABLE
    assert [hop.node for hop in (*answer.forward, *answer.reply)] == ["a", "a"]


def test_a_route_in_a_circle_is_a_loop_and_ends() -> None:
    nodes = [
        host("a", "10.0.0.1"),
        fabric("one", [attached("a", "10.0.0.1/32"), Port(name="two")], route("0.0.0.0/0", "two")),
        fabric("two", [Port(name="one")], route("0.0.0.0/0", "one")),
    ]
    network = Network.of(nodes, [link("a/eth0", "one/a"), link("one/two", "two/one")])
    answer = trace(network, FLOW, "a")
    assert died(answer) == ("ROUTING_LOOP", "two", Lost.FORWARD)
    assert [hop.node for hop in answer.forward] == ["a", "one", "two", "one", "two"]


# --- filters


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


# --- translation


def gateway(
    *chains: tuple[TranslationRule, ...], into_gateway: Filter | None = None, **facts: object
) -> Network:
    """An instance `a` behind a gateway to `b`, which knows the gateway's address alone."""
    middle = replace(
        host("gateway", "10.0.0.7", kind=NodeKind.GATEWAY),
        ports=(
            Port(name="out", addresses=(A("10.0.0.7"), A("fd00::7"))),
            Port(name="in", owns=(P("192.168.0.1/32"), P("fd01::1/128"))),
        ),
        tables=table(
            subnet("192.168.0.0/24"),
            subnet("fd01::/64"),
            route("10.0.0.0/8", "out"),
            route("fd00::/64", "out"),
        ),
        forwards=True,
        translation_out=tuple(TranslationChain(str(n), rules) for n, rules in enumerate(chains)),
        **facts,  # type: ignore[arg-type]
    )
    a, b = host("a", "192.168.0.1", "fd01::1"), host("b", "10.0.0.2", "fd00::2")
    six = table(route("0.0.0.0/0", "eth0"), route("::/0", "eth0"))
    outside = fabric(
        "outside",
        [
            attached("gateway", "10.0.0.7/32", "fd00::7/128", filter_out=into_gateway),
            attached("b", "10.0.0.2/32", "fd00::2/128"),
        ],
        subnet("10.0.0.0/24"),
        subnet("fd00::/64"),
    )
    return Network.of(
        [replace(a, tables=six), replace(b, tables=six), middle, outside],
        [
            link("a/eth0", "gateway/in"),
            link("gateway/out", "outside/gateway"),
            link("outside/b", "b/eth0"),
        ],
    )


def rule(action: TranslationAction, **facts: object) -> TranslationRule:
    return TranslationRule(action=action, **facts)  # type: ignore[arg-type]


OUT = tcp("192.168.0.1", "10.0.0.2")
MASQUERADE = rule(Masquerade())


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


def service(*targets: Target, **facts: object) -> Network:
    """10.0.0.100 port 80 is a Service of the instance `a`'s gateway."""
    action = targets or Drop("DROPPED_INSIDE_GKE_SERVICE", "no endpoints")
    translated = DestinationRule(action=action, destinations=S("10.0.0.100/32"), **facts)  # type: ignore[arg-type]
    return gateway((MASQUERADE,), translation_in=(translated,))


def test_a_service_leads_to_its_endpoints_and_the_reply_comes_from_the_service() -> None:
    network = service(Target(A("10.0.0.2"), 8080))
    answer = trace(network, tcp("192.168.0.1", "10.0.0.100"), "a")
    assert answer.verdict is Verdict.REACHABLE
    assert (answer.shown.result.delivered_to, answer.shown.result.packet.destination_port) == (
        "b",
        8080,
    )
    reverse = trace_reverse(network, answer)
    assert reverse is not None
    assert str(reverse.flow.source) == "10.0.0.2"


def test_of_several_endpoints_a_dead_one_makes_it_ambiguous() -> None:
    network = service(Target(A("10.0.0.2")), Target(A("10.0.0.99")))
    answer = trace(network, tcp("192.168.0.1", "10.0.0.100"), "a")
    assert (answer.verdict, str(answer.shown.taken[0])) == (Verdict.AMBIGUOUS, "10.0.0.99")


def test_the_reverse_is_asked_of_every_endpoint() -> None:
    network = service(Target(A("10.0.0.2")), Target(A("192.168.0.1")))
    answer = trace(network, tcp("192.168.0.1", "10.0.0.100"), "a")
    assert {way.result.delivered_to for way in answer.ways} == {"a", "b"}
    reverse = trace_reverse(network, answer)
    assert reverse is not None
    assert {way.result.forward[0].node for way in reverse.ways} == {"a", "b"}


def test_a_service_of_a_thousand_endpoints_is_asked_about_all_of_them() -> None:
    network = service(*(Target(A("10.0.0.2"), 8000 + number) for number in range(1000)))
    answer = trace(network, tcp("192.168.0.1", "10.0.0.100"), "a")
    assert (answer.verdict, len(answer.ways)) == (Verdict.REACHABLE, 1000)


def test_a_service_without_endpoints_drops() -> None:
    answer = trace(service(), tcp("192.168.0.1", "10.0.0.100"), "a")
    assert died(answer) == ("DROPPED_INSIDE_GKE_SERVICE", "gateway", Lost.FORWARD)


def test_a_mark_is_seen_by_rules_of_routing_and_translation() -> None:
    network = service(Target(A("10.0.0.2")), mark=0x4000)
    marked = (rule(Masquerade(), mark=0x4000),)
    chains = (TranslationChain("kube-proxy", marked),)
    special = RoutingRule(table="marked", mark=0x4000)
    nodes = [
        replace(
            n,
            translation_out=chains,
            rules=(special, *n.rules),
            tables={**n.tables, "marked": RouteTable((Route(P("10.0.0.2/32"), Drop("MARKED")),))},
        )
        if n.name == "gateway"
        else n
        for n in network.nodes
    ]
    flow = tcp("192.168.0.1", "10.0.0.100")
    assert died(trace(Network.of(nodes, network.links), flow, "a"))[0] == "MARKED"
    unruled = [replace(n, rules=n.rules[1:]) if n.name == "gateway" else n for n in nodes]
    assert trace(Network.of(unruled, network.links), flow, "a").verdict is Verdict.REACHABLE
    plain = tcp("192.168.0.1", "10.0.0.2")
    assert died(trace(Network.of(unruled, network.links), plain, "a"))[0] == "FOREIGN_IP_DISALLOWED"


VIRTUAL = DestinationRule(action=(Target(A("10.0.0.2")),), destinations=S("10.0.0.100/32"))


def test_what_a_node_translates_for_itself_is_undone_before_its_socket_sees_it() -> None:
    network = pair(to_a(), to_b())
    translating = replace(network.places["a"].node, translation_in=(VIRTUAL,))
    nodes = [translating, *network.nodes[1:]]
    answer = trace(Network.of(nodes, network.links), tcp("10.0.0.1", "10.0.0.100"), "a")
    assert answer.verdict is Verdict.REACHABLE
    assert answer.shown.result.delivered_to == "b"


def test_a_reply_that_passes_by_the_node_that_translated_is_not_expected() -> None:
    """`a` turns to a virtual address, `middle` sends it on to `b`, and `b` answers `a` directly."""
    nodes = [
        host("a", "10.0.0.1"),
        host("b", "10.0.0.2"),
        host("middle", "10.0.0.7", forwards=True, translation_in=(VIRTUAL,)),
        fabric(
            "fabric",
            [to_a(), to_b(), attached("middle", "10.0.0.7/32", permitted=None)],
            subnet("10.0.0.0/24"),
            route("10.0.0.100/32", "middle"),
        ),
    ]
    network = Network.of(nodes, [link(f"{n.name}/eth0", f"fabric/{n.name}") for n in nodes[:3]])
    answer = trace(network, tcp("10.0.0.1", "10.0.0.100"), "a")
    assert died(answer) == ("REPLY_NOT_EXPECTED", "a", Lost.REPLY)
    assert answer.drop is not None
    assert answer.drop.detail == "a gets 10.0.0.2 > 10.0.0.1; a waits for 10.0.0.100 > 10.0.0.1"


def test_a_connection_that_passes_a_node_twice_is_translated_once() -> None:
    """As in a kernel: `edge` sends it to `middle`, which sends it back; only the first passage asks the rules."""
    edge = fabric(
        "edge",
        [
            attached("a", "10.0.0.1/32"),
            attached("b", "10.0.0.2/32"),
            Port(name="middle", ingress_class=frozenset({"middle"})),
        ],
        translation_in=(replace(VIRTUAL, in_ports=frozenset({"middle"})),),
        rules=(
            RoutingRule(table="behind", ingress=frozenset({"middle"})),
            RoutingRule(table="main"),
        ),
        tables={
            "behind": RouteTable((subnet("10.0.0.0/24"),)),
            "main": RouteTable((subnet("10.0.0.0/24"), route("10.0.0.100/32", "middle"))),
        },
    )
    middle = replace(host("middle", "10.0.0.7"), forwards=True)
    network = Network.of(
        [host("a", "10.0.0.1"), host("b", "10.0.0.2"), edge, middle],
        [link(f"{name}/eth0", f"edge/{name}") for name in ("a", "b", "middle")],
    )
    answer = trace(network, tcp("10.0.0.1", "10.0.0.100"), "a")
    assert died(answer) == ("UNKNOWN_INTERNAL_ADDRESS", "edge", Lost.FORWARD)


# --- routing


def test_routes_may_apply_to_some_ingress_classes_only() -> None:
    tagged = Route(
        P("0.0.0.0/0"), Drop("ROUTE_BLACKHOLE"), classes=frozenset({"tag:web", "tag:db"})
    )
    shadowed = Route(P("10.0.0.2/32"), Drop("NEVER"), classes=frozenset({"tag:other"}))
    ordinary = Route(P("0.0.0.0/0"), DeliverAttached(UNKNOWN_INTERNAL), order=1)
    for ingress, verdict in (("tag:web", Verdict.UNREACHABLE), ("tag:none", Verdict.REACHABLE)):
        ports = [to_a(ingress_class=frozenset({ingress, "region:x"})), to_b()]
        nodes = [
            host("a", "10.0.0.1"),
            host("b", "10.0.0.2"),
            fabric("fabric", ports, tagged, shadowed, ordinary),
        ]
        network = Network.of(nodes, [link("a/eth0", "fabric/a"), link("b/eth0", "fabric/b")])
        assert trace(network, FLOW, "a").verdict is verdict


# --- proxies


def test_a_proxy_needs_both_flows_to_come_home() -> None:
    upstream = Listener(
        protocol=Protocol.TCP,
        port=80,
        upstreams=(Target(A("10.0.0.1"), 9000),),
        evidence=Evidence("nginx"),
    )
    network = pair(to_a(), to_b(), listeners=(upstream,))
    answer = trace(network, FLOW, "a")
    assert answer.verdict is Verdict.REACHABLE
    step = answer.forward[2].steps[-1]
    assert (step.kind, step.evidence) == ("PROXY_CONNECTION", Evidence("nginx"))
    refused = pair(to_a(filter_out=firewall(allow(action=DENY))), to_b(), listeners=(upstream,))
    assert died(trace(refused, FLOW, "a")) == ("FIREWALL_RULE", "fabric", Lost.FORWARD)
    assert (
        trace(network, tcp("10.0.0.1", "10.0.0.2", 81), "a").shown.result.packet.destination_port
        == 81
    )


def test_a_proxy_that_connects_to_itself_is_a_loop() -> None:
    itself = Listener(protocol=Protocol.TCP, port=80, upstreams=(Target(A("10.0.0.2")),))
    answer = trace(pair(to_a(), to_b(), listeners=(itself,)), FLOW, "a")
    assert died(answer) == ("ROUTING_LOOP", "b", Lost.FORWARD)


@pytest.mark.parametrize(
    ("protocol", "end"),
    [
        (Protocol.TCP, ("NO_ROUTE", "fabric", Lost.REPLY)),
        (Protocol.UDP, ("NO_ROUTE", "b", Lost.FORWARD)),
    ],
)
def test_a_proxy_answers_tcp_before_it_asks_and_udp_after(
    protocol: Protocol, end: tuple[str, str, Lost]
) -> None:
    """Neither the proxy's second flow nor any reply has a way. Seen in a kernel: the SYN-ACK is the first to be lost."""
    nowhere = Listener(protocol=protocol, port=80, upstreams=(Target(A("10.0.0.77")),))
    proxy = host("b", "10.0.0.2", listeners=(nowhere,))
    home = route("10.0.0.1/32", "eth0")
    proxy = replace(proxy, tables={"main": RouteTable((home,))})
    one_way = fabric("fabric", [to_a(), to_b()], route("10.0.0.2/32", "b"))
    network = Network.of(
        [host("a", "10.0.0.1"), proxy, one_way],
        [link("a/eth0", "fabric/a"), link("b/eth0", "fabric/b")],
    )
    assert died(trace(network, replace(FLOW, protocol=protocol), "a")) == end


@pytest.mark.parametrize(
    ("protocol", "translated"),
    [(Protocol.TCP, False), (Protocol.ICMP, False), (Protocol.UDP, True)],
)
def test_a_reply_that_says_so_is_no_new_flow_to_a_node_that_never_saw_the_flow(
    protocol: Protocol,
    translated: bool,
) -> None:
    """The way back leads through a node that masquerades, and the way out does not."""
    masquerades = TranslationRule(action=To(A("10.9.9.9")))
    back = fabric(
        "back", [Port(name="b"), Port(name="a")], route("10.0.0.1/32", "a"),
        translation_out=(TranslationChain("nat", (masquerades,)),),
    )  # fmt: skip
    a, b = host("a", "10.0.0.1"), host("b", "10.0.0.2")
    a = replace(a, ports=(*a.ports, Port(name="eth1")))
    b = replace(
        b,
        ports=(*b.ports, Port(name="eth1")),
        tables={"main": RouteTable((route("10.0.0.1/32", "eth1"),))},
    )
    out = fabric("out", [Port(name="a"), Port(name="b")], route("10.0.0.2/32", "b"))
    links = ("a/eth0 out/a", "b/eth0 out/b", "b/eth1 back/b", "a/eth1 back/a")
    network = Network.of([a, b, out, back], [link(*ends.split()) for ends in links])
    port = None if protocol is Protocol.ICMP else 80
    answer = trace(network, Flow(A("10.0.0.1"), A("10.0.0.2"), protocol, port), "a")
    steps = [step.detail for hop in answer.reply for step in hop.steps if step.kind == "NAT"]
    came_from_elsewhere = answer.verdict is Verdict.UNREACHABLE
    assert (bool(steps), came_from_elsewhere) == (translated, translated)


# --- the reverse question


def test_the_reverse_is_asked_of_every_owner() -> None:
    """The flow dies on its way; two nodes have the destination's address, and only one of them has a way."""
    cut_off = replace(host("c", "10.0.0.2"), tables={"main": RouteTable(())})
    base = pair(to_a(), to_b(filter_out=firewall(allow(action=DENY))))
    third = fabric("third", [attached("c", "10.0.0.2/32")])
    network = Network.of([*base.nodes, cut_off, third], [*base.links, link("c/eth0", "third/c")])
    answer = trace(network, FLOW, "a")
    assert died(answer)[0] == "FIREWALL_RULE"
    reverse = trace_reverse(network, answer)
    assert reverse is not None
    assert reverse.verdict is Verdict.AMBIGUOUS
    nobody = trace(network, tcp("10.0.0.1", "10.0.0.77"), "a")
    assert trace_reverse(network, nobody) is None


def test_assumptions_of_the_nodes_that_were_met_stand_in_the_trace() -> None:
    network = pair(to_a(), to_b(), assumptions=("the guest listens on port 80",))
    assert trace(network, FLOW, "a").assumptions == ("the guest listens on port 80",)
    assert trace(network, tcp("10.0.0.1", "10.0.0.9"), "a").assumptions == ()


def test_a_node_that_is_not_there() -> None:
    with pytest.raises(KeyError, match="nowhere"):
        trace(pair(to_a(), to_b()), FLOW, "nowhere")
