"""The smallest network that can lose a packet: a client and a server on a fabric."""

import socket
import time
from ipaddress import ip_address, ip_interface, ip_network

from wayhome.lab.drops import Drop
from wayhome.lab.network import Network
from wayhome.lab.prober import Request
from wayhome.lab.topology import DropRoute, End, Filter, Node, Port, Prefix, Route, Topology
from wayhome.probe.observation import Address, Protocol

CLIENT, SERVER = ip_address("10.0.0.1"), ip_address("10.0.1.1")
CLIENT6, SERVER6 = ip_address("fd00::1"), ip_address("fd00:1::1")
GATEWAY, GATEWAY6 = ip_interface("169.254.1.1/32"), ip_interface("fd00:ffff::1/128")


def _end(name: str, *addresses: object) -> Node:
    return Node(
        name=name,
        ports=(Port(name="eth0", addresses=tuple(ip_interface(str(a)) for a in addresses)),),
        routes=(
            Route(destination=ip_network("0.0.0.0/0"), port="eth0", gateway=GATEWAY.ip),
            Route(destination=ip_network("::/0"), port="eth0", gateway=GATEWAY6.ip),
        ),
    )


def small_topology(
    *,
    sources: tuple[Prefix, ...] | None = None,
    to_client: Filter | None = None,
    to_server: Filter | None = None,
    from_client: Filter | None = None,
    drops: tuple[DropRoute, ...] = (),
    without: tuple[str, ...] = (),
) -> Topology:
    """A client, a fabric and a server; `without` leaves out the fabric's routes to these destinations."""
    routes = [
        Route(destination=ip_network(address), port=port)
        for port, address in (
            ("client", CLIENT), ("client", CLIENT6), ("server", SERVER), ("server", SERVER6),
        )
        if str(address) not in without
    ]  # fmt: skip
    fabric = Node(
        name="fabric",
        forwards=True,
        ports=(
            Port(
                name="client",
                addresses=(GATEWAY, GATEWAY6),
                sources=sources,
                inbound=from_client,
                outbound=to_client,
            ),
            Port(name="server", addresses=(GATEWAY, GATEWAY6), outbound=to_server),
        ),
        routes=(*routes, *drops),
    )
    return Topology(
        nodes=(_end("client", CLIENT, CLIENT6), fabric, _end("server", SERVER, SERVER6)),
        links=(
            (End("client", "eth0"), End("fabric", "client")),
            (End("server", "eth0"), End("fabric", "server")),
        ),
    )


def ask(
    protocol: Protocol,
    source: str = "client",
    destination: str = "server",
    address: Address = SERVER,
) -> Request:
    """A request from one node to the other."""
    return Request(source, destination, address, protocol)


def send(
    network: Network, node: str, destination: str, port: int = 4000, source_port: int = 0
) -> None:
    """One UDP datagram, sent from a node."""
    family = socket.AF_INET6 if ":" in destination else socket.AF_INET
    with network.namespace(node).entered(), socket.socket(family, socket.SOCK_DGRAM) as channel:
        channel.bind(("", source_port))
        channel.sendto(b"datagram", (destination, port))


def receiver(network: Network, node: str, port: int = 4000) -> socket.socket:
    """A UDP socket on a node, for both families."""
    with network.namespace(node).entered():
        channel = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    channel.settimeout(2)
    channel.bind(("::", port))
    return channel


def deaths(network: Network, count: int = 1) -> list[Drop]:
    """The next packets of ours that die, as soon as there are so many: what decodes. IPv6 also sends its own."""
    found: list[Drop] = []
    until = time.monotonic() + 2
    while len(found) < count and time.monotonic() < until:
        found += [drop for log in network.drop_logs for drop in log.read() if drop.packet]
    return found
