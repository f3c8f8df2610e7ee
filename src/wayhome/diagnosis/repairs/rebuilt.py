"""A cluster rebuilt VPC-native: its Pods in a secondary range of a subnetwork, alias ranges on its nodes, no node routes.

It is another cluster. In the replay its nodes and Pods have the names of the old ones, so that the same question can be
asked of it; their addresses are the new range's, in the same order.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.cluster import Cluster, IpAllocationPolicy
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule, ProtocolAndPorts
from wayhome.clouds.gcp.resources.instance import AliasRange, Instance, NetworkInterface
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.kubernetes.resources.pod import Pod, PodAddress
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Cidr, IpAddress, Reference
from wayhome.diagnosis.gcloud import made, short
from wayhome.diagnosis.repairs.free import free_addresses
from wayhome.diagnosis.repairs.proposal import Changes
from wayhome.prefixes import Family, Prefix

GKE_NODE = "goog-gke-node"


class TooSmallError(ValueError):
    """The new range, or the new subnetwork, does not hold what the cluster has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """The cluster as it will be: `subnet` has the secondary range `range_name` already; `pods` is that range."""

    estate: Estate
    cluster: str
    subnet: Located[Subnetwork]
    range_name: str
    pods: Prefix

    def changes(self) -> Changes:
        """What changes besides the subnetwork. Raises TooSmallError."""
        moved = dict(self._blocks())
        created = (self._firewall_rule(),)
        changed = (*self._nodes(moved), *self._pods(moved), *self._instances(moved), *self._gke())
        return Changes(created=created, changed=changed, deleted=tuple(self._node_routes()))

    def _blocks(self) -> Iterator[tuple[Prefix, Prefix]]:
        """The nodes' old ranges with their new ones, in order."""
        first = self.pods.first
        for node in self.estate.of(Node, self.cluster):
            old = _ipv4(node.value)
            if old is None:
                continue
            size = old.last - old.first + 1
            if first + size - 1 > self.pods.last:
                raise TooSmallError(f"{self.pods} is too small for the ranges of all nodes")
            yield old, Prefix(Family.IPV4, first, old.length)
            first += size

    def _nodes(self, moved: dict[Prefix, Prefix]) -> Iterator[Located[Resource]]:
        for node in self.estate.of(Node, self.cluster):
            old = _ipv4(node.value)
            if old is not None:
                cidr = Cidr(str(moved[old]))
                spec = msgspec.structs.replace(node.value.spec, pod_cidr=cidr, pod_cidrs=(cidr,))
                yield Located(msgspec.structs.replace(node.value, spec=spec), node.evidence)

    def _pods(self, moved: dict[Prefix, Prefix]) -> Iterator[Located[Resource]]:
        for pod in self.estate.of(Pod, self.cluster):
            ip = pod.value.status.pod_ip
            if ip is None or pod.value.spec.host_network or ip.family is not Family.IPV4:
                continue
            new = _moved(ip, moved)
            if new is not None:
                status = msgspec.structs.replace(
                    pod.value.status, pod_ip=new, pod_ips=(PodAddress(ip=new),)
                )
                yield Located(msgspec.structs.replace(pod.value, status=status), pod.evidence)

    def _instances(self, moved: dict[Prefix, Prefix]) -> Iterator[Located[Resource]]:
        """The nodes' machines: an alias range instead of forwarding, and a new address in a new subnetwork."""
        machines = list(self._machines())
        elsewhere = [one for one, _ in machines if _nic(one.value).subnetwork != self.subnet.name]
        free = iter(free_addresses(self.estate, self.subnet, len(elsewhere)))
        for instance, old in machines:
            nic = _nic(instance.value)
            alias = AliasRange(
                ip_cidr_range=Cidr(str(moved[old])), subnetwork_range_name=self.range_name
            )
            nic = msgspec.structs.replace(nic, alias_ip_ranges=(alias,))
            if instance in elsewhere:
                address = next(free, None)
                if address is None:
                    raise TooSmallError(f"{self.subnet.name} is too small for all nodes")
                nic = msgspec.structs.replace(
                    nic,
                    network=self.subnet.value.network,
                    subnetwork=Reference(self.subnet.name),
                    network_ip=IpAddress(str(address)),
                )
            value = msgspec.structs.replace(
                instance.value,
                can_ip_forward=False,
                labels={**instance.value.labels, GKE_NODE: ""},
                network_interfaces=(nic, *instance.value.network_interfaces[1:]),
            )
            yield Located(value, instance.evidence)

    def _machines(self) -> Iterator[tuple[Located[Instance], Prefix]]:
        for node in self.estate.of(Node, self.cluster):
            instance = self.estate.get(Instance, node.value.instance)
            old = _ipv4(node.value)
            if instance is not None and old is not None and instance.value.network_interfaces:
                yield instance, old

    def _gke(self) -> Iterator[Located[Resource]]:
        cluster = self.estate.get(Cluster, self.cluster)
        if cluster is None:
            return
        cidr = Cidr(str(self.pods))
        policy = IpAllocationPolicy(
            use_ip_aliases=True,
            cluster_secondary_range_name=self.range_name,
            cluster_ipv4_cidr_block=cidr,
        )
        where = msgspec.structs.replace(
            cluster.value.network_config,
            network=self.subnet.value.network,
            subnetwork=Reference(self.subnet.name),
        )
        value = msgspec.structs.replace(
            cluster.value,
            ip_allocation_policy=policy,
            cluster_ipv4_cidr=cidr,
            node_ipv4_cidr_size=None,
            network_config=where,
        )
        yield Located(value, cluster.evidence)

    def _firewall_rule(self) -> Located[Resource]:
        """What GKE makes by itself: the nodes let in their cluster's Pods."""
        tags = {tag for instance, _ in self._machines() for tag in instance.value.tags.items[:1]}
        network = self.subnet.value.network
        rule = FirewallRule(
            name=f"gke-{short(self.cluster)}-native-all",
            network=network,
            allowed=tuple(ProtocolAndPorts(ip_protocol=one) for one in ("tcp", "udp", "icmp")),
            source_ranges=(Cidr(str(self.pods)),),
            target_tags=tuple(sorted(tags)),
        )
        return made(f"{network.project}/global/firewalls/{rule.name}", rule)

    def _node_routes(self) -> Iterator[tuple[type[Resource], str]]:
        """The old cluster's routes: they go with it."""
        machines = {instance.name: old for instance, old in self._machines()}
        for name, route in self.estate.all(Route).items():
            old = machines.get(route.value.next_hop_instance or "")
            if old is not None and route.value.dest_range.prefix == old:
                yield Route, name


def _nic(instance: Instance) -> NetworkInterface:
    return instance.network_interfaces[0]


def _ipv4(node: Node) -> Prefix | None:
    cidrs = node.spec.pod_cidrs or ((node.spec.pod_cidr,) if node.spec.pod_cidr else ())
    return next((cidr.prefix for cidr in cidrs if cidr.prefix.family is Family.IPV4), None)


def _moved(ip: IpAddress, moved: dict[Prefix, Prefix]) -> IpAddress | None:
    for old, new in moved.items():
        if old.contains(ip.family, ip.value):
            offset = ip.value - old.first
            return IpAddress(str(Prefix(Family.IPV4, new.first + offset, 32)).partition("/")[0])
    return None
