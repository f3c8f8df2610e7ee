from collections.abc import Callable
from ipaddress import ip_network

import pytest
from tests.lab.small import small_topology

from wayhome.lab import rules
from wayhome.lab.the_case.network import NODE_02, topology
from wayhome.lab.topology import (
    NO_ROUTE,
    DropRoute,
    End,
    Filter,
    FilterRule,
    Node,
    Port,
    Route,
    Topology,
    TopologyError,
)

EVERYTHING = ip_network("0.0.0.0/0")


def two(left: Node, right: Node) -> Topology:
    return Topology((left, right), ((End("a", "eth0"), End("b", "eth0")),))


def node(name: str, *ports: str, **more: object) -> Node:
    return Node(name=name, ports=tuple(Port(name=p) for p in ports), **more)  # type: ignore[arg-type]


A, B = node("a", "eth0"), node("b", "eth0")

WRONG: dict[str, tuple[str, Callable[[], object]]] = {
    "a name twice": ("2 times: node a", lambda: two(A, A)),
    "a port twice": ("2 times: port of a: eth0", lambda: two(node("a", "eth0", "eth0"), B)),
    "a port without a link": ("port eth1 of a has no link", lambda: two(node("a", "eth0", "eth1"), B)),
    "a link without a port": ("port eth0 of b does not exist", lambda: two(A, node("b"))),
    "a port with two links": (
        "2 times: link at",
        lambda: Topology((A, B), ((End("a", "eth0"), End("b", "eth0")),) * 2),
    ),
    "a name that no interface can have": ("cannot be the name", lambda: two(node("a", "x" * 16), B)),
    "a name with a quote": ("cannot be the name", lambda: two(node("a", 'a"b'), B)),
    "loopback": ("cannot be the name", lambda: two(node("a", "lo"), B)),
    "a cause that nft would read": (
        "cannot be a cause",
        lambda: two(node("a", "eth0", routes=(DropRoute(destination=EVERYTHING, cause='x" accept'),)), B),
    ),
    "a route by no port": (
        "leaves by eth9: no such port",
        lambda: two(node("a", "eth0", routes=(Route(destination=EVERYTHING, port="eth9"),)), B),
    ),
    "an unknown protocol": ("not 'sctp'", lambda: FilterRule(protocol="sctp")),
    "ports of ICMP": ("belong to tcp or udp", lambda: FilterRule(protocol="icmp", ports=(1,))),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_no_network_can_be_built_from_is_refused(wrong: str) -> None:
    message, make = WRONG[wrong]
    with pytest.raises(TopologyError, match=message):
        make()


def test_a_node_that_drops_nothing_has_no_rules() -> None:
    assert rules.render(small_topology().by_name["client"]) == ""


def test_a_node_that_forwards_drops_what_no_route_covers() -> None:
    drops = rules.drop_routes(small_topology().by_name["fabric"])
    assert [(str(d.destination), d.cause) for d in drops] == [
        ("0.0.0.0/0", NO_ROUTE),
        ("::/0", NO_ROUTE),
    ]
    # A default route leaves nothing uncovered.
    assert EVERYTHING not in [d.destination for d in rules.drop_routes(topology().by_name[NODE_02])]


def test_every_command_is_one_line_and_every_drop_is_counted_and_logged() -> None:
    port_filter = Filter(rules=(FilterRule(protocol="tcp", ports=(80,)),))
    text = rules.render(small_topology(to_server=port_filter, sources=()).by_name["fabric"])
    assert all(line.startswith("add ") for line in text.splitlines())
    drops = [line for line in text.splitlines() if " drop " in line]
    assert len(drops) == 5  # two families of foreign sources, two of no route, one firewall
    assert all(" counter log group 1 prefix " in line for line in drops)
    silent = rules.render(small_topology(to_server=port_filter).by_name["fabric"], log=False)
    assert " log " not in silent
    assert silent.count(" counter drop ") == 3
