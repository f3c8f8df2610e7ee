"""The ranges that a repair is about: a cluster's own, and the one that a destination lies in."""

from collections.abc import Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.kubernetes.masquerading import pod_ranges
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.network import Address
from wayhome.prefixes import Prefix


def pod_ranges_of(estate: Estate, cluster: str) -> tuple[Prefix, ...]:
    """The cluster's Pod ranges: as GKE says, and those of its nodes that lie outside of that."""
    gke = estate.get(Cluster, cluster)
    found = [gke.value.cluster_ipv4_cidr.prefix] if gke and gke.value.cluster_ipv4_cidr else []
    for node in estate.of(Node, cluster):
        for prefix in pod_ranges(node):
            if not any(one.holds(prefix) for one in found):
                found.append(prefix)
    return tuple(found)


def service_ranges_of(estate: Estate, cluster: str) -> tuple[Prefix, ...]:
    """The range of ClusterIPs."""
    gke = estate.get(Cluster, cluster)
    return (gke.value.services_ipv4_cidr.prefix,) if gke and gke.value.services_ipv4_cidr else ()


def node_ranges_of(estate: Estate, cluster: str) -> tuple[Prefix, ...]:
    """The subnetworks in which the cluster's nodes are; their addresses alone where those are not exported."""
    return tuple(dict.fromkeys(_node_ranges(estate, cluster)))


def _node_ranges(estate: Estate, cluster: str) -> Iterator[Prefix]:
    for node in estate.of(Node, cluster):
        instance = estate.get(Instance, node.value.instance)
        for interface in instance.value.network_interfaces if instance else ():
            subnet = estate.get(Subnetwork, interface.subnetwork or "")
            if subnet and subnet.value.ip_cidr_range:
                yield subnet.value.ip_cidr_range.prefix
            elif interface.network_ip:
                yield interface.network_ip.prefix


def range_of(estate: Estate, address: Address) -> Prefix:
    """The subnetwork's range that holds an address, the longest; the address alone where none is exported."""
    holding = [
        prefix
        for subnet in estate.all(Subnetwork).values()
        for prefix in ranges_of_subnet(subnet.value)
        if prefix.contains(address.family, address.value)
    ]
    return max(holding, key=lambda prefix: prefix.length, default=address.prefix)


def ranges_of_subnet(subnet: Subnetwork) -> Iterator[Prefix]:
    """Its primary range, its secondary ones, and those of IPv6."""
    if subnet.ip_cidr_range:
        yield subnet.ip_cidr_range.prefix
    for secondary in subnet.secondary_ip_ranges:
        yield secondary.ip_cidr_range.prefix
    ipv6 = (subnet.ipv6_cidr_range, subnet.internal_ipv6_prefix, subnet.external_ipv6_prefix)
    yield from (span.prefix for span in dict.fromkeys(ipv6) if span is not None)
