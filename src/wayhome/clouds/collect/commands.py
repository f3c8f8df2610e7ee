"""The commands that produce an export, and those that follow from what an answer names. Nothing here changes anything."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wayhome.clouds.gcp.resources.address import Address
from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.gcp.resources.firewall_policy import EffectiveFirewalls
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
from wayhome.clouds.gcp.resources.project import HOST, Project, ServiceProjects
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
from wayhome.clouds.read.clusters import context_of
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Reference, project_of

_OF_PROJECT: tuple[tuple[str, type[Resource], str], ...] = (
    ("networks", Network, "compute networks list"),
    ("subnets", Subnetwork, "compute networks subnets list"),
    ("routes", Route, "compute routes list"),
    ("firewall-rules", FirewallRule, "compute firewall-rules list"),
    ("instances", Instance, "compute instances list"),
    ("routers", Router, "compute routers list"),
    ("vpn-tunnels", VpnTunnel, "compute vpn-tunnels list"),
    ("vpn-gateways", VpnGateway, "compute vpn-gateways list"),
    ("target-vpn-gateways", TargetVpnGateway, "compute target-vpn-gateways list"),
    ("external-vpn-gateways", ExternalVpnGateway, "compute external-vpn-gateways list"),
    ("interconnect-attachments", InterconnectAttachment, "compute interconnects attachments list"),
    ("forwarding-rules", ForwardingRule, "compute forwarding-rules list"),
    ("backend-services", BackendService, "compute backend-services list"),
    ("instance-groups", InstanceGroup, "compute instance-groups list"),
    ("health-checks", HealthCheck, "compute health-checks list"),
    ("addresses", Address, "compute addresses list"),
    ("policy-based-routes", PolicyBasedRoute, "network-connectivity policy-based-routes list"),
    ("clusters", Cluster, "container clusters list"),
    ("project-info", Project, "compute project-info describe"),
)
_OF_CLUSTER: tuple[tuple[str, type[Resource]], ...] = (
    ("nodes", Node),
    ("namespaces", Namespace),
    ("pods", Pod),
    ("services", Service),
    ("configmaps", ConfigMap),
    ("daemonsets", DaemonSet),
    ("networkpolicies", NetworkPolicy),
    ("egressnatpolicies", EgressNatPolicy),
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command. What it prints is of `kind`, concerns `scope`, and goes to `file`, relative to the directory."""

    argv: tuple[str, ...]
    kind: type[Resource]
    scope: str
    file: str


def of_project(project: str) -> Iterator[Command]:
    """What there is in a project, without what only follows from that."""
    for name, kind, words in _OF_PROJECT:
        yield _gcloud(words, project, kind, f"projects/{project}", f"{_safe(project)}/{name}.json")


def of_context(context: str) -> Iterator[Command]:
    """What there is in a cluster, by the name of its kubectl context.

    The scope is the cluster's name as the reader finds it from the folder.
    """
    folder = _safe(context)
    for plural, kind in _OF_CLUSTER:
        argv = ("kubectl", "get", plural, "--all-namespaces", "-o", "json", f"--context={context}")
        file = f"{folder}/{plural}.json"
        yield Command(argv, kind, context_of(file) or f"clusters/{folder}", file)


def shown_by(kind: type[Resource], name: str) -> str:
    """A command that shows one object as it is now, by its full name."""
    if issubclass(kind, KubernetesObject):
        *_, namespaces, namespace, _, short = ["", "", *name.split("/")]
        option = f" --namespace={shlex.quote(namespace)}" if namespaces == "namespaces" else ""
        return f"kubectl get {kind.COLLECTION} {shlex.quote(short)}{option} -o json"
    project = project_of(name).removeprefix("projects/")
    words = next((words for _, listed, words in _OF_PROJECT if listed is kind), None)
    if words is None or not words.endswith(" list"):
        return f"wayhome collect DIRECTORY --project {shlex.quote(project)} --run"
    short = name.rpartition("/")[2]
    return f"gcloud {words} --filter={shlex.quote(f'name={short}')} --project={shlex.quote(project)} --format=json"


def listed_by(kind: type[Resource] | None, scope: str) -> str:
    """The command whose output holds all objects of a kind in a scope; of what is in no list, `collect` for all there is."""
    project = project_of(f"{scope}/").removeprefix("projects/")
    if kind is not None and issubclass(kind, KubernetesObject):
        return f"kubectl get {kind.COLLECTION} --all-namespaces -o json"
    words = next((words for _, listed, words in _OF_PROJECT if listed is kind), None)
    if words is not None and project:
        return f"gcloud {words} --project={shlex.quote(project)} --format=json"
    if project:
        return f"wayhome collect DIRECTORY --project {shlex.quote(project)} --run"
    return "wayhome collect DIRECTORY --context CONTEXT --run"


