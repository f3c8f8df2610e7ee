"""What two peered networks exchange: for each route and each direction, whether it goes and by which setting not.

A route is in the importer's network if the exporter exports it and the importer imports it, and both sides of the
peering are ACTIVE. What came over a peering is never exported again: the exchange only ever sees local routes.
https://docs.cloud.google.com/vpc/docs/vpc-peering, "Options for exchanging static routes" and its neighbours.
"""

from wayhome.clouds.gcp.derive.ranges import is_private
from wayhome.clouds.gcp.derive.route import EffectiveRoute, NextHopType, RouteType
from wayhome.clouds.gcp.resources.network import Peering
from wayhome.prefixes import Family

ACTIVE = "ACTIVE"


def not_exported(route: EffectiveRoute, peering: Peering) -> str:
    """Why the exporter's side keeps the route back, as its setting; empty: it does not."""
    if peering.state != ACTIVE:
        return f"state is {peering.state or 'unknown'}"
    if route.type is RouteType.SUBNET:
        return _subnet(route, peering, peering.export_subnet_routes_with_public_ip, "export")
    if route.type not in (RouteType.STATIC, RouteType.DYNAMIC):
        return f"{route.type} routes are never exchanged"
    if route.tags:
        return "static routes with network tags are never exchanged"
    if route.next_hop.type is NextHopType.INTERNET_GATEWAY:
        return "routes to the default internet gateway are never exchanged"
    return _custom(route, peering, peering.export_custom_routes, "export")


def not_imported(route: EffectiveRoute, peering: Peering) -> str:
    """Why the importer's side does not take a route that is exported, as its setting; empty: it does."""
    if peering.state != ACTIVE:
        return f"state is {peering.state or 'unknown'}"
    if route.type is RouteType.SUBNET:
        return _subnet(route, peering, peering.import_subnet_routes_with_public_ip, "import")
    return _custom(route, peering, peering.import_custom_routes, "import")


def _subnet(route: EffectiveRoute, peering: Peering, public: bool, verb: str) -> str:
    if not peering.exchange_subnet_routes:
        return "exchangeSubnetRoutes is false"
    if route.destination.family is Family.IPV6:
        return "" if peering.stack_type == "IPV4_IPV6" else "stackType is IPV4_ONLY"
    if is_private(route.destination) or public:
        return ""
    return f"{verb}SubnetRoutesWithPublicIp is false"


def _custom(route: EffectiveRoute, peering: Peering, flag: bool, verb: str) -> str:
    if not flag:
        return f"{verb}CustomRoutes is false"
    if route.destination.family is Family.IPV6 and peering.stack_type != "IPV4_IPV6":
        return "stackType is IPV4_ONLY"
    return ""
