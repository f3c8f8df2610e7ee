"""A network's fabric: the rules and tables that every packet of the network meets.

In the order that Google documents: special paths; policy-based routes; subnet routes, own and peers', before which nothing else
counts (but in a hybrid subnet, where what nobody has follows the custom routes); custom routes. What comes over a peering sees only what this network gives to peers: its own subnets, and its
custom routes that may be exchanged if this peering exchanges them. So nothing is transitive.

The table of what peers may ask for is made only where somebody exports.
"""

from collections.abc import Sequence

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.compile.parts import (
    ATTACHED,
    FROM_CUSTOM_PEER,
    FROM_PEER,
    INTERNET,
    Parts,
)
from wayhome.clouds.gcp.compile.policy_based import policy_rules
from wayhome.clouds.gcp.compile.service_endpoints import add_service_endpoints
from wayhome.clouds.gcp.compile.special_paths import FIRST, add_special_paths
from wayhome.clouds.gcp.compile.tables import Actions, custom_table, opaque_routes, subnet_table
from wayhome.clouds.gcp.compile.unowned import add_unowned
from wayhome.clouds.gcp.derive.effective import NetworkRoutes
from wayhome.clouds.gcp.derive.gap import Gap
from wayhome.clouds.gcp.derive.ranges import EVERYTHING
from wayhome.clouds.gcp.derive.route import EffectiveRoute, NextHopType
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.located import Located
from wayhome.network import (
    Drop,
    Node,
    NodeKind,
    Route,
    RouteTable,
    RoutingRule,
)
from wayhome.prefixes import Prefix

_PEER = frozenset({FROM_PEER})
_ATTACHED = frozenset({ATTACHED})
_OUTSIDE = frozenset({INTERNET})

FROM_ATTACHED = (
    RoutingRule(table="subnets", ingress=_ATTACHED),
    RoutingRule(table="peer-subnets", ingress=_ATTACHED),
    RoutingRule(table="custom", ingress=_ATTACHED),
)
_RULES = (
    *FROM_ATTACHED,
    RoutingRule(table="subnets", ingress=_PEER | _OUTSIDE),
    RoutingRule(table="exported", ingress=frozenset({FROM_CUSTOM_PEER})),
    RoutingRule(table="nothing-exported", ingress=_PEER),
)
_NOTHING = RouteTable(
    tuple(
        Route(prefix, Drop("NO_KNOWN_ROUTE_FROM_PEERED_NETWORK_TO_DESTINATION"))
        for prefix in EVERYTHING
    )
)


def add_fabric(
    parts: Parts, estate: Estate, routes: NetworkRoutes, actions: Actions, assumption: str
) -> None:
    """The node of a network, when all its ports are known."""
    network = estate.all(Network)[routes.network]
    add_unowned(parts, estate, network, routes)
    subnet_gaps = [gap for gap in routes.gaps if gap.subnets]
    custom_gaps = [gap for gap in routes.gaps if not gap.subnets]
    exported = [route for route in routes.custom if _may_be_exported(route)]
    tables = {
        "subnets": subnet_table(
            routes.subnets, _hybrid(parts, estate, network), parts.fronts[network.name]
        ),
        "peer-subnets": custom_table(routes.peer_subnets, subnet_gaps, actions),
        "custom": custom_table((*routes.custom, *routes.peer_custom), custom_gaps, actions),
        "nothing-exported": _nothing_exported([gap for gap in subnet_gaps if not gap.of_peer]),
        "exported": RouteTable(()),
    }
    if any(peering.export_custom_routes for peering in network.value.peerings):
        own_gaps = [gap for gap in custom_gaps if not gap.of_peer]
        tables["exported"] = custom_table(exported, own_gaps, actions)
    rules, of_policies = policy_rules(estate, network, FROM_ATTACHED)
    special = add_special_paths(parts, network.name)
    to_services, of_services = add_service_endpoints(parts, estate, network.name)
    parts.add(
        Node(
            name=network.name,
            kind=NodeKind.FABRIC,
            ports=tuple(parts.fabric_ports[network.name].values()),
            rules=(*FIRST, *rules, *to_services, *_RULES),
            tables=tables | of_policies | special | of_services,
            forwards=True,
            assumptions=(assumption,) if assumption else (),
            evidence=network.evidence,
        )
    )


def _nothing_exported(gaps: Sequence[Gap]) -> RouteTable:
    """The end for what comes over a peering: it falls into no other table, unless subnets of ours are unknown."""
    if not gaps:
        return _NOTHING
    return RouteTable((*opaque_routes(gaps, {}), *_NOTHING.routes))


def _hybrid(
    parts: Parts, estate: Estate, network: Located[Network]
) -> dict[Prefix, tuple[Prefix, ...]]:
    """The ranges of hybrid subnets, with the addresses in them that something in the network has."""
    ranges = [
        subnet.value.ip_cidr_range.prefix
        for subnet in estate.of(Subnetwork, network.name)
        if subnet.value.allow_subnet_cidr_routes_overlap and subnet.value.ip_cidr_range is not None
    ]
    owned = [p for port in parts.fabric_ports[network.name].values() for p in port.owns]
    return {whole: tuple(p for p in owned if whole.holds(p)) for whole in ranges}


def _may_be_exported(route: EffectiveRoute) -> bool:
    return not route.tags and route.next_hop.type is not NextHopType.INTERNET_GATEWAY