def following(command: Command, answer: Any, regions: Mapping[str, set[str]]) -> Iterator[Command]:
    """What an answer makes it necessary to ask. `regions`: those of the subnetworks of each network so far."""
    if command.kind is Project:
        yield from _of_host(command.scope, answer)
    items = [item for item in answer if isinstance(item, dict)] if isinstance(answer, list) else []
    _, project, *_ = [*command.scope.split("/"), ""]
    for item in items:
        name = str(item.get("name", ""))
        if command.kind is Network:
            yield from _of_network(item, name, project, regions)
        elif command.kind is Router:
            yield from _of_router(item, name, project)
    if command.kind is BackendService:
        yield from _members(items)


def peers(answer: Any) -> Iterator[str]:
    """The projects of the peers that a list of networks names."""
    for network in answer if isinstance(answer, list) else []:
        for peering in network.get("peerings") or () if isinstance(network, dict) else ():
            parts = Reference(str(peering.get("network", ""))).split("/")
            if parts[0] == "projects" and len(parts) > 1:
                yield parts[1]


def regions_of(answer: Any) -> dict[str, set[str]]:
    """The regions of each network, as a list of subnetworks says."""
    found: dict[str, set[str]] = {}
    for subnet in answer if isinstance(answer, list) else []:
        network, region = (
            Reference(str(subnet.get("network", ""))),
            Reference(str(subnet.get("region", ""))),
        )
        found.setdefault(network, set()).add(region.short)
    return found


def _of_network(
    item: dict[str, Any], name: str, project: str, regions: Mapping[str, set[str]]
) -> Iterator[Command]:
    full = f"projects/{project}/global/networks/{name}"
    folder = f"{_safe(project)}/networks/{_safe(name)}"
    yield _gcloud(
        f"compute networks get-effective-firewalls {name}",
        project, EffectiveFirewalls, full, f"{folder}/effective-firewalls.json",
    )  # fmt: skip
    for peering in item.get("peerings") or ():
        peer = str(peering.get("name", ""))
        for region in sorted(regions.get(full, ())):
            for direction in ("INCOMING", "OUTGOING"):
                yield _gcloud(
                    f"compute networks peerings list-routes {peer} --network={name} --region={region} "
                    f"--direction={direction}",
                    project,
                    PeeringRoutes,
                    f"{full}/peerings/{peer}/routes/{direction}/{region}",
                    f"{folder}/peerings/{_safe(peer)}.{region}.{direction}.json",
                )


def _of_host(scope: str, answer: Any) -> Iterator[Command]:
    if isinstance(answer, dict) and answer.get("xpnProjectStatus") == HOST:
        project = scope.removeprefix("projects/")
        yield _gcloud(
            f"compute shared-vpc associated-projects list {project}",
            project, ServiceProjects, scope, f"{_safe(project)}/service-projects.json",
        )  # fmt: skip


def service_projects(answer: Any) -> Iterator[str]:
    """The projects that a list of associated ones names."""
    for one in answer if isinstance(answer, list) else []:
        if isinstance(one, dict) and one.get("type") == "PROJECT" and one.get("id"):
            yield str(one["id"])


def _of_router(item: dict[str, Any], name: str, project: str) -> Iterator[Command]:
    region = Reference(str(item.get("region", ""))).short
    yield _gcloud(
        f"compute routers get-status {name} --region={region}",
        project,
        RouterStatus,
        f"projects/{project}/regions/{region}/routers/{name}",
        f"{_safe(project)}/routers/{_safe(region)}.{_safe(name)}.status.json",
    )


def _members(services: list[dict[str, Any]]) -> Iterator[Command]:
    """Who is in the groups behind internal load balancers, each once."""
    groups = {
        str(Reference(str(backend.get("group", ""))))
        for service in services
        if service.get("loadBalancingScheme") == "INTERNAL"
        for backend in service.get("backends") or ()
        if isinstance(backend, dict)
    }
    for group in sorted(groups):
        parts = group.split("/")
        if len(parts) == 6 and parts[4] == InstanceGroup.COLLECTION:
            _, project, places, place, _, name = parts
            yield _gcloud(
                f"compute instance-groups list-instances {name} --{places.removesuffix('s')}={place}",
                project, InstanceGroupMembers, group,
                f"{_safe(project)}/instance-groups/{_safe(place)}.{_safe(name)}.instances.json",
            )  # fmt: skip


def _gcloud(words: str, project: str, kind: type[Resource], scope: str, file: str) -> Command:
    """Names stand in the words as the cloud gave them: they hold no spaces, and no shell ever reads them."""
    argv = ("gcloud", *words.split(" "), f"--project={project}", "--format=json")
    return Command(argv, kind, scope, file)


def _safe(name: str) -> str:
    """A name as that of a file or a folder. Contexts of other clouds hold slashes and colons."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".") or "_"
