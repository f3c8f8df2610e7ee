"""From an estate to nodes and links: everything of Google's network but what runs inside its instances.

The seam for Kubernetes: `nodes` are by name, so that an instance that is a Kubernetes node can be replaced by one that
has Pods behind it before `wayhome.network.Network` is made.
"""

import shlex
from dataclasses import dataclass

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.compile.balancers import add_balancers, backends
from wayhome.clouds.gcp.compile.fabric import add_fabric
from wayhome.clouds.gcp.compile.instances import add_instances
from wayhome.clouds.gcp.compile.internet import add_internet
from wayhome.clouds.gcp.compile.parts import Parts
from wayhome.clouds.gcp.compile.peerings import add_peerings, port_of
from wayhome.clouds.gcp.compile.tables import Actions, simple_actions
from wayhome.clouds.gcp.compile.tunnels import add_tunnels
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes, effective_routes
from wayhome.clouds.gcp.derive.route import EffectiveRoute, NextHopType
from wayhome.clouds.gcp.firewall.firewalls import Firewalls
from wayhome.clouds.gcp.resources.load_balancing import ForwardingRule
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.values import project_of
from wayhome.network import (
    Action,
    Drop,
    Forward,
    Link,
    Missing,
    Node,
    NodeKind,
    Opaque,
)


@dataclass(frozen=True, slots=True)
class Compiled:
    """The network so far, and the routes that it was made from."""

    nodes: dict[str, Node]
    links: list[Link]
    routes: EffectiveRoutes


def compile_gcp(estate: Estate, routes: EffectiveRoutes | None = None) -> Compiled:
    """Compile Google's part of an estate. `routes`: if they were derived already."""
    routes = routes or effective_routes(estate)
    firewalls = Firewalls(estate, routes.addresses)
    parts = Parts()
    add_instances(parts, estate, routes, firewalls, add_balancers(parts, estate))
    add_peerings(parts, estate, routes)
    add_tunnels(parts, estate, routes)
    add_internet(parts, estate)
    for name in estate.all(Network):
        actions = _actions(parts, estate, name)
        assumption = firewalls.assumption(name)
        add_fabric(parts, estate, routes.networks[name], actions, assumption)
    _add_unread_networks(parts)
    return Compiled(parts.nodes, parts.links, routes)


def _actions(parts: Parts, estate: Estate, network: str) -> Actions:
    """What this network's fabric does for a route: by its ports."""
    ports = parts.fabric_ports[network]

    def port(route: EffectiveRoute) -> str:
        return port_of(route) if route.type.of_peer else route.next_hop.resource

    simple = simple_actions(port)

    def actions(route: EffectiveRoute) -> tuple[Action, ...]:
        if route.next_hop.type is NextHopType.ILB and not (route.unusable or route.unknown):
            return _balancer(estate, route)
        found = simple(route)
        (action,) = found
        if not isinstance(action, Forward) or action.port in ports:
            return found
        fact = f"what lies behind {route.next_hop.target or 'the next hop'}"
        return (
            Opaque(
                Missing(
                    fact, f"gcloud compute routes describe {shlex.quote(route.evidence[0].object)}"
                )
            ),
        )

    return actions


def _balancer(estate: Estate, route: EffectiveRoute) -> tuple[Action, ...]:
    rule = estate.get(ForwardingRule, route.next_hop.resource)
    found = backends(estate, rule) if rule is not None else ()
    if isinstance(found, Missing):
        return (Opaque(found),)
    if not found:
        return (Drop("NO_BACKENDS", f"{route.next_hop.target} has no running backend"),)
    return tuple(Forward(interface.port) for interface in found)


def _add_unread_networks(parts: Parts) -> None:
    """Networks of which only an interface tells: their project was not exported."""
    for name, ports in parts.fabric_ports.items():
        if name not in parts.nodes:
            project = project_of(name).removeprefix("projects/")
            short = shlex.quote(name.rpartition("/")[2])
            words = f"gcloud compute networks describe {short} --project={shlex.quote(project)}"
            missing = Missing(f"the configuration of {name}", f"{words} --format=json")
            parts.add(
                Node(name=name, kind=NodeKind.FABRIC, ports=tuple(ports.values()), opaque=missing)
            )
