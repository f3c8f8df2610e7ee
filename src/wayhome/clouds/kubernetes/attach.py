"""Pods behind the instances that are their nodes.

A Pod hangs on its node by a link of its own. The node forwards, knows its own Pods before anything else, applies
NetworkPolicy on the port to each, translates Services on the way in and addresses of Pods on the way out. Everything
else about the instance (its interfaces, what the VPC lets pass, its way out) is as the cloud's compiler made it.

What is not exported stays unknown: a node without its instance leads nowhere that we know, and an address of a Pod range
whose Pods were not exported may be anybody's.
"""

import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.knowledge import State
from wayhome.clouds.kubernetes.host_ports import host_port_rules
from wayhome.clouds.kubernetes.masquerading import Basis, Masquerading, masquerading_of, pod_ranges
from wayhome.clouds.kubernetes.network_policy import EGRESS, INGRESS, Policies, pod_prefixes
from wayhome.clouds.kubernetes.resources.namespace import Namespace
from wayhome.clouds.kubernetes.resources.network_policy import NetworkPolicy
from wayhome.clouds.kubernetes.resources.node import Node as KubernetesNode
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.kubernetes.services import destination_rules, unknown_services
from wayhome.clouds.located import Located
from wayhome.clouds.node.own import own_translation, own_way_out
from wayhome.network.actions import DeliverAttached, Drop, Forward, Opaque
from wayhome.network.address import Address
from wayhome.network.link import End, Link
from wayhome.network.missing import Missing
from wayhome.network.node import Node, NodeKind
from wayhome.network.port import Port
from wayhome.network.routing import Route, RouteTable, RoutingRule
from wayhome.network.translation import (
    Ask,
    DestinationRule,
    Either,
    FallThrough,
    TranslationAction,
    TranslationChain,
    TranslationRule,
)
from wayhome.policy import Policy
from wayhome.prefixes import Family, Prefix

PODS_TABLE = "pods"
NO_SUCH_POD = Drop("UNKNOWN_INTERNAL_ADDRESS", "no Pod of this node has the address")
AGENT_CHAIN = "ip-masq-agent"
"""The chain of what the cluster's objects say that a node does with its Pods' addresses."""
_INTERNAL_IP = "InternalIP"
_ENDED = ("Succeeded", "Failed")
_REASONS = {
    Basis.CONFIGURATION: "DESTINATION_IP_IN_CONFIGURED_NON_MASQUERADE_RANGE",
    Basis.EGRESS_NAT_POLICY: "DESTINATION_IP_IN_CONFIGURED_NON_MASQUERADE_RANGE",
    Basis.SNAT_DISABLED: "DEFAULT_SNAT_DISABLED",
}
_EVERYWHERE = (Prefix(Family.IPV4, 0, 0), Prefix(Family.IPV6, 0, 0))


def clusters_of(estate: Estate) -> tuple[str, ...]:
    """The full names of the clusters of which anything was exported with kubectl."""
    found = {name.partition("/k8s/")[0]: None for name in estate.all(KubernetesNode)}
    return tuple(found)


def attach(estate: Estate, nodes: dict[str, Node], links: list[Link]) -> None:
    """Put every cluster's Pods behind their nodes' instances."""
    for cluster in clusters_of(estate):
        of_cluster = _Cluster(estate, cluster)
        for kubernetes_node in estate.of(KubernetesNode, cluster):
            of_cluster.attach(kubernetes_node, nodes, links)


def host_name(node: Located[KubernetesNode]) -> str:
    """The name of the network node that a Kubernetes node is."""
    return node.value.instance or node.name


