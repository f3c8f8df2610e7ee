"""VPN tunnels and VLAN attachments, from the fabric to their far ends.

A tunnel is a node. It drops what its traffic selectors do not hold, and everything while it is not established. Two
exported tunnels that name each other's outside addresses are joined; every other one ends at a site.
"""

from collections.abc import Mapping

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.compile.parts import ATTACHED, Parts, attachment_classes, region_class
from wayhome.clouds.gcp.compile.sites import Site, SiteEnd
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes
from wayhome.clouds.gcp.derive.next_hops import ESTABLISHED, TUNNEL_DOWN
from wayhome.clouds.gcp.derive.ranges import EVERYTHING
from wayhome.clouds.gcp.resources.interconnect_attachment import InterconnectAttachment
from wayhome.clouds.gcp.resources.load_balancing import ForwardingRule
from wayhome.clouds.gcp.resources.router import Router
from wayhome.clouds.gcp.resources.vpn import TargetVpnGateway, VpnGateway, VpnTunnel
from wayhome.clouds.located import Located
from wayhome.clouds.values import Cidr
from wayhome.network import (
    Drop,
    End,
    Evidence,
    Forward,
    Node,
    NodeKind,
    Port,
    PrefixSet,
    Route,
    RouteTable,
    RoutingRule,
)

_FROM_VPC = frozenset({"vpc"})
_FROM_FAR = frozenset({"far"})


def add_tunnels(parts: Parts, estate: Estate, routes: EffectiveRoutes) -> None:
    """All tunnels and attachments whose network is known, and their far ends."""
    tunnels = estate.all(VpnTunnel)
    networks = {
        name: network
        for name, tunnel in tunnels.items()
        if (network := _network(estate, tunnel)) in routes.networks
    }
    outside = {
        address: name for name in networks if (address := _outside(estate, tunnels[name].value))
    }
    sites: dict[str, Site] = {}
    for name, network in networks.items():
        tunnel = tunnels[name]
        _add(parts, tunnel, network)
        far = _far_tunnel(outside, _outside(estate, tunnel.value), name)
        if far is None:
            site = tunnel.value.peer_external_gateway or f"sites/{tunnel.value.peer_ip or name}"
            selectors = tuple(cidr.prefix for cidr in tunnel.value.local_traffic_selector)
            end = SiteEnd(name, End(name, "far"), bool(tunnel.value.router), selectors)
            sites.setdefault(site, Site(site)).ends.append(end)
        elif name < far:
            parts.join(End(name, "far"), End(far, "far"))
    for name, attachment in estate.all(InterconnectAttachment).items():
        router = estate.get(Router, attachment.value.router) if attachment.value.router else None
        if router is not None and router.value.network in routes.networks:
            region = attachment.value.region.short
            port = Port(name=name, ingress_class=attachment_classes(region))
            parts.fabric_ports[router.value.network][name] = port
            site = f"{router.name}/site"
            end = SiteEnd(name, End(router.value.network, name), True, ())
            sites.setdefault(site, Site(site)).ends.append(end)
    for found in sites.values():
        found.add(parts, routes)


def _network(estate: Estate, tunnel: Located[VpnTunnel]) -> str:
    """The network that a tunnel belongs to: its gateway's, or its router's."""
    value = tunnel.value
    gateway = estate.get(VpnGateway, value.vpn_gateway) if value.vpn_gateway else None
    classic = (
        estate.get(TargetVpnGateway, value.target_vpn_gateway) if value.target_vpn_gateway else None
    )
    router = estate.get(Router, value.router) if value.router else None
    for found in (gateway, classic, router):
        if found is not None:
            return found.value.network
    return ""


def _outside(estate: Estate, tunnel: VpnTunnel) -> tuple[str, str] | None:
    """The addresses between which a tunnel runs: ours and the far one."""
    own = None
    if tunnel.vpn_gateway is not None:
        gateway = estate.get(VpnGateway, tunnel.vpn_gateway)
        for interface in gateway.value.vpn_interfaces if gateway else ():
            if interface.id == (tunnel.vpn_gateway_interface or 0):
                own = interface.ip_address
    elif tunnel.target_vpn_gateway is not None:
        for rule in estate.of(ForwardingRule, tunnel.target_vpn_gateway):
            own = own or rule.value.ip_address
    return (own, tunnel.peer_ip) if own and tunnel.peer_ip else None


def _far_tunnel(
    outside: Mapping[tuple[str, str], str], ends: tuple[str, str] | None, name: str
) -> str | None:
    """The exported tunnel that runs between the same addresses, seen from the other end."""
    far = outside.get((ends[1], ends[0])) if ends else None
    # Two tunnels between the same addresses contradict each other: neither has a known far end.
    return far if far != name and ends and outside[ends] == name else None


def _add(parts: Parts, tunnel: Located[VpnTunnel], network: str) -> None:
    value = tunnel.value
    classes = frozenset({ATTACHED, region_class(value.region.short)})
    parts.attach(network, Port(name=tunnel.name, ingress_class=classes), tunnel.name, "vpc")
    local, remote = (
        _selector(value.local_traffic_selector),
        _selector(value.remote_traffic_selector),
    )
    at_local, at_remote = tunnel.at("localTrafficSelector"), tunnel.at("remoteTrafficSelector")
    down = Drop(TUNNEL_DOWN, f"{value.name} is {value.status}", tunnel.at("status"))
    parts.add(
        Node(
            name=tunnel.name,
            kind=NodeKind.TUNNEL,
            ports=(
                Port(name="vpc", ingress_class=_FROM_VPC),
                Port(name="far", ingress_class=_FROM_FAR),
            ),
            rules=(
                RoutingRule(table="far", ingress=_FROM_VPC, sources=local, destinations=remote),
                RoutingRule(table="not-remote", ingress=_FROM_VPC, sources=local),
                RoutingRule(table="not-local", ingress=_FROM_VPC),
                RoutingRule(table="vpc", ingress=_FROM_FAR, sources=remote, destinations=local),
                RoutingRule(table="not-selected", ingress=_FROM_FAR),
            ),
            tables={
                "far": _everything(Forward("far")),
                "vpc": _everything(Forward("vpc")),
                "not-remote": _everything(Drop("VPN_TUNNEL_REMOTE_SELECTOR_MISMATCH"), at_remote),
                "not-local": _everything(Drop("VPN_TUNNEL_LOCAL_SELECTOR_MISMATCH"), at_local),
                "not-selected": _everything(
                    Drop("NO_TRAFFIC_SELECTOR_TO_GCP_DESTINATION"), at_local
                ),
            },
            forwards=True,
            not_running=None if value.status == ESTABLISHED else down,
            evidence=tunnel.evidence,
        )
    )


def _selector(cidrs: tuple[Cidr, ...]) -> PrefixSet | None:
    """None, which is anything, where it is not set or 0.0.0.0/0."""
    prefixes = tuple(cidr.prefix for cidr in cidrs)
    return PrefixSet(prefixes) if prefixes and not any(p in EVERYTHING for p in prefixes) else None


def _everything(action: Forward | Drop, at: Evidence | None = None) -> RouteTable:
    return RouteTable(tuple(Route(prefix, action, evidence=at) for prefix in EVERYTHING))
