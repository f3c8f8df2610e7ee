"""Instances: a node each, and the fabric's port to each of their interfaces.

What a guest does is in no export. Assumed: a packet leaves by the interface that owns its source; addresses on the way
to another interface's subnetwork leave there; everything else by the first interface. Of what a route sends *through*
an instance, and of Pods behind one, only what else is known of it (a Kubernetes node) can tell; until then it is opaque.
"""

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.compile.balancers import backends
from wayhome.clouds.gcp.compile.parts import ATTACHED, Parts, region_class, tag_class
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes
from wayhome.clouds.gcp.derive.interfaces import Interface, interfaces
from wayhome.clouds.gcp.derive.next_hops import RUNNING
from wayhome.clouds.gcp.derive.ranges import EVERYTHING
from wayhome.clouds.gcp.derive.route import NextHop, NextHopType
from wayhome.clouds.gcp.firewall.firewalls import Firewalls
from wayhome.clouds.gcp.firewall.target import Target
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.load_balancing import ForwardingRule
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.located import Located
from wayhome.network import (
    Address,
    Drop,
    Forward,
    Missing,
    Node,
    NodeKind,
    Opaque,
    Port,
    PrefixSet,
    Route,
    RouteTable,
    RoutingRule,
)
from wayhome.prefixes import Prefix

Balanced = Mapping[str, tuple[Prefix, ...]]
"""By the fabric's port: the addresses of the load balancers in front of it."""

GKE_NODE = "goog-gke-node"
"""The label that GKE puts on its nodes."""
METADATA = PrefixSet.parse("169.254.169.254/32", "fd20:ce::254/128").prefixes
"""The metadata server, and the resolver at the same address: every host answers its own instances; no route leads there."""
GUEST = "GUEST"
"""The type of routes inside an instance, which no analyzer knows."""


def add_instances(
    parts: Parts, estate: Estate, routes: EffectiveRoutes, firewalls: Firewalls, balanced: Balanced
) -> None:
    """All instances of the estate and the fabrics' ports to them."""
    behind = _behind(estate, routes)
    for instance in estate.all(Instance).values():
        found = list(interfaces(instance))
        for interface in found:
            port = _fabric_port(estate, interface, firewalls, balanced.get(interface.port, ()))
            parts.attach(interface.value.network, port, instance.name, interface.name)
        vips = tuple(vip for interface in found for vip in balanced.get(interface.port, ()))
        parts.add(_node(estate, instance, found, vips, behind.get(instance.name, ())))


def region_of(instance: Instance) -> str:
    """The region of a zone: `europe-west4` of `europe-west4-a`."""
    return instance.zone.short.rpartition("-")[0]


def _addresses(interface: Interface) -> tuple[Address, ...]:
    value = interface.value
    own = (value.network_ip, value.ipv6_address)
    return tuple(Address(address.family, address.value) for address in own if address is not None)


def _fabric_port(
    estate: Estate, interface: Interface, firewalls: Firewalls, vips: tuple[Prefix, ...]
) -> Port:
    instance = interface.instance
    value = instance.value
    tags = frozenset(value.tags.items)
    target = Target(
        interface.value.network,
        region_of(value),
        tags,
        frozenset(account.email for account in value.service_accounts),
    )
    owns = (
        *(address.prefix for address in _addresses(interface)),
        *(alias.ip_cidr_range.prefix for alias in interface.value.alias_ip_ranges),
    )
    return Port(
        name=interface.port,
        owns=owns,
        ingress_class=frozenset({ATTACHED, region_class(target.region), *map(tag_class, tags)}),
        permitted=None if value.can_ip_forward else PrefixSet((*owns, *vips)),
        permitted_evidence=None if value.can_ip_forward else instance.at("canIpForward"),
        filter_in=firewalls.egress(target),
        filter_out=firewalls.ingress(target),
        mtu=_mtu(estate, interface),
    )


def _mtu(estate: Estate, interface: Interface) -> int | None:
    network = estate.get(Network, interface.value.network)
    return network.value.mtu if network is not None else None


