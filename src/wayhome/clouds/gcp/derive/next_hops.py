"""What a static route's next hop is, and whether it takes packets.

A next hop that is stopped, missing, or a tunnel that is not up is left out before priorities are compared. A hop whose
instance may not forward (`canIpForward`) is no such case: the route is used, and the packet is dropped at the instance.
Causes are the names of Connectivity Tests (DropInfo.cause).
"""

import shlex
from dataclasses import dataclass

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.interfaces import Addresses, Interface, interfaces
from wayhome.clouds.gcp.derive.route import NextHop, NextHopType, UnknownNextHop, Unusable
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.interconnect_attachment import InterconnectAttachment
from wayhome.clouds.gcp.resources.load_balancing import ForwardingRule
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.vpn import VpnTunnel
from wayhome.clouds.knowledge import State
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Reference

RUNNING = "RUNNING"
ESTABLISHED = "ESTABLISHED"

NOT_FOUND = "ROUTE_NEXT_HOP_RESOURCE_NOT_FOUND"
WRONG_NETWORK = "ROUTE_NEXT_HOP_INSTANCE_WRONG_NETWORK"
NOT_RESOLVED = "ROUTE_NEXT_HOP_IP_ADDRESS_NOT_RESOLVED"
NON_PRIMARY = "ROUTE_NEXT_HOP_INSTANCE_NON_PRIMARY_IP"
TUNNEL_DOWN = "ROUTE_NEXT_HOP_VPN_TUNNEL_NOT_ESTABLISHED"
WRONG_TYPE = "ROUTE_NEXT_HOP_FORWARDING_RULE_TYPE_INVALID"

_CAUSES = {
    "NEXT_HOP_ADDRESS_NOT_ASSIGNED": NOT_RESOLVED,
    "NEXT_HOP_INSTANCE_NOT_FOUND": NOT_FOUND,
    "NEXT_HOP_INSTANCE_NOT_ON_NETWORK": WRONG_NETWORK,
    "NEXT_HOP_NOT_RUNNING": "INSTANCE_NOT_RUNNING",
}
"""What a warning in a route means. NEXT_HOP_CANNOT_IP_FORWARD is none of these: such a route is used."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A next hop, and why it is not used or not known."""

    hop: NextHop
    unusable: Unusable | None = None
    unknown: UnknownNextHop | None = None


