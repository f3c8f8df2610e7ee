"""What is free: addresses of a subnetwork, and ranges that overlap nothing in the exports.

Google keeps the first two and the last two addresses of a subnetwork's primary range for itself.
Source: "Unusable addresses in IPv4 subnet ranges", docs.cloud.google.com/vpc/docs/subnets.
"""

from collections.abc import Iterator
from itertools import islice

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.ranges import EVERYTHING
from wayhome.clouds.gcp.resources.address import Address as ReservedAddress
from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.load_balancing import ForwardingRule
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.kubernetes.masquerading import pod_ranges
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.kubernetes.resources.service import Service
from wayhome.clouds.located import Located
from wayhome.clouds.values import IpAddress
from wayhome.diagnosis.repairs.ranges import ranges_of_subnet
from wayhome.diagnosis.situation import Situation
from wayhome.network import Address
from wayhome.prefixes import Family, Intervals, Prefix, parse_address

RESERVED = 2
"""Addresses at either end of a subnetwork's primary range."""
_BASES = tuple(
    map(Prefix.parse, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
)
"""What Pods and subnetworks usually get: RFC 1918, then shared address space."""


def free_addresses(estate: Estate, subnet: Located[Subnetwork], count: int) -> tuple[Address, ...]:
    """The lowest free addresses of the primary range; fewer than asked for where it is full."""
    if subnet.value.ip_cidr_range is None:
        return ()
    prefix = subnet.value.ip_cidr_range.prefix
    taken = Intervals.of([(one.first, one.last) for one in _taken_in(estate, subnet)])
    usable = Intervals.of([(prefix.first + RESERVED, prefix.last - RESERVED)]).minus(taken)
    numbers = (number for first, last in usable.spans for number in range(first, last + 1))
    return tuple(Address(prefix.family, number) for number in islice(numbers, count))


def _taken_in(estate: Estate, subnet: Located[Subnetwork]) -> Iterator[Prefix]:
    network = subnet.value.network
    for instance in estate.of(Instance, network):
        for interface in instance.value.network_interfaces:
            if interface.network_ip:
                yield from _ipv4(interface.network_ip)
            yield from (alias.ip_cidr_range.prefix for alias in interface.alias_ip_ranges)
    for rule in estate.of(ForwardingRule, network):
        yield from _ipv4(rule.value.ip_address)
    for reserved in estate.of(ReservedAddress, subnet.name):
        yield from _ipv4(reserved.value.address)


def _ipv4(address: IpAddress | None) -> Iterator[Prefix]:
    if address is not None and address.family is Family.IPV4:
        yield address.prefix


def free_pod_address(estate: Estate, node: Located[Node]) -> Address | None:
    """An address of the node's range that no Pod has."""
    cluster = node.name.partition("/k8s/")[0]
    taken = [prefix for pod in estate.of(Pod, cluster) for prefix in _ipv4(pod.value.status.pod_ip)]
    for prefix in pod_ranges(node):
        if prefix.family is Family.IPV4:
            free = Intervals.of([(prefix.first + RESERVED, prefix.last - 1)]).minus(
                Intervals.of([(one.first, one.last) for one in taken])
            )
            for first, _ in free.spans:
                return Address(prefix.family, first)
    return None


def free_range(
    situation: Situation, length: int, near: Prefix | None = None, besides: tuple[Prefix, ...] = ()
) -> Prefix | None:
    """The first IPv4 range of that length that overlaps nothing that any export names, nor `besides`.

    It is looked for in the private range that `near` lies in, then in the others.
    """
    spans = [(one.first, one.last) for one in (*_taken(situation), *besides)]
    taken = Intervals.of(spans)
    size = 1 << (Family.IPV4.bits - length)
    for base in sorted(_BASES, key=lambda base: near is None or not base.holds(near)):
        for first, last in Intervals.of([(base.first, base.last)]).minus(taken).spans:
            aligned = -(-first // size) * size
            if aligned + size - 1 <= last:
                return Prefix(Family.IPV4, aligned, length)
    return None


def _taken(situation: Situation) -> Iterator[Prefix]:
    """Every IPv4 range of the exports."""
    for prefix in _ranges(situation):
        if prefix.family is Family.IPV4 and prefix not in EVERYTHING:
            yield prefix


def _ranges(situation: Situation) -> Iterator[Prefix]:
    estate = situation.estate
    for subnet in estate.all(Subnetwork).values():
        yield from ranges_of_subnet(subnet.value)
    for network in situation.routes.networks.values():
        yield from (route.destination for route in network)
    for cluster in estate.all(Cluster).values():
        for cidr in (cluster.value.cluster_ipv4_cidr, cluster.value.services_ipv4_cidr):
            if cidr:
                yield cidr.prefix
    for node in estate.all(Node).values():
        yield from pod_ranges(node)
    for service in estate.all(Service).values():
        yield from _parsed(service.value.spec.cluster_ip)


def _parsed(text: str) -> Iterator[Prefix]:
    try:
        family, value = parse_address(text)
    except ValueError:  # `None` of a headless Service, or nothing yet
        return
    yield Prefix(family, value, family.bits)
