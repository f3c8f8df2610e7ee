"""Where something refused the packet: a firewall, a NetworkPolicy, or the fabric's check of addresses."""

from wayhome.clouds.kubernetes.network_policy import CAUSE as GKE_NETWORK_POLICY
from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.causes.scene import Scene
from wayhome.network import NodeKind
from wayhome.trace import Lost


def network_policy(scene: Scene) -> Found | None:
    """A NetworkPolicy refused it; or would not have, if it had recognised the Pod."""
    if scene.drop.cause != GKE_NETWORK_POLICY:
        return None
    namespace = _namespace(scene)
    if scene.translated and scene.from_pod:
        node = next((host.value.metadata.name for host in scene.hosts()), "the node")
        return Found(
            cause=Cause.POD_RANGE_NOT_LISTED,
            because=f"the Pod's address became that of {node} on the way ({scene.seen_source}), because the list does "
            "not name the range of the destination's Pods; so the NetworkPolicy does not recognise the Pod",
            deciding=scene.evidence,
            confirm="wayhome policy explain FILE DESTINATION, with the agent's configuration",
        )
    return Found(
        cause=Cause.NETWORK_POLICY,
        because=f"a NetworkPolicy refuses it: {scene.dropped_by}",
        deciding=scene.evidence,
        confirm=f"kubectl describe networkpolicies --namespace {namespace}",
    )


def source_not_allowed(scene: Scene) -> Found | None:
    """An instance may send from its own addresses, and get packets to them, unless it has canIpForward."""
    if scene.drop.cause != "FOREIGN_IP_DISALLOWED":
        return None
    return Found(
        cause=Cause.SOURCE_NOT_ALLOWED,
        because=f"the fabric does not take it: {scene.dropped_by}; only an instance with canIpForward may carry the "
        "addresses of others",
        deciding=scene.evidence,
        confirm="gcloud compute instances describe INSTANCE --format='value(canIpForward)'",
    )


def destination_firewall(scene: Scene) -> Found | None:
    """A firewall refused the first packet. Replies pass, because firewalls are stateful."""
    if scene.drop.cause != "FIREWALL_RULE" or scene.lost is not Lost.FORWARD:
        return None
    seen = scene.seen_source
    egress = "EGRESS" in scene.dropped_by
    whose = "the source's own VPC does not let it out" if egress else f"it comes from {seen}"
    hint = ""
    if scene.from_pod and not egress and not scene.translated:
        hint = "; it is the Pod's own address, which rules for the nodes' range do not hold, and sourceTags never match it"
    network = scene.vpc.name.rpartition("/")[2] if scene.vpc else "NETWORK"
    project = scene.vpc.name.split("/")[1] if scene.vpc else "PROJECT"
    return Found(
        cause=Cause.DESTINATION_FIREWALL,
        because=f"a firewall refuses it: {scene.dropped_by}; {whose}{hint}",
        deciding=scene.evidence,
        confirm=f"gcloud compute networks get-effective-firewalls {network} --project={project} --format=json",
    )


def _namespace(scene: Scene) -> str:
    for hop in reversed(scene.hops):
        node = scene.situation.network.places[hop.node].node
        if node.kind is NodeKind.POD:
            return node.name.partition("/namespaces/")[2].partition("/")[0]
    owners = scene.situation.network.owners(scene.situation.trace.flow.destination)
    for owner in owners:
        if owner.kind is NodeKind.POD:
            return owner.name.partition("/namespaces/")[2].partition("/")[0]
    return "NAMESPACE"
