"""Derived routes against what the cloud itself lists: each difference is a finding.

A difference means that the exports were made at different times, that something was left out of one of them, or that we
derive wrongly. Only what can be compared is: a list that was not exported says nothing.
"""

from collections.abc import Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.finding import Finding
from wayhome.clouds.gcp.derive.difference import differences
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes, NetworkRoutes
from wayhome.clouds.gcp.derive.listed_exchange import exchange_differences
from wayhome.clouds.gcp.derive.route import RouteType
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.router import Router, RouterStatus
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.knowledge import State
from wayhome.clouds.located import Located
from wayhome.clouds.values import project_of


def cross_check(estate: Estate, routes: EffectiveRoutes) -> Iterator[Finding]:
    """All differences, network by network."""
    for name, network in estate.all(Network).items():
        derived = routes.networks[name]
        yield from _subnets(estate, network, derived)
        yield from exchange_differences(estate, network, routes.networks)
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
    yield from differences(what, {r.destination: r.evidence[0] for r in derived.subnets}, listed)


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
            yield from differences(f"advertisement to {session.name}", ours, listed)