class NextHops:
    """Resolves the next hops of one estate's routes."""

    def __init__(self, estate: Estate, addresses: Addresses) -> None:
        self._estate = estate
        self._addresses = addresses
        self._tunnels: dict[str, Resolved] = {}

    def resolve(self, route: Located[Route]) -> Resolved | None:
        """None: the route has no next hop that we know of, or is a copy of what is derived.

        Of a next hop that was not exported, the route's own warnings may tell.
        """
        resolved = self._named(route.value)
        if resolved is None or resolved.unknown is None:
            return resolved
        for number, warning in enumerate(route.value.warnings):
            cause = _CAUSES.get(warning.code)
            if cause is not None:
                why = warning.message or f"Google warns of it: {warning.code}"
                unusable = Unusable(cause, why, (route.at("warnings", number),))
                return Resolved(resolved.hop, unusable)
        return resolved

    def _named(self, value: Route) -> Resolved | None:
        if value.next_hop_instance is not None:
            return self._instance(value.network, value.next_hop_instance)
        if value.next_hop_ip is not None:
            return self._address(value.network, value.next_hop_ip)
        if value.next_hop_vpn_tunnel is not None:
            return self.tunnel(value.next_hop_vpn_tunnel)
        if value.next_hop_gateway is not None:
            target = value.next_hop_gateway
            return Resolved(NextHop(NextHopType.INTERNET_GATEWAY, target, target))
        if value.next_hop_ilb is not None:
            return self._balancer(value.network, value.next_hop_ilb)
        if value.next_hop_interconnect_attachment is not None:
            return self.attachment(value.next_hop_interconnect_attachment)
        if value.next_hop_hub is not None:
            hub = value.next_hop_hub
            return Resolved(
                NextHop(NextHopType.NCC_HUB, hub),
                unknown=UnknownNextHop(
                    f"which spoke of {hub} has the destination",
                    hub_routes(hub),
                ),
            )
        return None

    def tunnel(self, name: Reference) -> Resolved:
        """A VPN tunnel."""
        if name not in self._tunnels:
            self._tunnels[name] = self._tunnel(name)
        return self._tunnels[name]

    def _tunnel(self, name: Reference) -> Resolved:
        hop = NextHop(NextHopType.VPN_TUNNEL, name, name)
        found = self._estate.get(VpnTunnel, name)
        if found is None:
            return self._absent(hop, VpnTunnel, name, "vpn-tunnels list")
        if found.value.status == ESTABLISHED:
            return Resolved(hop)
        why = f"{name.short} is {found.value.status or 'of unknown status'}"
        return Resolved(hop, Unusable(TUNNEL_DOWN, why, (found.at("status"),)))

    def attachment(self, name: Reference) -> Resolved:
        """A VLAN attachment of an interconnect."""
        hop = NextHop(NextHopType.INTERCONNECT, name, name)
        found = self._estate.get(InterconnectAttachment, name)
        if found is None:
            return self._absent(hop, InterconnectAttachment, name, "interconnects attachments list")
        if found.value.state == "ACTIVE":
            return Resolved(hop)
        why = f"{name.short} is {found.value.state or 'in an unknown state'}"
        return Resolved(hop, Unusable(NOT_FOUND, why, (found.at("state"),)))

    def appliance(self, network: Reference, name: Reference) -> Resolved:
        """An instance that speaks BGP with a Cloud Router."""
        return self._instance(network, name, NextHopType.ROUTER_APPLIANCE)

    def _instance(
        self, network: Reference, name: Reference, kind: NextHopType = NextHopType.INSTANCE
    ) -> Resolved:
        hop = NextHop(kind, name)
        found = self._estate.get(Instance, name)
        if found is None:
            return self._absent(hop, Instance, name, "instances list")
        for interface in interfaces(found):
            if interface.value.network == network:
                return _interface(NextHop(hop.type, name, interface.port), interface)
        why = f"{name.short} has no interface in {network.short}"
        return Resolved(hop, Unusable(WRONG_NETWORK, why, (found.at("networkInterfaces"),)))

    def _address(self, network: Reference, address: str) -> Resolved:
        hop = NextHop(NextHopType.IP, address)
        interface = self._addresses.primary.get((network, address))
        if interface is not None:
            return _interface(NextHop(hop.type, address, interface.port), interface)
        if (rule := self._addresses.forwarding_rules.get((network, address))) is not None:
            return _forwarding_rule(NextHop(NextHopType.ILB, address, rule.name), rule)
        if self._addresses.is_alias(network, address):
            return Resolved(
                hop, Unusable(NON_PRIMARY, f"{address} is no interface's primary address")
            )
        project = network.project
        if self._estate.knows(Instance, project).state is not State.EXPORTED:
            return Resolved(
                hop, unknown=_ask("instances list", f"which instance has {address}", project)
            )
        return Resolved(hop, Unusable(NOT_RESOLVED, f"nothing in {network.short} has {address}"))

    def _balancer(self, network: Reference, name: Reference) -> Resolved:
        """A forwarding rule, by its name or its address."""
        hop = NextHop(NextHopType.ILB, name)
        rule = self._estate.get(ForwardingRule, name) or self._addresses.forwarding_rules.get(
            (network, name)
        )
        if rule is not None:
            return _forwarding_rule(NextHop(hop.type, name, rule.name), rule)
        return self._absent(hop, ForwardingRule, name, "forwarding-rules list", network.project)

    def _absent(
        self, hop: NextHop, kind: type[Resource], name: Reference, listing: str, project: str = ""
    ) -> Resolved:
        """Not in the estate: it does not exist, if everything where it would be was exported."""
        scope = name.rpartition(f"/{kind.COLLECTION}/")[0] or project
        if self._estate.knows(kind, scope).state is State.EXPORTED:
            return Resolved(hop, Unusable(NOT_FOUND, f"{name} does not exist"))
        return Resolved(hop, unknown=_ask(listing, f"the state of {name}", name.project or project))


def hub_routes(hub: Reference) -> str:
    """The command that lists a hub's routes, of all its spokes."""
    project = hub.project.removeprefix("projects/")
    return (
        f"gcloud network-connectivity hubs route-tables routes list --hub={shlex.quote(hub.short)} "
        f"--route_table=default --project={shlex.quote(project)} --format=json"
    )


def _ask(listing: str, fact: str, project: str) -> UnknownNextHop:
    option = f" --project={shlex.quote(project.removeprefix('projects/'))}" if project else ""
    return UnknownNextHop(fact, f"gcloud compute {listing}{option} --format=json")


def _interface(hop: NextHop, interface: Interface) -> Resolved:
    instance = interface.instance
    if instance.value.status in (RUNNING, ""):
        return Resolved(hop)
    why = f"{instance.value.name} is {instance.value.status}"
    return Resolved(hop, Unusable("INSTANCE_NOT_RUNNING", why, (instance.at("status"),)))


def _forwarding_rule(hop: NextHop, rule: Located[ForwardingRule]) -> Resolved:
    """Only an internal passthrough load balancer may be a next hop."""
    value = rule.value
    if value.load_balancing_scheme == "INTERNAL" and value.backend_service is not None:
        return Resolved(hop)
    why = f"{value.name} is no internal passthrough load balancer"
    return Resolved(hop, Unusable(WRONG_TYPE, why, (rule.at("loadBalancingScheme"),)))
