"""What a compilation collects: nodes by name, links, and the fabrics' ports until the fabrics themselves are made."""

from collections import defaultdict
from dataclasses import dataclass, field

from wayhome.network import End, Link, Node, Port, Route

INTERNET = "internet"
"""The fabric's port to its internet gateway."""

ATTACHED = "attached"
"""Ingress class of all that is in the network itself; what came over a peering is not."""
FROM_PEER = "peering"
FROM_CUSTOM_PEER = "peering:custom"
"""The peering exchanges custom routes, so that more than subnets may be asked for."""


def region_class(region: str) -> str:
    """The ingress class of what is in a region."""
    return f"region:{region}"


def tag_class(tag: str) -> str:
    """The ingress class of instances with a network tag."""
    return f"tag:{tag}"


def attachment_class(region: str) -> str:
    """The ingress class of VLAN attachments, of a region or of `all`."""
    return f"attachment:{region}"


def attachment_classes(region: str) -> frozenset[str]:
    """The ingress classes of one VLAN attachment."""
    return frozenset(
        {ATTACHED, region_class(region), attachment_class(region), attachment_class("all")}
    )


@dataclass(slots=True)
class Parts:
    """The network so far."""

    nodes: dict[str, Node] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    fabric_ports: dict[str, dict[str, Port]] = field(default_factory=lambda: defaultdict(dict))
    fronts: dict[str, list[Route]] = field(default_factory=lambda: defaultdict(list))
    """By network: the routes to the backends of its load balancers."""

    def attach(self, fabric: str, port: Port, node: str, at: str) -> bool:
        """Give a fabric a port, joined to another node's port; not if it has a port of that name already."""
        if port.name in self.fabric_ports[fabric]:
            return False
        self.fabric_ports[fabric][port.name] = port
        self.join(End(fabric, port.name), End(node, at))
        return True

    def join(self, a: End, b: End) -> None:
        """A link."""
        self.links.append(Link(a, b))

    def add(self, node: Node) -> None:
        """A node. Of two with one name the first stays."""
        self.nodes.setdefault(node.name, node)
