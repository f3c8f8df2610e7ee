"""Networks that are odd in every way that the model can say, and ones that are odd in a kernel."""

import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.lab.compiled.asking import found
from tests.trace.networks import Asked as Question
from tests.trace.networks import questions
from tests.trace.small import A, P, attached, fabric, firewall, host, link, route, subnet, tcp

from wayhome.lab.agreement import compare
from wayhome.lab.check import check
from wayhome.lab.compiled import Asked, LabNetwork, Seen
from wayhome.lab.compiled.built import NodeLog
from wayhome.network import (
    DeliverAttached,
    Drop,
    End,
    Flow,
    Link,
    Network,
    Port,
    Protocol,
    Route,
    RouteTable,
)
from wayhome.trace import Lost, trace

pytestmark = pytest.mark.kernel


@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
@given(questions())
def test_random_networks_in_neutral_form(asked: Question) -> None:
    checked = check(asked.network, [Asked(asked.flow, asked.at)], LabNetwork)
    assert [str(one) for one in checked.disagreements] == []


NAMES = ["a node with spaces", "n" * 100, 'quoted " \\ $(reboot) ; } \x1b[31m', "ü/ports/eth0"]


def test_names_that_no_kernel_would_take() -> None:
    ports = [attached(f"to {name}", f"10.0.0.{at}/32") for at, name in enumerate(NAMES, 1)]
    middle = fabric("the fabric", ports, subnet("10.0.0.0/24"))
    hosts = [host(name, f"10.0.0.{at}") for at, name in enumerate(NAMES, 1)]
    links = [Link(End(name, "eth0"), End("the fabric", f"to {name}")) for name in NAMES]
    network = Network.of([middle, *hosts], links)
    asked = [
        Asked(tcp("10.0.0.1", f"10.0.0.{at}"), NAMES[0]) for at in range(1, len(NAMES) + 1)
    ] + [Asked(tcp("10.0.0.1", "10.0.0.77"), NAMES[0])]
    with LabNetwork(network) as lab:
        *home, lost = lab.ask(asked)
    assert [one.delivered_to for one in home] == NAMES
    assert found(lost) == (False, Lost.FORWARD, "the fabric", "UNKNOWN_INTERNAL_ADDRESS")


def test_two_nodes_with_one_address_are_two_namespaces() -> None:
    """The answer goes to the one that the fabric knows; the other one waits in vain."""
    fabric_ = fabric(
        "fabric",
        [attached("a", "10.0.0.1/32"), Port(name="twin"), attached("b", "10.0.0.2/32")],
        subnet("10.0.0.0/24"),
    )
    nodes = [host("a", "10.0.0.1"), host("twin", "10.0.0.1"), host("b", "10.0.0.2"), fabric_]
    links = [link(f"{name}/eth0", f"fabric/{name}") for name in ("a", "twin", "b")]
    flow = tcp("10.0.0.1", "10.0.0.2")
    with LabNetwork(Network.of(nodes, links)) as lab:
        one, other = lab.ask([Asked(flow, "a"), Asked(flow, "twin")])
    assert one.reached
    assert found(other) == (False, Lost.REPLY, "a", "REPLY_NOT_EXPECTED")


class ReadLate:
    """The log of a node that the loop reads after all others: it reads its files in no order of time."""

    def __init__(self, log: NodeLog, ready: int) -> None:
        self.node, self.read = log.node, log.read
        self.fileno = lambda: ready


@pytest.mark.parametrize("late", ["a", "b", "fabric"])
def test_who_refuses_somebody_elses_reply_says_nothing_of_the_way_there(late: str) -> None:
    """The reset of the wrong host carries the flow's number, goes where the flow's first packet went, and dies."""
    mute = attached("a", "10.0.0.1/32", filter_in=firewall(stateful=False))
    fabric_ = fabric(
        "fabric", [mute, Port(name="twin"), attached("b", "10.0.0.2/32")], subnet("10.0.0.0/24")
    )
    nodes = [host("a", "10.0.0.1"), host("twin", "10.0.0.1"), host("b", "10.0.0.2"), fabric_]
    links = [link(f"{name}/eth0", f"fabric/{name}") for name in ("a", "twin", "b")]
    ready = os.eventfd(0)
    with LabNetwork(Network.of(nodes, links)) as lab:
        logs = lab.built.logs
        logs[:] = [ReadLate(one, ready) if one.node == late else one for one in logs]  # type: ignore[misc]
        lab._runner.get_loop().call_later(0.1, os.eventfd_write, ready, 1)
        (seen,) = lab.ask([Asked(tcp("10.0.0.1", "10.0.0.2"), "twin")])
    os.close(ready)
    assert seen == Seen(False, Lost.REPLY, "a", "REPLY_NOT_EXPECTED", A("10.0.0.1"), "b")


