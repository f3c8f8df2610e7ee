"""The nodes of a cluster that was not exported with kubectl, as Google's own objects tell of them.

A route-based cluster has a route to each node's Pods, and in a VPC-native one each node's instance has them as an alias
range. So who is a node, and which range it gives addresses from, is known without Kubernetes; what runs there, and what
masquerades, is not: that stays missing, and where it makes no difference an answer is certain all the same.
"""

from collections.abc import Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.knowledge import State
from wayhome.clouds.kubernetes.resources.metadata import Metadata
from wayhome.clouds.kubernetes.resources.node import (
    Node,
    NodeInformation,
    NodeSpec,
    NodeStatus,
)
from wayhome.clouds.located import Located
from wayhome.clouds.values import Cidr
from wayhome.network import Evidence
from wayhome.prefixes import Prefix


def nodes_of_google(estate: Estate) -> tuple[Located[Node], ...]:
    """Nodes of the clusters of which no node was exported; there is no evidence of them in any file of kubectl's."""
    return tuple(
        _node(cluster, instance, ranges)
        for cluster in estate.all(Cluster).values()
        if not estate.of(Node, cluster.name)
        and estate.knows(Node, cluster.name).state is not State.EXPORTED
        for instance, ranges in _ranges(estate, cluster).items()
        if estate.get(Instance, instance) is not None
    )


def _ranges(estate: Estate, cluster: Located[Cluster]) -> dict[str, list[Cidr]]:
    """Ranges of Pods by the full name of the instance that has them."""
    found: dict[str, list[Cidr]] = {}
    pods, names = list(_pod_ranges(cluster.value)), set(_range_names(cluster.value))
    for route in estate.of(Route, cluster.value.network_name):
        hop, span = route.value.next_hop_instance, route.value.dest_range
        if hop is not None and any(one.holds(span.prefix) for one in pods):
            found.setdefault(hop, []).append(span)
    for instance in estate.of(Instance, cluster.value.network_name):
        for interface in instance.value.network_interfaces:
            if interface.network != cluster.value.network_name:
                continue
            for alias in interface.alias_ip_ranges:
                span = alias.ip_cidr_range
                if alias.subnetwork_range_name in names or any(p.holds(span.prefix) for p in pods):
                    found.setdefault(instance.name, []).append(span)
    return found


def _pod_ranges(cluster: Cluster) -> Iterator[Prefix]:
    policy = cluster.ip_allocation_policy
    pools = (pool.network_config.pod_ipv4_cidr_block for pool in cluster.node_pools)
    for span in (cluster.cluster_ipv4_cidr, policy.cluster_ipv4_cidr_block, *pools):
        if span is not None:
            yield span.prefix


def _range_names(cluster: Cluster) -> Iterator[str]:
    policy = cluster.ip_allocation_policy
    pools = (pool.network_config.pod_range for pool in cluster.node_pools)
    more = policy.additional_pod_ranges_config.pod_range_names
    yield from (name for name in (policy.cluster_secondary_range_name, *more, *pools) if name)


def _node(cluster: Located[Cluster], instance: str, ranges: list[Cidr]) -> Located[Node]:
    _, project, _, zone, _, name = instance.split("/")
    version = cluster.value.current_node_version
    value = Node(
        metadata=Metadata(name=name),
        spec=NodeSpec(
            pod_cidrs=tuple(dict.fromkeys(ranges)), provider_id=f"gce://{project}/{zone}/{name}"
        ),
        status=NodeStatus(
            node_info=NodeInformation(kubelet_version=f"v{version}" if version else "")
        ),
    )
    return Located(value, Evidence(f"{cluster.name}/k8s/nodes/{name}", ""))
