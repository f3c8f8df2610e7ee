"""A node: something with a network stack of its own, that forwards packets or ends them.

What meets it in this order, as in a kernel: is it running; may this source enter by this port; translation of the
destination, or undoing; the port's inbound filter; is it the node's own; rules and tables; the way out's outbound
filter; may this destination leave there; translation of the source, or undoing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from wayhome.network.actions import Drop
from wayhome.network.address import Address
from wayhome.network.evidence import Evidence
from wayhome.network.listener import Listener
from wayhome.network.missing import Missing
from wayhome.network.port import Port
from wayhome.network.routing import RouteTable, RoutingRule
from wayhome.network.translation import DestinationRule, TranslationChain
from wayhome.prefixes import Prefix

NO_ROUTE = Drop("NO_ROUTE")
NOT_FORWARDING = Drop("FOREIGN_IP_DISALLOWED")


class NodeKind(StrEnum):
    """What a node stands for; nothing depends on it but names and pictures."""

    POD = "pod"
    INSTANCE = "instance"
    FABRIC = "fabric"
    GATEWAY = "gateway"
    TUNNEL = "tunnel"
    SITE = "site"
    INTERNET = "internet"
    BALANCER = "balancer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node. `name` is full and unique in its network, such as `projects/p/zones/z/instances/i`.

    `local` are prefixes that end here besides the addresses of the ports: the address of a balancer in front of it, and
    for a site of which no host is known the site's own prefixes. `forwards` is the kernel's ip_forward; a node without
    it drops what is not its own with `not_forwarding`.

    `not_running` and `opaque` are what happens to everything that arrives: the one is a drop, the other is unknown.
    `assumptions` stand in each trace that passes the node.
    """

    name: str
    kind: NodeKind
    ports: tuple[Port, ...] = ()
    local: tuple[Prefix, ...] = ()
    rules: tuple[RoutingRule, ...] = ()
    tables: Mapping[str, RouteTable] = field(default_factory=dict)
    forwards: bool = False
    not_forwarding: Drop = NOT_FORWARDING
    no_route: Drop = NO_ROUTE
    not_running: Drop | None = None
    opaque: Missing | None = None
    translation_in: tuple[DestinationRule, ...] = ()
    translation_out: tuple[TranslationChain, ...] = ()
    listeners: tuple[Listener, ...] = ()
    assumptions: tuple[str, ...] = ()
    evidence: Evidence | None = None

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The node's own addresses at its ports, in their order."""
        return tuple(address for port in self.ports for address in port.addresses)

    @property
    def translates(self) -> bool:
        """Whether the node keeps a table of connections."""
        return bool(self.translation_in or self.translation_out)