def test_a_port_lets_in_no_echo_that_it_did_not_let_out() -> None:
    """Two nodes with one address ask at once: the answers to both go to the one, which had asked something else."""
    closed = firewall()
    ports = [
        attached("a", "10.0.0.1/32", filter_out=closed),
        Port(name="twin", filter_out=closed),
        attached("b", "10.0.0.2/32"),
    ]
    nodes = [host("a", "10.0.0.1"), host("twin", "10.0.0.1"), host("b", "10.0.0.2")]
    links = [link(f"{name}/eth0", f"fabric/{name}") for name in ("a", "twin", "b")]
    network = Network.of([fabric("fabric", ports, subnet("10.0.0.0/24")), *nodes], links)
    echo = Flow(A("10.0.0.1"), A("10.0.0.2"), Protocol.ICMP)
    with LabNetwork(network) as lab:
        one, other = lab.ask([Asked(echo, "a"), Asked(echo, "twin")])
    assert one.reached
    assert found(other) == (False, Lost.REPLY, "fabric", "FIREWALL_RULE")


def test_ipv6_over_equal_routes() -> None:
    """Two routers between two fabrics: flows are spread over both, and all come home."""
    sides = [
        fabric(
            name,
            [attached("host", own), *(Port(name=f"r{at}") for at in (1, 2))],
            Route(P(own), DeliverAttached(Drop("ROUTE_BLACKHOLE"))),
            *(route("::/0", f"r{at}") for at in (1, 2)),
        )
        for name, own in (("left", "fd00::1/128"), ("right", "fd00::2/128"))
    ]
    routers = [
        fabric(f"r{at}", [Port(name="left"), Port(name="right")], route("fd00::1/128", "left"), route("fd00::2/128", "right"))
        for at in (1, 2)
    ]  # fmt: skip
    default = {"main": RouteTable((route("::/0", "eth0"),))}
    hosts = [replace(host(name, f"fd00::{at}"), tables=default) for at, name in enumerate("ab", 1)]
    links = [link("a/eth0", "left/host"), link("b/eth0", "right/host")]
    links += [link(f"{side}/r{at}", f"r{at}/{side}") for side in ("left", "right") for at in (1, 2)]
    network = Network.of([*sides, *routers, *hosts], links)
    flow = Flow(A("fd00::1"), A("fd00::2"), Protocol.TCP, 80)
    checked = check(network, [Asked(flow, "a")] * 20, LabNetwork)
    assert [str(one) for one in checked.disagreements] == []
    assert all(seen.reached for _, seen in checked.both)


def test_ipv6() -> None:
    ports = [attached("a", "fd00::1/128"), attached("b", "fd00::2/128")]
    middle = fabric("fabric", ports, Route(P("fd00::/64"), Drop("ROUTE_BLACKHOLE")), *_to("a", "b"))
    tables = {"main": RouteTable((route("::/0", "eth0"),))}
    hosts = [replace(host(name, f"fd00::{at}"), tables=tables) for at, name in enumerate("ab", 1)]
    links = [link("a/eth0", "fabric/a"), link("b/eth0", "fabric/b")]
    network = Network.of([middle, *hosts], links)
    flows = [
        Flow(A("fd00::1"), A(f"fd00::{there}"), protocol, port)
        for there in (2, 3)
        for protocol, port in ((Protocol.TCP, 80), (Protocol.UDP, 53), (Protocol.ICMP, None))
    ]
    with LabNetwork(network) as lab:
        seen = lab.ask([Asked(flow, "a") for flow in flows])
    assert [one.reached for one in seen] == [True] * 3 + [False] * 3
    for flow, one in zip(flows, seen, strict=True):
        assert compare(trace(network, flow, "a"), one) is None


def _to(*ports: str) -> list[Route]:
    return [route(f"fd00::{at}/128", port) for at, port in enumerate(ports, 1)]