class _Cluster:
    """What the nodes of one cluster have in common."""

    def __init__(self, estate: Estate, name: str) -> None:
        self._estate, self._name = estate, name
        self._pods: dict[str, list[Located[Pod]]] = {}
        for pod in estate.of(Pod, name):
            self._pods.setdefault(pod.value.spec.node_name, []).append(pod)
        self._pods_are_known = estate.knows(Pod, name).state is State.EXPORTED
        self._policies = _policies(estate, name)
        self._services = tuple(destination_rules(estate, name))
        self._unknown_services = tuple(unknown_services(estate, name))
        self._chains: dict[Masquerading, tuple[TranslationChain, ...]] = {}

    def attach(
        self, node: Located[KubernetesNode], nodes: dict[str, Node], links: list[Link]
    ) -> None:
        host = nodes.get(host_name(node)) or _unknown_host(node)
        state = self._estate.node_states.get(node.name)
        if state is not None:
            host = own_way_out(host, state)
        pods = self._pods.get(node.value.metadata.name, ())
        attached = [
            _attached(pod, host, self._policies) for pod in pods if not pod.value.spec.host_network
        ]
        lent = tuple(rule for pod in pods for rule in host_port_rules(pod, host))
        for one in attached:
            nodes[one.node.name] = one.node
            links.append(one.link)
        nodes[host.name] = replace(
            host,
            forwards=True,
            ports=(*host.ports, *(one.port for one in attached)),
            rules=(RoutingRule(table=PODS_TABLE), *host.rules),
            tables={**host.tables, PODS_TABLE: self._table(node, attached)},
            translation_in=(*host.translation_in, *self._rules_of_services(attached), *lent),
            translation_out=(*host.translation_out, *self._held(node, host, attached)),
        )

    def _table(self, node: Located[KubernetesNode], attached: "list[_Attached]") -> RouteTable:
        """The node's Pods one by one, what becomes of the rest of its range, and Services that lead nobody knows where."""
        routes = [
            Route(prefix, DeliverAttached(NO_SUCH_POD), kind="SUBNET", evidence=one.node.evidence)
            for one in attached
            for prefix in one.port.owns
        ]
        rest = (
            NO_SUCH_POD
            if self._pods_are_known
            else Opaque(
                Missing(
                    f"which Pods of {node.value.metadata.name} have which addresses",
                    "kubectl get pods --all-namespaces -o json",
                )
            )
        )
        ranges = node.at("spec", "podCIDRs")
        own = {route.destination for route in routes}
        routes += [
            Route(prefix, rest, kind="SUBNET", evidence=ranges)
            for prefix in pod_ranges(node)
            if prefix not in own
        ]
        return RouteTable.of((*routes, *self._unknown_services))

    def _rules_of_services(self, attached: "list[_Attached]") -> tuple[DestinationRule, ...]:
        """For what Pods of this node and the node itself send."""
        if not self._services:
            return ()
        in_ports = frozenset(one.port.name for one in attached)
        from_pods = (
            (replace(rule, in_ports=in_ports) for rule in self._services) if in_ports else ()
        )
        from_node = (replace(rule, locally_sent=True) for rule in self._services)
        return (*from_pods, *from_node)

    def _held(
        self, node: Located[KubernetesNode], host: Node, attached: "list[_Attached]"
    ) -> tuple[TranslationChain, ...]:
        """What the node itself was seen to hold counts, and else what the cluster's objects say.

        Without an exported interface there is nothing to translate to, and the way out is unknown anyway.
        """
        if not host.addresses:
            return ()
        state = self._estate.node_states.get(node.name)
        pods = [address for one in attached for address in one.node.addresses]
        held = own_translation(state, host, pods) if state is not None else None
        return self._chain(node) if held is None else (held,)

    def _chain(self, node: Located[KubernetesNode]) -> tuple[TranslationChain, ...]:
        """Nodes that do the same share the object."""
        masquerading = masquerading_of(self._estate, self._name, node)
        if masquerading not in self._chains:
            self._chains[masquerading] = (translation_of(masquerading),)
        return self._chains[masquerading]


@dataclass(frozen=True, slots=True)
class _Attached:
    """A Pod, the node's port to it, and the link between them."""

    node: Node
    port: Port
    link: Link


def translation_of(masquerading: Masquerading) -> TranslationChain:
    """What a node's masquerading is on its way out."""
    actions = tuple(map(_action, masquerading.policies))
    action: TranslationAction = actions[0]
    if masquerading.missing is not None:
        action = Either(actions, masquerading.missing)
    reason = _REASONS.get(masquerading.basis, "DESTINATION_IP_IN_DEFAULT_NON_MASQUERADE_RANGE")
    rule = TranslationRule(
        action=action,
        step="GKE_POD_IP_MASQUERADING",
        reason=reason,
        evidence=next(iter(masquerading.evidence), None),
    )
    return TranslationChain(AGENT_CHAIN, (rule,))


def _action(policy: Policy | None) -> TranslationAction:
    return FallThrough() if policy is None else Ask(policy)


