"""Which resource an exported object is.

Most objects say so themselves (`kind`, `asset_type`). Where they do not (clusters, what passed through `jq`, items of a
raw API list), the list says it, or the object's own link, or the fields that it has.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from wayhome.clouds.gcp.resources.address import Address
from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.gcp.resources.firewall_policy import EffectiveFirewalls, FirewallPolicy
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.interconnect_attachment import InterconnectAttachment
from wayhome.clouds.gcp.resources.load_balancing import (
    BackendService,
    ForwardingRule,
    HealthCheck,
    InstanceGroup,
    InstanceGroupMembers,
)
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoutes
from wayhome.clouds.gcp.resources.policy_based_route import PolicyBasedRoute
from wayhome.clouds.gcp.resources.project import Project, ServiceProjects
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.router import Router, RouterStatus
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.gcp.resources.vpn import (
    ExternalVpnGateway,
    TargetVpnGateway,
    VpnGateway,
    VpnTunnel,
)
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.daemon_set import DaemonSet
from wayhome.clouds.kubernetes.resources.egress_nat_policy import EgressNatPolicy
from wayhome.clouds.kubernetes.resources.metadata import KubernetesObject
from wayhome.clouds.kubernetes.resources.namespace import Namespace
from wayhome.clouds.kubernetes.resources.network_policy import NetworkPolicy
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.kubernetes.resources.service import Service
from wayhome.clouds.resource import Resource

_KUBERNETES: Mapping[type[KubernetesObject], tuple[str, ...]] = {
    ConfigMap: ("",),
    DaemonSet: ("apps", "extensions"),  # extensions: clusters before 1.16
    EgressNatPolicy: ("networking.gke.io",),
    Namespace: ("",),
    NetworkPolicy: ("networking.k8s.io", "extensions"),
    Node: ("",),
    Pod: ("",),
    Service: ("",),
}
"""By type, the API groups that it belongs to: others have kinds of the same name."""

# In the order in which they are asked for: a resource has all of the fields.
_BY_FIELDS: tuple[tuple[type[Resource], str], ...] = (
    (EffectiveFirewalls, "firewalls"),
    (EffectiveFirewalls, "firewallPolicys"),
    (PolicyBasedRoute, "network filter priority"),
    (Instance, "networkInterfaces zone"),
    (Cluster, "nodePools location"),
    (Cluster, "clusterIpv4Cidr name"),
    (FirewallRule, "network allowed"),
    (FirewallRule, "network denied"),
    (FirewallPolicy, "rules shortName"),
    (FirewallPolicy, "rules associations"),
    (Subnetwork, "ipCidrRange network region"),
    (Network, "routingConfig name"),
    (Network, "autoCreateSubnetworks name"),
    (Network, "IPv4Range name"),
    (Network, "peerings name"),
    (VpnTunnel, "ikeVersion name"),
    (VpnTunnel, "localTrafficSelector name"),
    (VpnGateway, "vpnInterfaces network"),
    (ExternalVpnGateway, "redundancyType interfaces"),
    (ForwardingRule, "IPAddress loadBalancingScheme"),
    (BackendService, "backends loadBalancingScheme"),
    (Router, "bgp network region"),
    (Router, "nats network region"),
    (Router, "bgpPeers network"),
    (Route, "destRange network"),
    (Address, "addressType address"),
    (HealthCheck, "healthyThreshold type"),
    (Project, "commonInstanceMetadata name"),
    (Project, "xpnProjectStatus name"),
    (ServiceProjects, "resources"),
)
_BY_MEMBER_FIELDS: tuple[tuple[type[Resource], str], ...] = (
    (PeeringRoutes, "destRange type imported"),
    (PeeringRoutes, "destRange type nextHopRegion"),
    (InstanceGroupMembers, "instance status"),
    (InstanceGroupMembers, "instance instanceStatus"),
)
"""Fields of the items of lists that are one resource as a whole."""
_SERVICE_PROJECT = frozenset({"id", "type"})
"""And these alone: many objects have them besides others."""

_FIELDS = [(kind, frozenset(fields.split())) for kind, fields in _BY_FIELDS]
_MEMBER_FIELDS = [(kind, frozenset(fields.split())) for kind, fields in _BY_MEMBER_FIELDS]

KUBERNETES_TYPES = tuple(_KUBERNETES)
_GOOGLE: tuple[type[Resource], ...] = (
    Address,
    BackendService,
    Cluster,
    EffectiveFirewalls,
    ExternalVpnGateway,
    FirewallPolicy,
    FirewallRule,
    ForwardingRule,
    HealthCheck,
    Instance,
    InstanceGroup,
    InstanceGroupMembers,
    InterconnectAttachment,
    Network,
    PeeringRoutes,
    PolicyBasedRoute,
    Project,
    Route,
    Router,
    RouterStatus,
    ServiceProjects,
    Subnetwork,
    TargetVpnGateway,
    VpnGateway,
    VpnTunnel,
)
TYPES: tuple[type[Resource], ...] = (*_GOOGLE, *KUBERNETES_TYPES)

BY_KIND: Mapping[str, type[Resource]] = {kind.KIND: kind for kind in TYPES}
"""By `kind`, of either cloud: Google's have a `#`."""

