"""What follows from a change by itself: Cloud Routers of the exports learn what those at the far ends then advertise.

Routes that a router has learned are in the exports as they were. What a change has another router advertise besides is
added to them, as BGP would bring it; nothing else is.
"""

import msgspec

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.advertise import DEFAULT_PRIORITY
from wayhome.clouds.gcp.derive.effective import effective_routes
from wayhome.clouds.gcp.derive.route import EffectiveRoute
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.router import Router, RouterStatus
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.gcp.resources.vpn import VpnTunnel
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Cidr, Reference
from wayhome.diagnosis.repairs.proposal import Changes
from wayhome.diagnosis.situation import Situation

_DECIDE = (Network, Router, Subnetwork)
"""Of these follows what is advertised."""


def applied(situation: Situation, changes: Changes) -> Estate:
    """The estate after a change and what follows from it. Raises ValueError where the changes do not fit."""
    estate = changes.applied_to(situation.estate)
    if not any(isinstance(one.value, _DECIDE) for one in (*changes.created, *changes.changed)):
        return estate
    known = {_key(route) for route in _advertised(situation.estate)}
    new = [route for route in _advertised(estate) if _key(route) not in known]
    statuses: dict[str, Located[RouterStatus]] = {}
    for route in new:
        status = _learn(situation, estate, route, statuses)
        if status is not None:
            statuses[status.name] = status
    changed: list[Located[Resource]] = [*statuses.values()]
    return estate.with_changes(changed=changed) if changed else estate


def _advertised(estate: Estate) -> list[EffectiveRoute]:
    if not estate.all(VpnTunnel):
        return []
    return [route for one in effective_routes(estate).networks.values() for route in one.advertised]


def _key(route: EffectiveRoute) -> tuple[object, ...]:
    return route.next_hop.resource, route.destination


def _learn(
    situation: Situation,
    estate: Estate,
    route: EffectiveRoute,
    statuses: dict[str, Located[RouterStatus]],
) -> Located[RouterStatus] | None:
    """The status of the router at the far end of the route's tunnel, with the route in it."""
    place = situation.network.places.get(route.next_hop.resource)
    far = (
        next((end.node for port, end in place.peers.items() if port == "far"), "") if place else ""
    )
    tunnel = estate.get(VpnTunnel, far)
    router = estate.get(Router, tunnel.value.router or "") if tunnel else None
    if tunnel is None or router is None:
        return None
    name = f"{router.name}/status"
    status = statuses.get(name) or estate.get(RouterStatus, name)
    if status is None:
        return None
    learned = Route(
        network=router.value.network,
        dest_range=Cidr(str(route.destination)),
        priority=DEFAULT_PRIORITY if route.priority is None else route.priority,
        next_hop_vpn_tunnel=Reference(far),
    )
    result = status.value.result
    result = msgspec.structs.replace(result, best_routes=(*result.best_routes, learned))
    return Located(msgspec.structs.replace(status.value, result=result), status.evidence)
