"""Estates for tests, from objects as Google's API writes them.

`google(objects…)` takes (full name, fields) pairs; the kind follows from the name. Everything is taken as exported,
unless `missing` names kinds of which nothing is known.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.firewall_policy import EffectiveFirewalls, FirewallPolicy
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.interconnect_attachment import InterconnectAttachment
from wayhome.clouds.gcp.resources.load_balancing import (
    BackendService,
    ForwardingRule,
    InstanceGroupMembers,
)
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoutes
from wayhome.clouds.gcp.resources.policy_based_route import PolicyBasedRoute
from wayhome.clouds.gcp.resources.project import Project, ServiceProjects
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.router import Router, RouterStatus
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.gcp.resources.vpn import TargetVpnGateway, VpnGateway, VpnTunnel
from wayhome.clouds.knowledge import Claim, Knowledge, State
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.clouds.table import Table
from wayhome.clouds.values import decode_value
from wayhome.network.evidence import Evidence

Object = tuple[str, dict[str, Any]]

EXPORT, IMPORT = "exportCustomRoutes", "importCustomRoutes"
"""Flags of a peering."""

KINDS: tuple[type[Resource], ...] = (
    Network,
    Subnetwork,
    Route,
    FirewallRule,
    FirewallPolicy,
    EffectiveFirewalls,
    Instance,
    Router,
    RouterStatus,
    VpnTunnel,
    VpnGateway,
    TargetVpnGateway,
    ForwardingRule,
    BackendService,
    PolicyBasedRoute,
    InterconnectAttachment,
    Project,
    ServiceProjects,
)


def google(*objects: Object, missing: Iterable[type[Resource]] = ()) -> Estate:
    tables: dict[type[Resource], dict[str, Located[Resource]]] = {}
    projects = set()
    for number, (name, fields) in enumerate(objects):
        kind = _kind(name)
        parts = name.split("/")
        projects.add("/".join(parts[:2]))
        known: dict[str, Any] = {"name": parts[-1]}
        if "zones" in parts:
            known["zone"] = "/".join(parts[:4])
        if "regions" in parts:
            known["region"] = "/".join(parts[:4])
        if kind is PeeringRoutes:
            known = {}
        value = msgspec.convert(known | fields, kind, dec_hook=decode_value)
        tables.setdefault(kind, {})[name] = Located(value, Evidence(name, "all.json", f"/{number}"))
    unknown = set(missing)
    claims = [
        Claim(kind, project, State.EXPORTED)
        for kind in KINDS
        if kind not in unknown
        for project in projects
    ]
    return Estate(
        tables={kind: Table(objects) for kind, objects in tables.items()},
        knowledge=Knowledge(tuple(claims)),
    )


def _kind(name: str) -> type[Resource]:
    if "/peerings/" in name:
        return PeeringRoutes
    if name.count("/") == 1:
        return Project
    if "/instanceGroups/" in name:
        return InstanceGroupMembers
    without_subject = ("/status", "/effectiveFirewalls", "/service-projects")
    collection = name.split("/")[-1 if name.endswith(without_subject) else -2]
    return next(kind for kind in KINDS if collection == kind.COLLECTION)


def network(name: str, *peers: dict[str, Any], mode: str = "REGIONAL", **more: Any) -> Object:
    """`name`: PROJECT/NETWORK."""
    fields = {
        "autoCreateSubnetworks": False,
        "routingConfig": {"routingMode": mode},
        "peerings": list(peers),
    }
    return full_network(name), fields | more


def full_network(name: str) -> str:
    project, _, short = name.partition("/")
    return f"projects/{project}/global/networks/{short}"


def peering(to: str, *flags: str, state: str = "ACTIVE", **more: Any) -> dict[str, Any]:
    """`flags`: settings that are true, such as exportCustomRoutes."""
    return {
        "name": f"to-{to.rpartition('/')[2]}",
        "network": full_network(to),
        "state": state,
    } | dict.fromkeys(flags, True) | more  # fmt: skip


def subnet(of: str, cidr: str, *secondary: str, region: str = "r1", **more: Any) -> Object:
    project = of.partition("/")[0]
    slug = cidr.replace(".", "-").replace("/", "-").replace(":", "-")
    ranges = [
        {"rangeName": f"s{number}", "ipCidrRange": item} for number, item in enumerate(secondary)
    ]
    fields = {
        "network": full_network(of),
        "ipCidrRange": cidr,
        "secondaryIpRanges": ranges,
    }
    return f"projects/{project}/regions/{region}/subnetworks/{slug}", fields | more


def static(of: str, name: str, cidr: str, **fields: Any) -> Object:
    """A route; `fields` hold its next hop."""
    project = of.partition("/")[0]
    base = {"network": full_network(of), "destRange": cidr, "priority": 1000}
    return f"projects/{project}/global/routes/{name}", base | fields


def default_route(of: str) -> Object:
    project = of.partition("/")[0]
    gateway = f"projects/{project}/global/gateways/default-internet-gateway"
    return static(of, f"default-{of.rpartition('/')[2]}", "0.0.0.0/0", nextHopGateway=gateway)


def instance(
    of: str,
    name: str,
    address: str,
    *,
    zone: str = "r1-a",
    tags: str = "",
    aliases: tuple[str, ...] = (),
    external: str = "",
    **more: Any,
) -> Object:
    project = of.partition("/")[0]
    interface = {
        "name": "nic0",
        "network": full_network(of),
        "networkIP": address,
        "aliasIpRanges": [{"ipCidrRange": cidr} for cidr in aliases],
        "accessConfigs": [{"natIP": external}] if external else [],
    }
    fields = {
        "status": "RUNNING",
        "tags": {"items": tags.split()},
        "networkInterfaces": [interface],
    }
    return f"projects/{project}/zones/{zone}/instances/{name}", fields | more


def firewall(of: str, name: str, **fields: Any) -> Object:
    """`allowed="tcp:80,icmp"`, or `denied=`."""
    for verb in ("allowed", "denied"):
        if isinstance(fields.get(verb), str):
            items = []
            for text in fields[verb].split(","):
                protocol, _, ports = text.partition(":")
                items.append({"IPProtocol": protocol} | ({"ports": [ports]} if ports else {}))
            fields[verb] = items
    project = of.partition("/")[0]
    return f"projects/{project}/global/firewalls/{name}", {"network": full_network(of)} | fields


def open_firewall(*networks: str) -> list[Object]:
    """Everything may reach everything in these networks."""
    return [
        firewall(name, f"open-{name.rpartition('/')[2]}", allowed="all", sourceRanges=["0.0.0.0/0"])
        for name in networks
    ]


def tunnel(
    project: str, name: str, *, region: str = "r1", status: str = "ESTABLISHED", **more: Any
) -> Object:
    return f"projects/{project}/regions/{region}/vpnTunnels/{name}", {"status": status} | more


def router(
    of: str, name: str, peers: list[dict[str, Any]], *, region: str = "r1", **more: Any
) -> Object:
    """Each session `p` runs over an interface `if-p` on the tunnel `p`."""
    project = of.partition("/")[0]
    place = f"projects/{project}/regions/{region}"
    fields = {
        "network": full_network(of),
        "bgp": {"asn": 65000},
        "bgpPeers": [{"interfaceName": f"if-{peer['name']}"} | peer for peer in peers],
        "interfaces": [
            {"name": f"if-{peer['name']}", "linkedVpnTunnel": f"{place}/vpnTunnels/{peer['name']}"}
            for peer in peers
        ],
    }
    return f"{place}/routers/{name}", fields | more


def status(
    of: str, name: str, best: list[dict[str, Any]], *, region: str = "r1", up: str = ""
) -> Object:
    """`best` holds the routes that the region sees; `up` the sessions that are up."""
    project = of.partition("/")[0]
    result = {
        "network": full_network(of),
        "bestRoutes": [{"network": full_network(of)} | route for route in best],
        "bgpPeerStatus": [{"name": peer, "status": "UP"} for peer in up.split()],
    }
    return f"projects/{project}/regions/{region}/routers/{name}/status", {"result": result}


def site(of: str, peer: dict[str, Any] | None = None, **of_tunnel: Any) -> list[Object]:
    """A router in r1 that learned 192.168.0.0/16 over the tunnel `t`; `peer`: fields of its session."""
    project = of.partition("/")[0]
    at = f"projects/{project}/regions/r1"
    best = {
        "destRange": "192.168.0.0/16",
        "priority": 100,
        "nextHopVpnTunnel": f"{at}/vpnTunnels/t",
    }
    gateway = f"{at}/vpnGateways/gw"
    return [
        (gateway, {"network": full_network(of)}),
        tunnel(project, "t", vpnGateway=gateway, router=f"{at}/routers/cr", **of_tunnel),
        router(of, "cr", [{"name": "t"} | (peer or {})]),
        status(of, "cr", [best]),
    ]
