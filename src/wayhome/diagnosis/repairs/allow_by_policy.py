"""Allow by policy: a NetworkPolicy more, that lets this flow pass and nothing else.

Policies only ever add: what one of them allows is allowed. So the one that refused stays as it is.
"""

import json
import re
from collections.abc import Iterator

from wayhome.clouds.kubernetes.network_policy import CAUSE, EGRESS, INGRESS, STEPS
from wayhome.clouds.kubernetes.resources.metadata import LabelSelector, Metadata
from wayhome.clouds.kubernetes.resources.network_policy import (
    EgressRule,
    IngressRule,
    IpBlock,
    NetworkPolicy,
    NetworkPolicySpec,
    PolicyPeer,
    PolicyPort,
)
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.located import Located
from wayhome.clouds.values import Cidr
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.gcloud import made, with_input
from wayhome.diagnosis.kubectl import kubectl
from wayhome.diagnosis.repairs.proposal import Changes, NotPossible, Proposal
from wayhome.diagnosis.situation import Situation
from wayhome.network import Address, NodeKind, Protocol

KIND = "allow-by-policy"
_AT_POD = re.compile(r" at port pod (?P<namespace>[^/ ]+)/(?P<name>[^ ,]+)")
NAME_OF_NAMESPACE = "kubernetes.io/metadata.name"


def allow_by_policy(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Let the flow pass where a NetworkPolicy refused it."""
    scene = Scene.of(situation)
    if scene is None or scene.drop.cause != CAUSE or scene.drop.evidence is None:
        return
    cluster = scene.drop.evidence.object.partition("/k8s/")[0]
    found = _AT_POD.search(scene.drop.detail)
    pod = found and situation.estate.get(
        Pod, f"{cluster}/k8s/namespaces/{found['namespace']}/pods/{found['name']}"
    )
    packet = situation.trace.shown.result.packet
    if packet.protocol is Protocol.ICMP:
        yield NotPossible(KIND, "a NetworkPolicy names TCP and UDP ports; an echo is allowed only with everything else")  # fmt: skip
        return
    if not pod:
        return
    labels = pod.value.metadata.labels
    if not labels:
        yield NotPossible(KIND, f"{pod.value.metadata.namespace}/{pod.value.metadata.name} has no labels to choose it by")  # fmt: skip
        return
    direction = EGRESS if scene.drop.detail.startswith(STEPS[EGRESS]) else INGRESS
    other = packet.destination if direction == EGRESS else packet.source
    peer = _peer(situation, cluster, pod, other)
    port = PolicyPort(protocol=str(packet.protocol).upper(), port=packet.destination_port)
    yield _proposal(cluster, pod, direction, peer, port)


def _peer(situation: Situation, cluster: str, pod: Located[Pod], other: Address) -> PolicyPeer:
    """The other side: a Pod of the cluster by its labels, because its address does not stay; else its address."""
    for owner in situation.network.owners(other):
        peer = situation.estate.get(Pod, owner.name)
        if owner.kind is not NodeKind.POD or peer is None or not peer.name.startswith(f"{cluster}/"):  # fmt: skip
            continue
        metadata = peer.value.metadata
        if not metadata.labels:
            break
        elsewhere = metadata.namespace != pod.value.metadata.namespace
        namespace = LabelSelector(match_labels={NAME_OF_NAMESPACE: metadata.namespace})
        return PolicyPeer(
            pod_selector=LabelSelector(match_labels=metadata.labels),
            namespace_selector=namespace if elsewhere else None,
        )
    return PolicyPeer(ip_block=IpBlock(cidr=Cidr(str(other.prefix))))


def _proposal(
    cluster: str, pod: Located[Pod], direction: str, peer: PolicyPeer, port: PolicyPort
) -> Proposal:
    namespace = pod.value.metadata.namespace
    name = f"allow-{direction.lower()}-{str(port.protocol).lower()}-{port.port}-{pod.value.metadata.name}"[:63].strip("-.")  # fmt: skip
    spec = NetworkPolicySpec(
        pod_selector=LabelSelector(match_labels=pod.value.metadata.labels),
        policy_types=(direction,),
        ingress=(IngressRule(from_=(peer,), ports=(port,)),) if direction == INGRESS else None,
        egress=(EgressRule(to=(peer,), ports=(port,)),) if direction == EGRESS else None,
    )
    policy = NetworkPolicy(metadata=Metadata(name=name, namespace=namespace), spec=spec)
    created = made(f"{cluster}/k8s/namespaces/{namespace}/networkpolicies/{name}", policy)
    word = "come from" if direction == INGRESS else "go to"
    return Proposal(
        kind=KIND,
        summary=f"a NetworkPolicy of {namespace} lets {port.protocol} port {port.port} {word} {_words(peer)}",
        changes=Changes(created=(created,)),
        commands=(with_input(kubectl("create", filename="-"), _manifest(policy, direction)),),
        undo=(kubectl("delete", "networkpolicy", name, namespace=namespace),),
        notes=("it selects by the Pod's labels: whatever else carries the same ones is meant too",),
    )


def _words(peer: PolicyPeer) -> str:
    if peer.ip_block:
        return str(peer.ip_block.cidr)
    labels = (peer.pod_selector.match_labels if peer.pod_selector else None) or {}
    return ",".join(f"{name}={value}" for name, value in labels.items())


def _manifest(policy: NetworkPolicy, direction: str) -> str:
    """JSON, which kubectl reads as it reads YAML, and in which no name can break out."""
    (rule,) = policy.spec.ingress or policy.spec.egress or ()
    (port,) = rule.ports or ()
    peers = rule.from_ if isinstance(rule, IngressRule) else rule.to
    key, side = ("ingress", "from") if direction == INGRESS else ("egress", "to")
    spec = {
        "podSelector": {"matchLabels": policy.spec.pod_selector.match_labels},
        "policyTypes": [direction],
        key: [
            {
                side: [_peer_document(peer) for peer in peers or ()],
                "ports": [{"protocol": port.protocol, "port": port.port}],
            }
        ],
    }
    metadata = {"name": policy.metadata.name, "namespace": policy.metadata.namespace}
    document = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata}
    return json.dumps(document | {"spec": spec}, indent=2) + "\n"


def _peer_document(peer: PolicyPeer) -> dict[str, object]:
    if peer.ip_block:
        return {"ipBlock": {"cidr": str(peer.ip_block.cidr)}}
    selectors = (
        ("podSelector", peer.pod_selector),
        ("namespaceSelector", peer.namespace_selector),
    )
    return {key: {"matchLabels": one.match_labels} for key, one in selectors if one}
