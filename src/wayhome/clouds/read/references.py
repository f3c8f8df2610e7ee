"""What objects name and is not there.

A missing object is only remarkable where all objects of its kind and project were exported: otherwise it may just not
have been asked for. It is a warning, because the cloud itself keeps routes to instances that are gone.
"""

from collections.abc import Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.router import Router
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.gcp.resources.vpn import VpnTunnel
from wayhome.clouds.knowledge import State
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.located import Located
from wayhome.clouds.read.findings import Findings
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Reference
from wayhome.network.evidence import Evidence
from wayhome.policy.findings import quote

_Named = tuple[Located[Resource], tuple[str | int, ...], type[Resource], str]
"""An object, the field in it, and the object that the field names."""


def check(estate: Estate, findings: Findings) -> None:
    """Note what does not fit together."""
    missing: dict[tuple[type[Resource], str], Evidence] = {}
    for one, field, kind, name in _named(estate):
        if estate.get(kind, name) is None and (kind, name) not in missing:
            missing[kind, name] = one.at(*field)
    for (kind, name), evidence in missing.items():
        scope = name.partition("/k8s/")[0] if "/k8s/" in name else Reference(name).project
        if scope and estate.knows(kind, scope).state is State.EXPORTED:
            findings.warn(
                evidence.file,
                evidence.pointer,
                f"names {quote(name)}, which is not in the exports",
                "export both at the same time; or it was deleted",
            )


def _named(estate: Estate) -> Iterator[_Named]:
    yield from _networks(estate)
    yield from _next_hops(estate)
    yield from _interfaces(estate)
    yield from _machines(estate)


def _networks(estate: Estate) -> Iterator[_Named]:
    objects: list[Located[Subnetwork | Route | FirewallRule | Router]] = [
        *estate.all(Subnetwork).values(),
        *estate.all(Route).values(),
        *estate.all(FirewallRule).values(),
        *estate.all(Router).values(),
    ]
    for one in objects:
        yield one, ("network",), Network, one.value.network


def _next_hops(estate: Estate) -> Iterator[_Named]:
    for route in estate.all(Route).values():
        if route.value.next_hop_instance:
            yield route, ("nextHopInstance",), Instance, route.value.next_hop_instance
        if route.value.next_hop_vpn_tunnel:
            yield route, ("nextHopVpnTunnel",), VpnTunnel, route.value.next_hop_vpn_tunnel


def _interfaces(estate: Estate) -> Iterator[_Named]:
    for instance in estate.all(Instance).values():
        for index, interface in enumerate(instance.value.network_interfaces):
            place = "networkInterfaces", index
            yield instance, (*place, "network"), Network, interface.network
            if interface.subnetwork:
                yield instance, (*place, "subnetwork"), Subnetwork, interface.subnetwork


def _machines(estate: Estate) -> Iterator[_Named]:
    for node in estate.all(Node).values():
        if node.value.instance:
            yield node, ("spec", "providerID"), Instance, node.value.instance
    for pod in estate.all(Pod).values():
        if pod.value.spec.node_name:
            cluster = pod.name.partition("/k8s/")[0]
            name = f"{cluster}/k8s/nodes/{pod.value.spec.node_name}"
            yield pod, ("spec", "nodeName"), Node, name
