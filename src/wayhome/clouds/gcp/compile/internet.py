"""The way to the internet: a gateway for each network, and what lies outside.

A gateway takes nothing to a private address, and nothing from a source without an external address: 1:1 ones belong to
an interface's primary address and not to its alias ranges; Cloud NAT gives one to the ranges of a subnetwork that it is
set up for. The addresses of Google's APIs that are only for inside are reached with Private Google Access alone.
"""

from collections.abc import Iterable, Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.compile.cloud_nat import nat_sources
from wayhome.clouds.gcp.compile.parts import INTERNET, Parts
from wayhome.clouds.gcp.compile.special_paths import ADDRESSES as SPECIAL
from wayhome.clouds.gcp.derive.gap import command
from wayhome.clouds.gcp.derive.interfaces import interfaces
from wayhome.clouds.gcp.derive.ranges import EVERYTHING, LINK_LOCAL, PRIVATE
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.router import Router
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.knowledge import State
from wayhome.clouds.located import Located
from wayhome.clouds.values import IpAddress, project_of
from wayhome.network import (
    Action,
    Address,
    DestinationRule,
    Drop,
    End,
    Evidence,
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
    Target,
    To,
    TranslationChain,
    TranslationRule,
)
from wayhome.prefixes import Family, Intervals, Prefix

OUTSIDE = "internet"
HOSTS = "internet/hosts"

GOOGLE_APIS = PrefixSet.parse("199.36.153.4/30", "199.36.153.8/30")
"""restricted.googleapis.com and private.googleapis.com."""
_PRIVATE = Drop(
    "PRIVATE_TRAFFIC_TO_INTERNET",
    "only a route to the internet is left, and the address is private",
)
_NOWHERE = Drop("NO_ROUTE", "nothing on the internet leads to a private address", Evidence(OUTSIDE))
_ASKS_ONLY = Drop(
    "NO_ROUTE",
    "only Google's health checks and proxies have it, and nobody asks them",
    Evidence(OUTSIDE),
)
_NO_ACCESS = Drop(
    "PRIVATE_GOOGLE_ACCESS_DISALLOWED", "the source's subnetwork has no Private Google Access"
)
_NOT_PUBLIC = PrefixSet((*PRIVATE, *LINK_LOCAL))


def add_internet(parts: Parts, estate: Estate) -> None:
    """A gateway for each network, and the internet, which routes external addresses back to them."""
    routes, ports = [], []
    for network in estate.all(Network).values():
        external = list(_external(estate, network.name))
        name = f"{network.name}/internet-gateway"
        parts.add(_gateway(estate, network, name, external))
        _add_google_apis(parts, name)
        port = Port(name=INTERNET, ingress_class=frozenset({INTERNET}))
        parts.attach(network.name, port, name, "vpc")
        ports.append(Port(name=name))
        parts.join(End(name, "outside"), End(OUTSIDE, name))
        translated = {outside.prefix for _, outside, _ in external}
        translated |= {source.address.prefix for source in nat_sources(estate, network)}
        translated.update(_external_ipv6(estate, network.name))
        routes += [Route(prefix, Forward(name)) for prefix in translated]
    public = tuple(_public(route.destination for route in routes))
    routes += [Route(prefix, Forward("hosts")) for prefix in EVERYTHING]
    routes += [Route(prefix, _NOWHERE) for prefix in _NOT_PUBLIC.prefixes]
    routes += [Route(prefix, _ASKS_ONLY) for prefix in SPECIAL.prefixes]
    parts.add(
        Node(name=OUTSIDE, kind=NodeKind.INTERNET, ports=(*ports, Port(name="hosts")), forwards=True,
             rules=(RoutingRule(table="main"),), tables={"main": RouteTable.of(routes)})
    )  # fmt: skip
    parts.add(
        Node(name=HOSTS, kind=NodeKind.INTERNET, ports=(Port(name="outside"),), local=public,
             rules=(RoutingRule(table="main"),), tables={"main": _all(Forward("outside"))},
             assumptions=("something on the internet has the address and answers",))
    )  # fmt: skip
    parts.join(End(OUTSIDE, "hosts"), End(HOSTS, "outside"))


def _add_google_apis(parts: Parts, gateway: str) -> None:
    """Google's APIs as one network sees them: with addresses from inside, and so a way back of its own."""
    name = f"{gateway}/google-apis"
    parts.add(
        Node(
            name=name,
            kind=NodeKind.INTERNET,
            ports=(Port(name="gateway"),),
            local=GOOGLE_APIS.prefixes,
            rules=(RoutingRule(table="main"),),
            tables={"main": _all(Forward("gateway"))},
        )
    )
    parts.join(End(gateway, "google-apis"), End(name, "gateway"))


