"""Services as translations of destinations, as kube-proxy has them on every node.

A ClusterIP becomes one of the Pods behind it. Without endpoints the packet ends on the node. What has no selector gets its
endpoints from elsewhere (the API server's own Service is one): where it leads is not known, and neither is it where the
Pods or the Services were not exported. Headless Services are only names.

Source: Kubernetes, "Virtual IPs and Service Proxies".
"""

import shlex
from collections.abc import Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.knowledge import State
from wayhome.clouds.kubernetes.network_policy import pod_prefixes
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.kubernetes.resources.service import Service, ServicePort
from wayhome.clouds.located import Located
from wayhome.network.actions import Drop, Opaque
from wayhome.network.address import Address
from wayhome.network.flow import Protocol
from wayhome.network.missing import Missing
from wayhome.network.prefix_set import PrefixSet
from wayhome.network.protocol_match import ProtocolMatch
from wayhome.network.routing import Route
from wayhome.network.translation import DestinationRule, Target
from wayhome.prefixes import parse_address

NO_ENDPOINTS = "DROPPED_INSIDE_GKE_SERVICE"
_PROTOCOLS = {"TCP": Protocol.TCP, "UDP": Protocol.UDP}


def destination_rules(estate: Estate, cluster: str) -> Iterator[DestinationRule]:
    """The rules of all Services whose Pods are known."""
    if estate.knows(Pod, cluster).state is not State.EXPORTED:
        return
    pods = estate.of(Pod, cluster)
    for service in estate.of(Service, cluster):
        selector = service.value.spec.selector
        if not selector:
            continue
        behind = [pod for pod in pods if _is_behind(pod, service, selector)]
        for number, port in enumerate(service.value.spec.ports or ()):
            yield from _rules(service, port, behind, number)


def unknown_services(estate: Estate, cluster: str) -> Iterator[Route]:
    """What a node does with the ClusterIPs of which nobody knows what is behind them."""
    pods_are_known = estate.knows(Pod, cluster).state is State.EXPORTED
    for service in estate.of(Service, cluster):
        if pods_are_known and service.value.spec.selector:
            continue
        name, namespace = service.value.metadata.name, service.value.metadata.namespace
        command = f"kubectl get endpoints {shlex.quote(name)} --namespace={shlex.quote(namespace)}"
        behind = Opaque(Missing(f"what is behind the Service {namespace}/{name}", command))
        for address in _addresses(service):
            yield Route(address.prefix, behind, kind="STATIC", evidence=service.at("spec"))
    gke = estate.get(Cluster, cluster)
    if gke is not None and estate.knows(Service, cluster).state is not State.EXPORTED:
        which = Missing(
            f"the Services of {gke.value.name}", "kubectl get services --all-namespaces -o json"
        )
        for cidr in (
            gke.value.services_ipv4_cidr,
            gke.value.ip_allocation_policy.services_ipv4_cidr_block,
        ):
            if cidr is not None:
                yield Route(cidr.prefix, Opaque(which), kind="STATIC", evidence=gke.evidence)
                return


def _is_behind(pod: Located[Pod], service: Located[Service], selector: dict[str, str]) -> bool:
    labels = pod.value.metadata.labels or {}
    conditions = pod.value.status.conditions
    return (
        pod.value.metadata.namespace == service.value.metadata.namespace
        and pod.value.status.phase == "Running"
        and all(labels.get(name) == value for name, value in selector.items())
        and (
            conditions is None or any(c.type == "Ready" and c.status == "True" for c in conditions)
        )
    )


def _rules(
    service: Located[Service], port: ServicePort, behind: list[Located[Pod]], number: int
) -> Iterator[DestinationRule]:
    protocol = _PROTOCOLS.get(port.protocol)
    if protocol is None:
        return
    evidence = service.at("spec", "ports", number)
    for address in _addresses(service):
        targets = tuple(_targets(behind, port, address))
        yield DestinationRule(
            action=targets or Drop(NO_ENDPOINTS, "the Service has no endpoints", evidence),
            destinations=PrefixSet.of([address.prefix]),
            protocols=(ProtocolMatch(protocol, ((port.port, port.port),)),),
            evidence=evidence,
        )


def _targets(behind: list[Located[Pod]], port: ServicePort, like: Address) -> Iterator[Target]:
    for pod in behind:
        number = _target_port(pod, port)
        for prefix in pod_prefixes(pod):
            if prefix.family is like.family and number is not None:
                yield Target(Address(prefix.family, prefix.first), number)


def _target_port(pod: Located[Pod], port: ServicePort) -> int | None:
    if isinstance(port.target_port, int):
        return port.target_port
    if not port.target_port:
        return port.port
    for container in pod.value.spec.containers:
        for one in container.ports or ():
            if one.name == port.target_port and one.protocol == port.protocol:
                return one.container_port
    return None


def _addresses(service: Located[Service]) -> Iterator[Address]:
    """Its ClusterIPs; none for a headless Service."""
    spec = service.value.spec
    for text in spec.cluster_ips or (spec.cluster_ip,):
        address = _address(text)
        if address is not None:
            yield address


def _address(text: str) -> Address | None:
    try:
        return Address(*parse_address(text))
    except ValueError:  # `None` of a headless Service, or nothing yet
        return None
