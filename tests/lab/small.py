"""The smallest network that can lose a packet: a client and a server on a fabric."""

import socket
import time
from ipaddress import ip_address

from tests.trace.small import MAIN, P, S, host, link, route, table

from wayhome.lab.compiled import BuiltNetwork, Sighted
from wayhome.lab.prober import Request
from wayhome.network import (
    Address,
    Drop,
    Filter,
    FilterAction,
    FilterRule,
    Network,
    Node,
    NodeKind,
    Port,
    Protocol,
    ProtocolMatch,
    Route,
)
from wayhome.probe.observation import Address as ProbeAddress
from wayhome.probe.observation import Protocol as Probed

CLIENT, SERVER = ip_address("10.0.0.1"), ip_address("10.0.1.1")
CLIENT6, SERVER6 = ip_address("fd00::1"), ip_address("fd00:1::1")
GATEWAY, GATEWAY6 = Address.parse("169.254.1.1"), Address.parse("fd00:ffff::1")


def end(name: str, *addresses: ProbeAddress) -> Node:
    """A host with one port, `eth0`, to which everything goes."""
    both = table(route("0.0.0.0/0", "eth0"), route("::/0", "eth0"))
    plain = host(name, *map(str, addresses))
    return Node(name=name, kind=plain.kind, ports=plain.ports, rules=MAIN, tables=both)


def small_network(
    *,
    sources: tuple[str, ...] | None = None,
    to_client: Filter | None = None,
    to_server: Filter | None = None,
    from_client: Filter | None = None,
    drops: tuple[tuple[str, str], ...] = (),
    without: tuple[str, ...] = (),
    client: Node | None = None,
) -> Network:
    """A client, a fabric and a server.

    `without` leaves out the fabric's routes to these destinations, `drops` are prefixes and the causes with which it
    drops what goes there, `sources` who may enter from the client.
    """
    routes = [
        route(f"{address}/{address.max_prefixlen}", port)
        for port, address in (
            ("client", CLIENT), ("client", CLIENT6), ("server", SERVER), ("server", SERVER6),
        )
        if str(address) not in without
    ]  # fmt: skip
    fabric = Node(
        name="fabric",
        kind=NodeKind.FABRIC,
        forwards=True,
        rules=MAIN,
        tables=table(*routes, *(Route(P(prefix), Drop(cause)) for prefix, cause in drops)),
        ports=(
            Port(
                name="client",
                addresses=(GATEWAY, GATEWAY6),
                permitted=None if sources is None else S(*sources),
                filter_in=from_client,
                filter_out=to_client,
            ),
            Port(name="server", addresses=(GATEWAY, GATEWAY6), filter_out=to_server),
        ),
    )
    return Network.of(
        [client or end("client", CLIENT, CLIENT6), fabric, end("server", SERVER, SERVER6)],
        [link("client/eth0", "fabric/client"), link("server/eth0", "fabric/server")],
    )


def only(*rules: FilterRule, cause: str = "firewall", stateful: bool = True) -> Filter:
    """A filter that lets pass what these rules say, and drops the rest with this cause."""
    return Filter(stages=(rules,), cause=cause, stateful=stateful)


def allowing(
    protocol: Protocol | None = None,
    port: int | None = None,
    *,
    sources: tuple[str, ...] | None = None,
    destinations: tuple[str, ...] | None = None,
    action: FilterAction = FilterAction.ALLOW,
) -> FilterRule:
    """One rule; what is left out matches everything."""
    ports = () if port is None else ((port, port),)
    return FilterRule(
        action=action,
        protocols=None if protocol is None else (ProtocolMatch(protocol, ports),),
        sources=None if sources is None else S(*sources),
        destinations=None if destinations is None else S(*destinations),
    )


def ask(protocol: Probed, source: str = "client", address: ProbeAddress = SERVER) -> Request:
    """A request from a node, to the server's address unless it is another one."""
    return Request(source, address, protocol)


def send(
    network: BuiltNetwork, node: str, destination: str, port: int = 4000, source_port: int = 0
) -> None:
    """One UDP datagram, sent from a node."""
    family = socket.AF_INET6 if ":" in destination else socket.AF_INET
    with network.namespace(node).entered(), socket.socket(family, socket.SOCK_DGRAM) as channel:
        channel.bind(("", source_port))
        channel.sendto(b"datagram", (destination, port))


def receiver(network: BuiltNetwork, node: str, port: int = 4000) -> socket.socket:
    """A UDP socket on a node, for both families."""
    with network.namespace(node).entered():
        channel = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    channel.settimeout(2)
    channel.bind(("::", port))
    return channel


def deaths(network: BuiltNetwork, count: int = 1) -> list[Sighted]:
    """The next packets that die, as soon as there are so many: what decodes, and was not delivered."""
    found: list[Sighted] = []
    until = time.monotonic() + 2
    while len(found) < count and time.monotonic() < until:
        for log in network.logs:
            found += [one for one in log.read() if one.packet and one.cause is not None]
    return found