def _public(ours: Iterable[Prefix]) -> Iterator[Prefix]:
    """Everything that is neither private, nor Google's from inside, nor an address of a network that we know."""
    taken = (*_NOT_PUBLIC.prefixes, *GOOGLE_APIS.prefixes, *SPECIAL.prefixes, *ours)
    for family in Family:
        spans = [(p.first, p.last) for p in taken if p.family is family]
        left = Intervals.of([(0, family.last)]).minus(Intervals.of(spans))
        for first, last in left.spans:
            yield from Prefix.from_interval(family, first, last)


def _external(estate: Estate, network: str) -> Iterator[tuple[Address, Address, Evidence]]:
    """Primary addresses of a network's interfaces with their 1:1 external ones, and where these stand."""
    for instance in estate.of(Instance, network):
        for interface in interfaces(instance):
            value = interface.value
            if value.network != network or value.network_ip is None:
                continue
            for number, access in enumerate(value.access_configs):
                if access.nat_ip is not None:
                    at = instance.at("networkInterfaces", interface.number, "accessConfigs", number)
                    yield _address(value.network_ip), _address(access.nat_ip), at


def _external_ipv6(estate: Estate, network: str) -> Iterator[Prefix]:
    """External IPv6 addresses are the interfaces' own, and not translated."""
    for subnet in estate.of(Subnetwork, network):
        if subnet.value.external_ipv6_prefix is not None:
            yield subnet.value.external_ipv6_prefix.prefix


def _address(text: IpAddress) -> Address:
    return Address(text.family, text.value)


def _gateway(
    estate: Estate, network: Located[Network], name: str, external: list[tuple[Address, Address, Evidence]]
) -> Node:  # fmt: skip
    nats = list(nat_sources(estate, network))
    from_vpc, out = frozenset({"vpc"}), frozenset({"outside"})
    has_external = PrefixSet(
        (*(i.prefix for i, _, _ in external), *_external_ipv6(estate, network.name))
    )
    to_apis = PrefixSet.of(_with_access(estate, network.name))
    one_to_one = (
        TranslationRule(
            action=To(outside), sources=PrefixSet((inside.prefix,)), out_ports=out, evidence=at
        )
        for inside, outside, at in external
    )
    nat = (
        TranslationRule(
            action=To(source.address),
            sources=source.sources,
            out_ports=out,
            evidence=source.evidence,
        )
        for source in nats
    )
    inwards = tuple(
        DestinationRule(
            action=(Target(inside),),
            destinations=PrefixSet((outside.prefix,)),
            in_ports=out,
            evidence=at,
        )
        for inside, outside, at in external
    )
    return Node(
        name=name,
        kind=NodeKind.GATEWAY,
        ports=(
            Port(name="vpc", ingress_class=from_vpc),
            Port(name="outside", ingress_class=out),
            Port(name="google-apis", ingress_class=out),
        ),
        rules=(
            RoutingRule(table="private", ingress=from_vpc, destinations=_NOT_PUBLIC),
            RoutingRule(
                table="google-apis", ingress=from_vpc, sources=to_apis, destinations=GOOGLE_APIS
            ),
            RoutingRule(table="no-access", ingress=from_vpc, destinations=GOOGLE_APIS),
            RoutingRule(table="outside", ingress=from_vpc, sources=has_external),
            *(
                RoutingRule(table="outside", ingress=from_vpc, sources=source.sources)
                for source in nats
            ),
            RoutingRule(table="no-external", ingress=from_vpc),
            RoutingRule(table="vpc", ingress=out),
        ),
        tables={
            "private": _all(_PRIVATE),
            "no-access": _all(_NO_ACCESS),
            "no-external": _all(_no_external(estate, network)),
            "google-apis": _all(Forward("google-apis")),
            "outside": _all(Forward("outside")),
            "vpc": _all(Forward("vpc")),
        },
        translation_in=inwards,
        translation_out=(TranslationChain("external-addresses", (*one_to_one, *nat)),),
        forwards=True,
        assumptions=tuple(dict.fromkeys(source.assumption for source in nats if source.assumption)),
    )


def _with_access(estate: Estate, network: str) -> Iterator[Prefix]:
    """The ranges of subnetworks with Private Google Access."""
    for subnet in estate.of(Subnetwork, network):
        if subnet.value.private_ip_google_access:
            if subnet.value.ip_cidr_range is not None:
                yield subnet.value.ip_cidr_range.prefix
            for secondary in subnet.value.secondary_ip_ranges:
                yield secondary.ip_cidr_range.prefix


def _no_external(estate: Estate, network: Located[Network]) -> Action:
    """Dropped, unless a router that was not exported does Cloud NAT."""
    project = project_of(network.name)
    if estate.knows(Router, project).state is State.EXPORTED:
        return Drop("NO_EXTERNAL_ADDRESS", "the source has no external address, nor a Cloud NAT")
    return Opaque(
        Missing(
            f"whether {network.value.name} has a Cloud NAT for the source",
            command("routers list", project),
        )
    )


def _all(action: Action) -> RouteTable:
    return RouteTable(tuple(Route(prefix, action) for prefix in EVERYTHING))