def _attached(pod: Located[Pod], host: Node, policies: Policies) -> _Attached:
    metadata, status = pod.value.metadata, pod.value.status
    prefixes = tuple(pod_prefixes(pod))
    addresses = tuple(Address(prefix.family, prefix.first) for prefix in prefixes)
    ended = status.phase in _ENDED
    running = status.phase in ("Running", "")
    own = tuple(address.prefix for address in host.addresses)
    port = Port(
        name=f"pod {metadata.namespace}/{metadata.name}",
        # Another Pod may have the address of one that has ended.
        owns=() if ended else prefixes,
        ingress_class=frozenset({"pod"}),
        filter_in=policies.filter(pod, EGRESS, own),
        filter_out=policies.filter(pod, INGRESS, own),
    )
    node = Node(
        name=pod.name,
        kind=NodeKind.POD,
        ports=(Port(name="eth0", addresses=addresses),),
        rules=(RoutingRule(table="main"),),
        tables={"main": _DEFAULT_ROUTE},
        not_running=None
        if running
        else Drop("GKE_POD_NOT_RUNNING", f"its phase is {status.phase}", pod.at("status", "phase")),
        evidence=pod.evidence,
    )
    return _Attached(node, port, Link(End(pod.name, "eth0"), End(host.name, port.name)))


_DEFAULT_ROUTE = RouteTable.of(
    Route(prefix, Forward("eth0"), kind="STATIC") for prefix in _EVERYWHERE
)


def _unknown_host(node: Located[KubernetesNode]) -> Node:
    """A node of which the machine is not exported: what leaves its Pods is lost to us."""
    instance = node.value.instance
    name = host_name(node)
    project = instance.split("/")[1] if instance else "PROJECT"
    way_out = Opaque(
        Missing(
            f"the interfaces and the network of {node.value.metadata.name}",
            f"gcloud compute instances list --project={shlex.quote(project)} --format=json",
        )
    )
    return Node(
        name=name,
        kind=NodeKind.INSTANCE,
        local=tuple(address.prefix for address in _own_addresses(node)),
        rules=(RoutingRule(table="main"),),
        tables={"main": RouteTable.of(Route(prefix, way_out) for prefix in _EVERYWHERE)},
        evidence=node.evidence,
    )


def _own_addresses(node: Located[KubernetesNode]) -> Iterator[Address]:
    """What the kubelet says that the node's addresses are."""
    for address in node.value.status.addresses:
        if address.type == _INTERNAL_IP:
            with suppress(ValueError):  # it is text, and anything may stand there
                yield Address.parse(address.address)


def _policies(estate: Estate, cluster: str) -> Policies:
    enforced = enforcement(estate, cluster)
    if enforced is False:
        return Policies(policies=(), pods=(), namespaces=())

    def known(kind: type) -> bool:
        return estate.knows(kind, cluster).state is State.EXPORTED

    scopes = {
        namespace: f"{cluster}/k8s/namespaces/{namespace}"
        for namespace in {pod.value.metadata.namespace for pod in estate.of(Pod, cluster)}
    }
    return Policies(
        policies=estate.of(NetworkPolicy, cluster),
        unlisted=frozenset(
            namespace
            for namespace, scope in scopes.items()
            if estate.knows(NetworkPolicy, scope).state is not State.EXPORTED
        ),
        pods=estate.of(Pod, cluster) if known(Pod) else None,
        namespaces=estate.of(Namespace, cluster) if known(Namespace) else None,
        unenforced=None
        if enforced
        else Missing(
            f"whether NetworkPolicies are enforced in {cluster}",
            "gcloud container clusters list --format=json",
        ),
    )


def enforcement(estate: Estate, cluster: str) -> bool | None:
    """Whether the cluster enforces NetworkPolicy; None where it is not among the exported clusters."""
    gke = estate.get(Cluster, cluster)
    if gke is None:
        return None
    return (
        gke.value.network_policy.enabled
        or gke.value.network_config.datapath_provider == "ADVANCED_DATAPATH"
        or gke.value.autopilot.enabled
    )


def pods_on(estate: Estate, node: Located[KubernetesNode]) -> Iterator[Located[Pod]]:
    """The Pods that run on a node, those in its own network too."""
    cluster = node.name.partition("/k8s/")[0]
    for pod in estate.of(Pod, cluster):
        if pod.value.spec.node_name == node.value.metadata.name:
            yield pod
