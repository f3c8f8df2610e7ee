"""What the Pods of a cluster are asked about: every prefix in the exports that is not the cluster's own.

Subnets with their secondary ranges, custom routes, what peers offer, what sites announce and tunnels select, instances'
addresses. A route for everything names no destination, and is none here. The cluster's own are its ranges for Pods and
Services, where its own network or a copy of its routes says them: a foreign subnet that overlaps them is asked about.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes
from wayhome.clouds.gcp.derive.interfaces import interfaces
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.vpn import VpnTunnel
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.diagnosis.repairs.ranges import pod_ranges_of, service_ranges_of
from wayhome.prefixes import Intervals, Prefix
from wayhome.trace.classes.line import spans


@dataclass(frozen=True, slots=True)
class Outside:
    """What each network names, and what is the clusters' own of it.

    `by_network`: everything. `own`: for each cluster, its networks, and what these name that is not the cluster's.
    """

    by_network: dict[str, Intervals]
    own: dict[str, tuple[frozenset[str], Intervals]]

    def everything(self) -> Intervals:
        """All addresses that anybody is asked about."""
        named = (span for one in self.by_network.values() for span in one.spans)
        return Intervals.of(named)


def outside(estate: Estate, routes: EffectiveRoutes, clusters: Iterable[str]) -> Outside:
    """All addresses that the clusters' Pods are asked about."""
    named: dict[str, list[Prefix]] = {}
    for network, prefix in _named(estate, routes):
        if prefix.length:
            named.setdefault(network, []).append(prefix)
    own = {}
    for cluster in clusters:
        ranges = (*pod_ranges_of(estate, cluster), *service_ranges_of(estate, cluster))
        networks = frozenset(_networks_of(estate, cluster))
        of_networks = (prefix for network in networks for prefix in named.get(network, ()))
        others = (p for p in of_networks if not any(one.holds(p) for one in ranges))
        own[cluster] = (networks, spans(others))
    return Outside({network: spans(found) for network, found in named.items()}, own)


def _networks_of(estate: Estate, cluster: str) -> set[str]:
    nodes = (estate.get(Instance, node.value.instance) for node in estate.of(Node, cluster))
    return {one.network for node in nodes if node for one in node.value.network_interfaces}


def _named(estate: Estate, routes: EffectiveRoutes) -> Iterator[tuple[str, Prefix]]:
    """Each prefix with the network that says it."""
    exported = estate.all(Network)
    for name, network in routes.networks.items():
        for route in (*network.subnets, *network.custom):
            yield name, route.destination
        peers = {
            f"{name}/peerings/{peering.name}": peering.network
            for peering in exported[name].value.peerings
        }
        for route in (*network.peer_subnets, *network.peer_custom):
            # What an exported peer has, it says itself.
            if peers.get(route.next_hop.target) not in exported:
                yield name, route.destination
    for instance in estate.all(Instance).values():
        for interface in interfaces(instance):
            for address in (interface.value.network_ip, interface.value.ipv6_address):
                if address is not None:
                    yield interface.value.network, address.prefix
    for tunnel in estate.all(VpnTunnel).values():
        yield from (("", cidr.prefix) for cidr in tunnel.value.remote_traffic_selector)