WITHOUT_SUBJECT: frozenset[type[Resource]] = frozenset(
    {EffectiveFirewalls, InstanceGroupMembers, PeeringRoutes, RouterStatus, ServiceProjects}
)
"""Outputs that do not say what they are about."""

_BY_COLLECTION = {kind.COLLECTION: kind for kind in _GOOGLE if kind not in WITHOUT_SUBJECT}
_ASSETS: Mapping[str, type[Resource]] = {
    **{
        f"compute.googleapis.com/{kind.KIND.partition('#')[2]}".lower(): kind
        for kind in _GOOGLE
        if kind.KIND.startswith("compute#")
    },
    "compute.googleapis.com/globaladdress": Address,
    "compute.googleapis.com/globalforwardingrule": ForwardingRule,
    "compute.googleapis.com/regionbackendservice": BackendService,
    "container.googleapis.com/cluster": Cluster,
    "networkconnectivity.googleapis.com/policybasedroute": PolicyBasedRoute,
    **{
        f"{(group or 'k8s.io').replace('apps', 'apps.k8s.io')}/{kind.KIND}".lower(): kind
        for kind, groups in _KUBERNETES.items()
        for group in groups
    },
}


def of_kind(kind: str, api_version: str) -> type[Resource] | None:
    """By what the object says of itself. `kind` may be that of a list of them."""
    name = kind.removesuffix("AggregatedList").removesuffix("List")
    found = BY_KIND.get(kind) or BY_KIND.get(name)
    if found in _KUBERNETES and api_version:
        group = api_version.rpartition("/")[0]
        return found if group in _KUBERNETES[found] else None  # type: ignore[index]  # it is one of its keys
    return found


def of_asset(asset_type: str) -> type[Resource] | None:
    """By the type that an asset inventory gives it."""
    return _ASSETS.get(asset_type.lower())


def of_link(link: str) -> type[Resource] | None:
    """By the collection in its full name."""
    parts = link.rsplit("/", 2)
    return _BY_COLLECTION.get(parts[1]) if len(parts) == 3 else None


def of_fields(fields: AbstractSet[str]) -> type[Resource] | None:
    """By the fields that it has."""
    return next((kind for kind, wanted in _FIELDS if wanted <= fields), None)


def of_member_fields(fields: AbstractSet[str]) -> type[Resource] | None:
    """By the fields of an item: the resource that is the list of them."""
    if fields == _SERVICE_PROJECT:
        return ServiceProjects
    return next((kind for kind, wanted in _MEMBER_FIELDS if wanted <= fields), None)
