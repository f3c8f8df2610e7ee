"""What follows from a change by itself: agents rewrite their rules, and Cloud Routers learn what others then advertise.

Routes that a router has learned are in the exports as they were. What a change has another router advertise besides is
added to them, as BGP would bring it; nothing else is. Rules that a node was seen to hold are old when its agent's list
is new: what is derived from the list takes their place, unless there is somebody else's rule among them, which stays.
"""

from dataclasses import replace

import msgspec

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.advertise import DEFAULT_PRIORITY
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes, effective_routes
from wayhome.clouds.gcp.derive.route import EffectiveRoute
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.router import Router, RouterStatus
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.gcp.resources.vpn import VpnTunnel
from wayhome.clouds.kubernetes.masquerading import pod_ranges
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.located import Located
from wayhome.clouds.node.outputs import RULES, NodeOutputError
from wayhome.clouds.node.rules import chains_of, is_an_agents
from wayhome.clouds.node_state import NodeState
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Cidr, Reference
from wayhome.diagnosis.repairs.proposal import Changes
from wayhome.diagnosis.situation import Situation
from wayhome.netfilter.walk import Subject, translations
from wayhome.prefixes import Intervals

_DECIDE = (Network, Router, Subnetwork)
"""Of these follows what is advertised."""


def applied(situation: Situation, changes: Changes) -> Estate:
    """The estate after a change and what follows from it. Raises ValueError where the changes do not fit."""
    estate = _with_rewritten_rules(changes.applied_to(situation.estate), changes)
    if not any(isinstance(one.value, _DECIDE) for one in (*changes.created, *changes.changed)):
        return estate
    if not estate.all(VpnTunnel):
        return estate
    known = {_key(route) for route in _advertised(situation.routes)}
    new = [r for r in _advertised(effective_routes(estate)) if _key(r) not in known]
    statuses: dict[str, Located[RouterStatus]] = {}
    for route in new:
        status = _learn(situation, estate, route, statuses)
        if status is not None:
            statuses[status.name] = status
    changed: list[Located[Resource]] = [*statuses.values()]
    return estate.with_changes(changed=changed) if changed else estate


def _with_rewritten_rules(estate: Estate, changes: Changes) -> Estate:
    """Without what nodes held of their agents' rules, where a list was changed."""
    clusters = {
        one.name.partition("/k8s/")[0]
        for one in (*changes.created, *changes.changed)
        if isinstance(one.value, ConfigMap)
    }
    states = dict(estate.node_states)
    for name, state in estate.node_states.items():
        if name.partition("/k8s/")[0] in clusters and not _holds_foreign_rules(estate, state):
            kept = {output: text for output, text in state.outputs.items() if output not in RULES}
            states[name] = replace(state, outputs=kept)
    return replace(estate, node_states=states) if clusters and states else estate


def _holds_foreign_rules(estate: Estate, state: NodeState) -> bool:
    """Whether somebody else's rule translates its Pods' addresses for certain."""
    node = estate.get(Node, state.name)
    try:
        bases = chains_of(state) or ()
    except NodeOutputError:
        return False
    ranges = pod_ranges(node) if node else ()
    return any(
        not is_an_agents(base, found.path)
        for base in bases
        for prefix in ranges
        for found in translations(
            base, Subject(prefix.family, Intervals.of([(prefix.first, prefix.last)]))
        )
        if found.is_certain
    )


def _advertised(routes: EffectiveRoutes) -> list[EffectiveRoute]:
    return [route for one in routes.networks.values() for route in one.advertised]


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
