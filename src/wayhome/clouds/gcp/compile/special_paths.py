"""Where health checks, Cloud DNS and the proxy for ssh ask from: Google carries these past every route.

Each network has a node with their addresses. What it sends finds the network's own subnets; whether Cloud DNS and the proxy
get further, to a site, is not known. What is sent to its addresses goes there before any other route is asked, and only a reply is taken. Firewalls count both ways:
they stand at the instances' ports. So their addresses are not the internet's, and in each network they are somebody
else's.

Source: Google, "Routes", special routing paths; https://docs.cloud.google.com/vpc/docs/routes.
"""

import shlex

from wayhome.clouds.gcp.compile.parts import Parts
from wayhome.network import (
    DestinationRule,
    Drop,
    Evidence,
    Forward,
    Missing,
    Node,
    NodeKind,
    Opaque,
    Port,
    PrefixSet,
    Route,
    RouteTable,
    RoutingRule,
)
from wayhome.prefixes import Prefix

NAME = "special-paths"
CHECKS = PrefixSet.parse("35.191.0.0/16", "130.211.0.0/22")
"""Health checks ask what is in the network itself."""
FURTHER = PrefixSet.parse("35.199.192.0/19", "35.235.240.0/20")
"""Cloud DNS and the proxy for ssh also go on to sites behind a tunnel or an interconnect."""
ADDRESSES = PrefixSet.of((*CHECKS.prefixes, *FURTHER.prefixes))
TABLE = "special-paths"
_CLASS = frozenset({NAME})

FIRST = (
    RoutingRule(table="subnets", ingress=_CLASS),
    RoutingRule(table="further", ingress=_CLASS, sources=FURTHER),
    RoutingRule(table="nowhere", ingress=_CLASS),
    RoutingRule(table=TABLE, destinations=ADDRESSES),
)
"""A fabric's first rules."""


def add_special_paths(parts: Parts, network: str) -> dict[str, RouteTable]:
    """The node that asks; the tables that a fabric needs for its first rules."""
    name = f"{network}/{NAME}"
    nobody_asks = Drop(
        "NO_ROUTE",
        "only Google's health checks and proxies have it, and nobody asks them",
        Evidence(name),
    )
    parts.add(
        Node(
            name=name,
            kind=NodeKind.GATEWAY,
            ports=(Port(name="fabric"),),
            local=ADDRESSES.prefixes,
            rules=(RoutingRule(table="main"),),
            tables={"main": RouteTable((Route(Prefix.parse("0.0.0.0/0"), Forward("fabric")),))},
            translation_in=(DestinationRule(action=nobody_asks, in_ports=frozenset({"fabric"})),),
            assumptions=("one of Google's health checks, resolvers or proxies asks",),
        )
    )
    parts.attach(network, Port(name=NAME, ingress_class=_CLASS), name, "fabric")
    elsewhere = Drop("NO_ROUTE", "Google's own paths lead into the subnets of one network")
    project = shlex.quote(network.split("/")[1])
    unknown = Opaque(
        Missing(
            "from which region Google goes on to what is in no subnet, and so which of the network's routes it takes",
            f"gcloud network-management connectivity-tests list --project={project} --format=json",
        )
    )
    return {
        "further": RouteTable((Route(Prefix.parse("0.0.0.0/0"), unknown),)),
        TABLE: RouteTable(tuple(Route(p, Forward(NAME)) for p in ADDRESSES.prefixes)),
        "nowhere": RouteTable((Route(Prefix.parse("0.0.0.0/0"), elsewhere),)),
    }
