"""NetworkPolicies as filters on the node's port to a Pod.

A Pod that no policy selects is open. One that a policy selects for a direction is closed in that direction but for what
any rule of any such policy allows. Selectors mean Pods by their own addresses: a peer whose address was translated on
its way is not recognised, which is how a list that forgets the Pod range breaks policies.

The node itself always reaches its Pods: the kubelet's probes come from there. What is said of Pods in the network of
their node has no effect.

Whether policies are enforced at all is the cluster's: a policy that nobody enforces is no filter, and where it is not
known whether somebody does, whatever a policy would refuse is unknown.

Source: Kubernetes, "Network Policies" and the API reference of networking.k8s.io/v1; Google's GkeNetworkPolicyInfo.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from wayhome.clouds.kubernetes.resources.metadata import LabelSelector
from wayhome.clouds.kubernetes.resources.namespace import Namespace
from wayhome.clouds.kubernetes.resources.network_policy import (
    EgressRule,
    IngressRule,
    IpBlock,
    NetworkPolicy,
    PolicyPeer,
    PolicyPort,
)
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.located import Located
from wayhome.network.evidence import Evidence
from wayhome.network.filter import Filter, FilterAction, FilterRule
from wayhome.network.flow import Protocol
from wayhome.network.missing import Missing
from wayhome.network.prefix_set import PrefixSet
from wayhome.network.protocol_match import ProtocolMatch
from wayhome.prefixes import Intervals, Prefix

CAUSE = "GKE_NETWORK_POLICY"
INGRESS, EGRESS = "Ingress", "Egress"
STEPS = {
    INGRESS: "APPLY_INGRESS_GKE_NETWORK_POLICY",
    EGRESS: "APPLY_EGRESS_GKE_NETWORK_POLICY",
}
_PROTOCOLS = {"TCP": Protocol.TCP, "UDP": Protocol.UDP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The policies of a cluster, and whom their selectors mean. What is None was not exported.

    A policy concerns Pods of its own namespace alone; `unlisted` are the namespaces whose policies are not all known.
    `unenforced` is the missing fact where nobody knows whether they are enforced.
    """

    policies: tuple[Located[NetworkPolicy], ...]
    pods: tuple[Located[Pod], ...] | None
    namespaces: tuple[Located[Namespace], ...] | None
    unlisted: frozenset[str] = frozenset()
    unenforced: Missing | None = None

    def filter(self, pod: Located[Pod], direction: str, node: Iterable[Prefix]) -> Filter | None:
        """What guards one direction of a Pod; None where nothing does. `node`: its node's own addresses."""
        if pod.value.spec.host_network:
            return None
        rules: list[FilterRule] = []
        if direction == INGRESS:
            rules.append(FilterRule(action=FilterAction.ALLOW, sources=PrefixSet.of(node)))
        if pod.value.metadata.namespace in self.unlisted:
            missing = _missing("the NetworkPolicies", "networkpolicies", pod)
            rules += (
                FilterRule(action=FilterAction.ALLOW, unknown=missing),
                FilterRule(action=FilterAction.DENY, unknown=missing),
            )
            return _filter(direction, rules, FilterAction.ALLOW, None)
        chosen = [one for one in self.policies if _selects(one, pod, direction)]
        if not chosen:
            return None
        for policy in chosen:
            rules += self._rules(policy, pod, direction)
        closed = chosen[0].at("spec", "podSelector")
        if self.unenforced is None:
            return _filter(direction, rules, FilterAction.DENY, closed)
        rules.append(FilterRule(action=FilterAction.DENY, evidence=closed, unknown=self.unenforced))
        return _filter(direction, rules, FilterAction.ALLOW, None)

    def _rules(
        self, policy: Located[NetworkPolicy], pod: Located[Pod], direction: str
    ) -> Iterator[FilterRule]:
        spec = policy.value.spec
        if direction == INGRESS:
            for number, ingress in enumerate(spec.ingress or ()):
                yield from self._allow(policy, ingress, pod, ("spec", "ingress", number))
        else:
            for number, egress in enumerate(spec.egress or ()):
                yield from self._allow(policy, egress, pod, ("spec", "egress", number))

    def _allow(
        self,
        policy: Located[NetworkPolicy],
        rule: IngressRule | EgressRule,
        pod: Located[Pod],
        place: tuple[str, str, int],
    ) -> Iterator[FilterRule]:
        evidence = policy.at(*place)
        ingress = isinstance(rule, IngressRule)
        peers = rule.from_ if isinstance(rule, IngressRule) else rule.to
        named_on = (pod,) if ingress else ()
        if not peers:
            yield from _to(None, rule.ports, named_on, evidence, ingress=ingress)
            return
        namespace = policy.value.metadata.namespace
        for peer in peers:
            if peer.ip_block is not None:
                prefixes = PrefixSet.of(_block(peer.ip_block))
                yield from _to(prefixes, rule.ports, named_on, evidence, ingress=ingress)
                continue
            selected = self._selected(peer, namespace)
            if selected is None:
                yield FilterRule(
                    action=FilterAction.ALLOW,
                    evidence=evidence,
                    unknown=_missing(
                        "the Pods and namespaces that it selects", "pods,namespaces", pod
                    ),
                )
                continue
            if ingress:
                yield from _to(_addresses(selected), rule.ports, named_on, evidence, ingress=True)
                continue
            for one in selected:  # a port's name means another number on each
                yield from _to(_addresses((one,)), rule.ports, (one,), evidence, ingress=False)

    def _selected(self, peer: PolicyPeer, namespace: str) -> tuple[Located[Pod], ...] | None:
        """The Pods that a peer means; None where that is not known."""
        if self.pods is None or (peer.namespace_selector is not None and self.namespaces is None):
            return None
        if peer.namespace_selector is None:
            namespaces = {namespace}
        else:
            namespaces = {
                one.value.metadata.name
                for one in self.namespaces or ()
                if matches(peer.namespace_selector, _labels_of_namespace(one))
            }
        selector = peer.pod_selector or LabelSelector()
        return tuple(
            one
            for one in self.pods
            if one.value.metadata.namespace in namespaces
            and not one.value.spec.host_network
            and matches(selector, one.value.metadata.labels or {})
        )


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether a selector selects an object with these labels."""
    for label, value in (selector.match_labels or {}).items():
        if labels.get(label) != value:
            return False
    for requirement in selector.match_expressions or ():
        value_of, values = labels.get(requirement.key), requirement.values or ()
        holds = {
            "In": value_of is not None and value_of in values,
            "NotIn": value_of not in values,
            "Exists": value_of is not None,
            "DoesNotExist": value_of is None,
        }
        if not holds.get(requirement.operator, False):
            return False
    return True


def _selects(policy: Located[NetworkPolicy], pod: Located[Pod], direction: str) -> bool:
    spec = policy.value.spec
    types = spec.policy_types or ((INGRESS, EGRESS) if spec.egress is not None else (INGRESS,))
    return (
        policy.value.metadata.namespace == pod.value.metadata.namespace
        and direction in types
        and matches(spec.pod_selector, pod.value.metadata.labels or {})
    )


def _to(
    peers: PrefixSet | None,
    ports: tuple[PolicyPort, ...] | None,
    named_on: tuple[Located[Pod], ...],
    evidence: Evidence,
    *,
    ingress: bool,
) -> Iterator[FilterRule]:
    protocols = tuple(_protocols(ports, named_on)) if ports else None
    yield FilterRule(
        action=FilterAction.ALLOW,
        sources=peers if ingress else None,
        destinations=None if ingress else peers,
        protocols=protocols,
        evidence=evidence,
    )


def _protocols(
    ports: tuple[PolicyPort, ...], named_on: tuple[Located[Pod], ...]
) -> Iterator[ProtocolMatch]:
    """What the ports mean. A name that no container has, and protocols that no flow can have, mean nothing."""
    for port in ports:
        protocol = _PROTOCOLS.get(port.protocol or "TCP")
        if protocol is None:
            continue
        if port.port is None:
            yield ProtocolMatch(protocol)
        elif isinstance(port.port, int):
            if 0 <= port.port <= (port.end_port or port.port) < 65536:
                yield ProtocolMatch(protocol, ((port.port, port.end_port or port.port),))
        else:
            for number in _numbers(port.port, port.protocol or "TCP", named_on):
                yield ProtocolMatch(protocol, ((number, number),))


def _numbers(name: str, protocol: str, pods: tuple[Located[Pod], ...]) -> Iterator[int]:
    for pod in pods:
        for container in pod.value.spec.containers:
            for port in container.ports or ():
                if port.name == name and port.protocol == protocol:
                    yield port.container_port


def _block(block: IpBlock) -> Iterator[Prefix]:
    """A range without its exceptions, as prefixes."""
    whole = block.cidr.prefix
    left = Intervals.of([(whole.first, whole.last)])
    for cidr in block.except_ or ():
        if cidr.prefix.family is whole.family:
            left = left.minus(Intervals.of([(cidr.prefix.first, cidr.prefix.last)]))
    for first, last in left.spans:
        yield from Prefix.from_interval(whole.family, first, last)


def _addresses(pods: Iterable[Located[Pod]]) -> PrefixSet:
    return PrefixSet.of(address for pod in pods for address in pod_prefixes(pod))


def pod_prefixes(pod: Located[Pod]) -> Iterator[Prefix]:
    """A Pod's own addresses, each as a prefix."""
    status = pod.value.status
    if status.pod_ips:
        yield from (one.ip.prefix for one in status.pod_ips)
    elif status.pod_ip is not None:
        yield status.pod_ip.prefix


def _labels_of_namespace(namespace: Located[Namespace]) -> Mapping[str, str]:
    """Its labels; the API server puts the name there too, which older exports lack."""
    metadata = namespace.value.metadata
    return {"kubernetes.io/metadata.name": metadata.name, **(metadata.labels or {})}


def _filter(
    direction: str, rules: list[FilterRule], default: FilterAction, evidence: Evidence | None
) -> Filter:
    return Filter(
        stages=(tuple(rules),),
        default=default,
        default_evidence=evidence,
        step=STEPS[direction],
        cause=CAUSE,
    )


def _missing(what: str, kinds: str, pod: Located[Pod]) -> Missing:
    return Missing(
        f"{what} that concern {pod.value.metadata.namespace}/{pod.value.metadata.name}",
        f"kubectl get {kinds} --all-namespaces -o json",
    )
