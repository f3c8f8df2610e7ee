"""Derived routes against what the cloud itself lists: each difference is a finding.

A difference means that the exports were made at different times, that something was left out of one of them, or that we
derive wrongly. Only what can be compared is: a list that was not exported says nothing.
"""

from collections.abc import Iterable, Iterator, Mapping

from wayhome.clouds.estate import Estate
from wayhome.clouds.finding import Finding
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes, NetworkRoutes
from wayhome.clouds.gcp.derive.exchange import ACTIVE
from wayhome.clouds.gcp.derive.imports import LISTED_TYPES, other_side, peering_name
from wayhome.clouds.gcp.derive.route import RouteType
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoutes
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.router import Router, RouterStatus
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.knowledge import State
from wayhome.clouds.located import Located
from wayhome.clouds.values import project_of
from wayhome.network.evidence import Evidence
from wayhome.policy.findings import Severity, quote
from wayhome.prefixes import Prefix

Places = Mapping[Prefix, Evidence]

_AGAIN = "export both again, at the same time"


def cross_check(estate: Estate, routes: EffectiveRoutes) -> Iterator[Finding]:
    """All differences, network by network."""
    for name, network in estate.all(Network).items():
        derived = routes.networks[name]
        yield from _subnets(estate, network, derived)
        yield from _peerings(estate, network, derived)
        yield from _advertised(estate, network, derived)


def _subnets(
    estate: Estate, network: Located[Network], derived: NetworkRoutes
) -> Iterator[Finding]:
    project = project_of(network.name)
    if estate.knows(Route, project).state is not State.EXPORTED:
        return
    if not estate.of(Subnetwork, network.name) and network.value.ipv4_range is None:
        return
    listed = {
        route.value.dest_range.prefix: route.evidence
        for route in estate.of(Route, network.name)
        if route.value.next_hop_network is not None
    }
    what = f"subnet route of {network.value.name}"
    yield from _differences(what, {r.destination: r.evidence[0] for r in derived.subnets}, listed)


def _peerings(
    estate: Estate, network: Located[Network], derived: NetworkRoutes
) -> Iterator[Finding]:
    for number, peering in enumerate(network.value.peerings):
        peer = estate.get(Network, peering.network)
        if peer is None or peering.state != ACTIVE:
            continue
        at = network.at("peerings", number)
        if other_side(peer, network.name) is None:
            problem = f"peering {quote(peering.name)} is ACTIVE, and {quote(peer.value.name)} has none with {quote(network.value.name)}"
            yield _finding(at, problem, _AGAIN)
            continue
        name = peering_name(network.name, peering)
        for listed in estate.of(PeeringRoutes, name):
            if listed.value.direction == "INCOMING":
                yield from _listed(name, listed, derived)


def _listed(name: str, listed: Located[PeeringRoutes], derived: NetworkRoutes) -> Iterator[Finding]:
    """`list-routes` of one region, type by type."""
    ours = [
        route
        for route in (*derived.peer_subnets, *derived.peer_custom)
        if route.next_hop.target == name and route.region in (None, listed.value.region)
    ]
    for text, kind in LISTED_TYPES.items():
        rows = {
            row.dest_range.prefix: listed.at(place)
            for place, row in enumerate(listed.value.routes)
            if row.type == text and row.imported
        }
        found = {route.destination: route.evidence[0] for route in ours if route.type is kind}
        yield from _differences(f"{kind.value} route over {name.rpartition('/')[2]}", found, rows)


def _advertised(
    estate: Estate, network: Located[Network], derived: NetworkRoutes
) -> Iterator[Finding]:
    for router in estate.of(Router, network.name):
        status = estate.get(RouterStatus, f"{router.name}/status")
        for number, session in enumerate(status.value.result.bgp_peer_status if status else ()):
            if status is None or session.status != "UP" or not session.advertised_routes:
                continue
            listed = {
                route.dest_range.prefix: status.at(
                    "result", "bgpPeerStatus", number, "advertisedRoutes", place
                )
                for place, route in enumerate(session.advertised_routes)
            }
            peers = [
                place for place, p in enumerate(router.value.bgp_peers) if p.name == session.name
            ]
            links = {
                interface.linked_vpn_tunnel or interface.linked_interconnect_attachment
                for interface in router.value.interfaces
                if peers and interface.name == router.value.bgp_peers[peers[0]].interface_name
            }
            ours = {
                route.destination: route.evidence[0]
                for route in derived.advertised
                if route.type is RouteType.ADVERTISED and route.next_hop.resource in links
            }
            yield from _differences(f"advertisement to {session.name}", ours, listed)


def _differences(what: str, derived: Places, listed: Places) -> Iterator[Finding]:
    for prefix in _missing(derived, listed):
        yield _finding(
            derived[prefix],
            f"the {what} to {prefix} follows from this, and the cloud does not list it",
            _AGAIN,
        )
    for prefix in _missing(listed, derived):
        yield _finding(
            listed[prefix],
            f"the {what} to {prefix} is listed, and nothing that was exported makes it",
            _AGAIN,
        )


def _missing(these: Places, those: Places) -> Iterable[Prefix]:
    return sorted(prefix for prefix in these if prefix not in those)


def _finding(at: Evidence, problem: str, instead: str) -> Finding:
    return Finding(Severity.WARNING, at.file, at.pointer, problem, instead)
