"""What a lab consists of: nodes with ports, links between ports, routes, filters. Frozen; no kernel in sight.

The terms are the field's. A **node** forwards or ends packets: a Pod, an instance, a VPC's fabric. A **port** is one
end of a **link**; it may name the sources that may enter through it (anti-spoofing; `canIpForward` lifts it), and it
may carry **filters**. A **route** forwards through a port; a **drop route** swallows packets, silently as the clouds
do, with a cause that is counted and seen. A node that forwards drops what no route covers, with the cause NO_ROUTE.

A lab's description is checked when it is made, so that a builder never meets a port without a link.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import (
    IPv4Interface,
    IPv4Network,
    IPv6Interface,
    IPv6Network,
)

from wayhome.probe.observation import Address

Interface = IPv4Interface | IPv6Interface
Prefix = IPv4Network | IPv6Network

NO_ROUTE = "no-route"
SOURCE_NOT_ALLOWED = "source-not-allowed"
FIREWALL = "firewall"

# A port's name is its interface's name in the kernel (IFNAMSIZ is 16, with the closing zero).
_PORT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
# A cause is the prefix of a log line of nftables, and is quoted there.
_CAUSE = re.compile(r"[a-z][a-z0-9-]{0,62}")


class TopologyError(ValueError):
    """A description that no network can be built from."""


class Action(StrEnum):
    """What a filter's rule does."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRule:
    """One rule of a filter. What is left empty matches everything; `ports` are the destination's."""

    action: Action = Action.ALLOW
    sources: tuple[Prefix, ...] = ()
    destinations: tuple[Prefix, ...] = ()
    protocol: str = ""  # tcp, udp or icmp (which is ICMPv6 for IPv6)
    ports: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.protocol not in {"", "tcp", "udp", "icmp"}:
            raise TopologyError(f"a filter knows tcp, udp and icmp, not {self.protocol!r}")
        if self.ports and self.protocol not in {"tcp", "udp"}:
            raise TopologyError("a filter's ports belong to tcp or udp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Rules in order; the first that matches decides, and what none matches is dropped with `cause`.

    A stateful filter also lets the replies of what its port let pass the other way.
    """

    rules: tuple[FilterRule, ...]
    stateful: bool = True
    cause: str = FIREWALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One end of a link.

    `sources`: who may enter the node here; None is anybody. `inbound` is what may enter the node here, `outbound`
    what may leave it here: a cloud's ingress rules of an instance are `outbound` on the fabric's port towards it.
    """

    name: str
    addresses: tuple[Interface, ...] = ()
    sources: tuple[Prefix, ...] | None = None
    inbound: Filter | None = None
    outbound: Filter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Packets to `destination` leave through `port`; the gateway need not be on a common subnet (onlink)."""

    destination: Prefix
    port: str
    gateway: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DropRoute:
    """Packets to `destination` are dropped here."""

    destination: Prefix
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Something with a network stack of its own."""

    name: str
    ports: tuple[Port, ...]
    routes: tuple[Route | DropRoute, ...] = ()
    forwards: bool = False

    @property
    def addresses(self) -> tuple[Address, ...]:
        """All addresses of the node, in the order of its ports."""
        return tuple(interface.ip for port in self.ports for interface in port.addresses)


@dataclass(frozen=True, slots=True)
class End:
    """A port of a node."""

    node: str
    port: str


@dataclass(frozen=True, slots=True)
class Topology:
    """A whole network. Raises TopologyError."""

    nodes: tuple[Node, ...]
    links: tuple[tuple[End, End], ...]
    by_name: dict[str, Node] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {node.name: node for node in self.nodes})
        _once("node", [node.name for node in self.nodes])
        for node in self.nodes:
            _check_node(node)
        ports = {End(node.name, port.name) for node in self.nodes for port in node.ports}
        ends = [end for link in self.links for end in link]
        _once("link at", ends)
        for end in set(ends) ^ ports:
            missing = "has no link" if end in ports else "does not exist"
            raise TopologyError(f"port {end.port} of {end.node} {missing}")


def _once(what: str, things: list[str] | list[End]) -> None:
    for thing, times in Counter(things).items():
        if times > 1:
            raise TopologyError(f"{times} times: {what} {thing}")


def _check_node(node: Node) -> None:
    _once(f"port of {node.name}:", [port.name for port in node.ports])
    filters = [f for port in node.ports for f in (port.inbound, port.outbound) if f]
    drops = [route for route in node.routes if isinstance(route, DropRoute)]
    for port in node.ports:
        if not _PORT_NAME.fullmatch(port.name) or port.name == "lo":
            raise TopologyError(f"{port.name!r} of {node.name} cannot be the name of an interface")
    for cause in [f.cause for f in filters] + [drop.cause for drop in drops]:
        if not _CAUSE.fullmatch(cause):
            raise TopologyError(f"{cause!r} at {node.name} cannot be a cause")
    names = {port.name for port in node.ports}
    for route in node.routes:
        if isinstance(route, Route) and route.port not in names:
            raise TopologyError(f"a route of {node.name} leaves by {route.port}: no such port")


def unknown_node(node: str, known: Iterable[str]) -> str:
    """What to tell somebody who names a node that is not there."""
    return f"there is no node {node!r} in this lab; its nodes are: {', '.join(known)}"