def _node(
    estate: Estate, instance: Located[Instance], found: list[Interface], vips: tuple[Prefix, ...],
    behind: Iterable[Prefix],
) -> Node:  # fmt: skip
    value = instance.value
    aliases = [a.ip_cidr_range.prefix for i in found for a in i.value.alias_ip_ranges]
    pods = aliases if GKE_NODE in value.labels else []
    beyond = (*behind, *pods)
    tables = {"main": RouteTable.of(_main(estate, found))}
    rules = [
        RoutingRule(table=interface.name, sources=PrefixSet(_own(interface)))
        for interface in found[1:]
    ]
    for interface in found[1:]:
        tables[interface.name] = _everything(interface.name)
    if beyond:
        tables["beyond"] = _beyond(instance, beyond)
        # What it sends itself by a default route of which it is the next hop takes its own way out.
        tables["near"] = _beyond(instance, set(beyond).difference(EVERYTHING))
        rules[:0] = [RoutingRule(table="beyond", locally_sent=False), RoutingRule(table="near")]
    return Node(
        name=instance.name,
        kind=NodeKind.INSTANCE,
        ports=tuple(Port(name=i.name, addresses=_addresses(i), mtu=_mtu(estate, i)) for i in found),
        local=(*(() if pods else aliases), *vips, *METADATA),
        rules=(*rules, RoutingRule(table="main")),
        tables=tables,
        forwards=value.can_ip_forward or bool(beyond),
        not_running=_not_running(instance),
        assumptions=_assumptions(value, found),
        evidence=instance.evidence,
    )


def _own(interface: Interface) -> tuple[Prefix, ...]:
    aliases = (alias.ip_cidr_range.prefix for alias in interface.value.alias_ip_ranges)
    return (*(address.prefix for address in _addresses(interface)), *aliases)


def _main(estate: Estate, found: list[Interface]) -> Iterator[Route]:
    """By the first interface, but for the subnetworks of the others."""
    for interface in found[1:]:
        name = interface.value.subnetwork
        subnet = estate.get(Subnetwork, name) if name else None
        if subnet is not None and subnet.value.ip_cidr_range is not None:
            prefix = subnet.value.ip_cidr_range.prefix
            yield Route(prefix, Forward(interface.name), GUEST, evidence=subnet.at("ipCidrRange"))
    if found:
        yield from _everything(found[0].name).routes


@lru_cache
def _everything(port: str) -> RouteTable:
    return RouteTable(tuple(Route(prefix, Forward(port), GUEST) for prefix in EVERYTHING))


def _beyond(instance: Located[Instance], prefixes: Iterable[Prefix]) -> RouteTable:
    """What lies behind the instance: what it does with it, only the instance knows."""
    name, zone = instance.value.name, instance.value.zone.short
    missing = Missing(
        f"what {name} does with packets that a route sends through it",
        f"gcloud compute ssh {shlex.quote(name)} --zone={shlex.quote(zone)} --command='ip route; ip rule; iptables-save'",
    )
    return RouteTable.of(
        Route(prefix, Opaque(missing), GUEST, evidence=instance.evidence)
        for prefix in set(prefixes)
    )


def _behind(estate: Estate, routes: EffectiveRoutes) -> dict[str, list[Prefix]]:
    """By instance: what static routes send through it, as their next hop or behind a load balancer that is."""
    found: dict[str, list[Prefix]] = defaultdict(list)
    for network in routes.networks.values():
        for route in network.custom:
            for port in _next_hop_ports(estate, route.next_hop):
                found[port.rpartition("/")[0]].append(route.destination)
    return found


def _next_hop_ports(estate: Estate, hop: NextHop) -> tuple[str, ...]:
    if hop.type in (NextHopType.INSTANCE, NextHopType.IP, NextHopType.ROUTER_APPLIANCE):
        return (hop.resource,) if hop.resource else ()
    rule = estate.get(ForwardingRule, hop.resource) if hop.type is NextHopType.ILB else None
    found = backends(estate, rule) if rule is not None else ()
    return () if isinstance(found, Missing) else tuple(interface.port for interface in found)


def _not_running(instance: Located[Instance]) -> Drop | None:
    status = instance.value.status
    if status in (RUNNING, ""):
        return None
    return Drop("INSTANCE_NOT_RUNNING", f"{instance.value.name} is {status}", instance.at("status"))


def _assumptions(instance: Instance, found: list[Interface]) -> tuple[str, ...]:
    if len(found) < 2:
        return ()
    return (
        f"{instance.name} sends by the interface that owns the source, else by {found[0].name}",
    )
