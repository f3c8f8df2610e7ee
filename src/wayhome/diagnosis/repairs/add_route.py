"""Add a static route: where a network has no way to an address, and something in it leads there.

Two things do: the machine of a Kubernetes node, to its own Pods (the route that GKE makes and somebody deleted), and a
tunnel of the classic kind by which the flow came. What a peering or a Cloud Router would have to bring is no static
route's business.

Source: "Static routes", docs.cloud.google.com/vpc/docs/static-routes: next hops, and the interaction with subnet routes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.vpn import TargetVpnGateway, VpnTunnel
from wayhome.clouds.kubernetes.masquerading import pod_ranges
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.values import Cidr, NetworkReference, Reference
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.gcloud import Option, gcloud, made, place, short
from wayhome.diagnosis.repairs.proposal import Changes, NotPossible, Proposal
from wayhome.diagnosis.repairs.ranges import range_of
from wayhome.diagnosis.repairs.source import range_of_source
from wayhome.diagnosis.repairs.terraform import resource
from wayhome.diagnosis.repairs.validity import refused_static_route
from wayhome.diagnosis.situation import Situation
from wayhome.network import Address
from wayhome.prefixes import Prefix
from wayhome.trace import Lost

KIND = "add-route"
PRIORITY = 1000
LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class _Way:
    """A next hop that leads to a range: the field of a route, and the full name there."""

    destination: Prefix
    field: str
    target: str

    def options(self) -> dict[str, Option]:
        """As gcloud says it."""
        there = place(self.target)
        if self.field == "next_hop_instance":
            return {"next_hop_instance": short(self.target), "next_hop_instance_zone": there["zone"]}  # fmt: skip
        return {
            "next_hop_vpn_tunnel": short(self.target),
            "next_hop_vpn_tunnel_region": there["region"],
        }


def add_route(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Give the network in which the packet died a static route, where it has a next hop for it."""
    scene = Scene.of(situation)
    if scene is None or scene.vpc is None or scene.drop.cause == "FIREWALL_RULE":
        return
    network = scene.vpc.name
    ways = (*_by_node(situation, network, scene.towards), *_by_tunnel(situation, scene, network))
    for way in ways:
        yield _proposal(situation, network, way)


def _by_node(situation: Situation, network: str, towards: Address) -> Iterator[_Way]:
    """The machine whose Pods have the address."""
    for node in situation.estate.all(Node).values():
        instance = situation.estate.get(Instance, node.value.instance)
        if instance is None or instance.value.network_interfaces[:1] == ():
            continue
        if instance.value.network_interfaces[0].network != network:
            continue
        for prefix in pod_ranges(node):
            if prefix.contains(towards.family, towards.value):
                yield _Way(prefix, "next_hop_instance", instance.name)


def _by_tunnel(situation: Situation, scene: Scene, network: str) -> Iterator[_Way]:
    """The network's own classic tunnel: by which the flow came, or whose far side has the destination."""
    estate = situation.estate
    back = scene.lost is Lost.REPLY
    came_by = {hop.node for hop in situation.trace.forward}
    for tunnel in estate.all(VpnTunnel).values():
        gateway = estate.get(TargetVpnGateway, tunnel.value.target_vpn_gateway or "")
        if gateway is None or gateway.value.network != network or tunnel.value.router:
            continue
        remote = tunnel.value.remote_traffic_selector
        towards = scene.towards
        selected = any(one.prefix.contains(towards.family, towards.value) for one in remote)
        if back and tunnel.name in came_by:
            yield _Way(range_of_source(situation), "next_hop_vpn_tunnel", tunnel.name)
        elif not back and selected:
            yield _Way(range_of(estate, towards), "next_hop_vpn_tunnel", tunnel.name)


def _proposal(situation: Situation, network: str, way: _Way) -> Proposal:
    project = network.split("/")[1]
    route = Route(
        name=_name(way),
        network=NetworkReference(network),
        dest_range=Cidr(str(way.destination)),
        priority=PRIORITY,
        next_hop_instance=Reference(way.target) if way.field == "next_hop_instance" else None,
        next_hop_vpn_tunnel=Reference(way.target) if way.field == "next_hop_vpn_tunnel" else None,
    )
    return Proposal(
        kind=KIND,
        summary=f"{short(network)} routes {way.destination} to {short(way.target)}",
        changes=Changes(created=(made(f"projects/{project}/global/routes/{route.name}", route),)),
        commands=(
            gcloud(
                "routes", "create", route.name,
                project=project, network=short(network), destination_range=str(way.destination),
                priority=PRIORITY, **way.options(),
            ),
        ),
        undo=(gcloud("routes", "delete", route.name, project=project, quiet=True),),
        terraform=resource(
            "google_compute_route", route.name,
            {
                "project": project, "name": route.name, "network": short(network),
                "dest_range": str(way.destination), "priority": PRIORITY, way.field: way.target,
            },
        ),
        refused=tuple(refused_static_route(situation.routes, network, way.destination)),
    )  # fmt: skip


def _name(way: _Way) -> str:
    where = re.sub(r"[^a-z0-9]+", "-", str(way.destination))
    return f"to-{where}-by-{short(way.target)}"[:LONGEST_NAME].strip("-")
