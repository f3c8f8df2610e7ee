"""What is asked about a network: everything that somebody has or is reached by."""

from tests.trace.small import A, P, S, fabric, host

from wayhome.lab.questions import questions
from wayhome.network import (
    DestinationRule,
    End,
    Link,
    Network,
    Node,
    NodeKind,
    Port,
    Protocol,
    ProtocolMatch,
    Target,
)

WEB = ProtocolMatch(Protocol.TCP, ((8080, 8090),))


def star(*nodes: Node) -> Network:
    """All ports of the nodes lead to one fabric."""
    ends = [
        (End(node.name, port.name), f"{node.name} {port.name}")
        for node in nodes
        for port in node.ports
    ]
    middle = fabric("middle", [Port(name=name) for _, name in ends])
    return Network.of((*nodes, middle), [Link(end, End("middle", name)) for end, name in ends])


def asked_by(name: str, *nodes: Node) -> set[str]:
    """The flows of one node, without their source."""
    asked = (one.flow for one in questions(star(*nodes)) if one.at == name)
    return {str(flow).partition(" > ")[2] for flow in asked}


def every(*addresses: str) -> set[str]:
    return {
        f"{address}{how}" for address in addresses for how in (":80 tcp", ":80 udp", " icmp")
    }  # fmt: skip


def test_every_address_is_asked_for_by_every_protocol() -> None:
    two = Node(
        name="two",
        kind=NodeKind.INSTANCE,
        ports=(Port(name="a", addresses=(A("10.0.0.2"),)), Port(name="b", addresses=(A("10.9.0.2"),))),
        local=(P("10.0.0.99/32"), P("10.0.4.0/24")),
    )  # fmt: skip
    wanted = every("10.0.0.2", "10.9.0.2", "10.0.0.99", "10.0.4.128")
    assert asked_by("one", host("one", "10.0.0.1"), two) == wanted
    assert asked_by("two", host("one", "10.0.0.1"), two) == every("10.0.0.1")
    sources = {str(one.flow.source) for one in questions(star(host("one", "10.0.0.1"), two))}
    assert sources == {"10.0.0.1", "10.0.0.2", "10.9.0.2"}


def test_a_service_is_asked_for_at_its_port() -> None:
    service = DestinationRule(
        action=(Target(A("10.0.0.1")),), destinations=S("10.96.0.1/32"), protocols=(WEB,)
    )
    one = host("one", "10.0.0.1", translation_in=(service,))
    wanted = {"10.96.0.1:8080 tcp", *every("10.0.0.1")}
    assert asked_by("two", one, host("two", "10.0.0.2")) == wanted


def test_of_a_site_one_host_asks_and_is_asked_for() -> None:
    site = Node(name="site", kind=NodeKind.SITE, local=(P("192.168.7.0/28"), P("10.8.0.0/16")))
    assert asked_by("one", host("one", "10.0.0.1"), site) == every("10.8.128.0")
    assert asked_by("site", host("one", "10.0.0.1"), site) == every("10.0.0.1")


def test_the_internet_asks_for_what_is_translated() -> None:
    outside = DestinationRule(action=(Target(A("10.0.0.1")),), destinations=S("35.1.2.3/32"))
    gateway = Node(name="gateway", kind=NodeKind.GATEWAY, translation_in=(outside,))
    internet = Node(name="internet", kind=NodeKind.INTERNET, local=(P("64.0.0.0/3"),))
    nodes = (host("one", "10.0.0.1"), gateway, internet)
    assert asked_by("internet", *nodes) == every("35.1.2.3")
    assert asked_by("one", *nodes) == every("35.1.2.3", "80.0.0.0")
    assert asked_by("gateway", *nodes) == set()
