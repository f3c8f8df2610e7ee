"""Where something refused the packet: a firewall, a NetworkPolicy, or the fabric's check of addresses."""

from wayhome.clouds.kubernetes.network_policy import CAUSE as GKE_NETWORK_POLICY
from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.causes.live import describe_instance
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.gcloud import gcloud
from wayhome.diagnosis.kubectl import kubectl
from wayhome.network import NodeKind
from wayhome.trace import Lost

NOT_LOCAL = "VPN_TUNNEL_LOCAL_SELECTOR_MISMATCH"
ANTI_SPOOFING = "FOREIGN_IP_DISALLOWED"


def network_policy(scene: Scene) -> Found | None:
    """A NetworkPolicy refused it; or would not have, if it had recognised the Pod."""
    if scene.drop.cause != GKE_NETWORK_POLICY:
        return None
    namespace = _namespace(scene)
    egress = "EGRESS" in scene.dropped_by
    if scene.translated and scene.from_pod and not egress:
        node = next((host.value.metadata.name for host in scene.hosts()), "the node")
        return Found(
            cause=Cause.POD_RANGE_NOT_LISTED,
            because=f"the Pod's address became that of {node} on the way ({scene.seen_source}), because the list does "
            "not name the range of the destination's Pods; so the NetworkPolicy does not recognise the Pod",
            deciding=scene.decided,
            confirm=f"wayhome policy explain FILE {scene.situation.trace.shown.result.packet.destination}"
            "  # FILE: the agent's configuration",
        )
    whose = (
        "its own namespace does not let it out"
        if egress
        else "the destination's lets nobody in who is not listed"
    )
    return Found(
        cause=Cause.NETWORK_POLICY,
        because=f"{scene.refused_by}; {whose}",
        deciding=scene.decided,
        confirm=kubectl("describe", "networkpolicies", namespace=namespace),
    )


def source_not_allowed(scene: Scene) -> Found | None:
    """Only some sources may pass: an instance's own addresses, or what a tunnel's selectors hold."""
    if scene.drop.cause == NOT_LOCAL:
        return Found(
            cause=Cause.SOURCE_NOT_ALLOWED,
            because=f"the tunnel takes only what comes from its local traffic selector, and that does not hold "
            f"{scene.seen_source}",
            deciding=scene.decided,
            confirm=_describe_tunnel(scene, "localTrafficSelector"),
        )
    if scene.drop.cause != ANTI_SPOOFING:
        return None
    instance = scene.drop.evidence.object if scene.drop.evidence else scene.node.name
    return Found(
        cause=Cause.SOURCE_NOT_ALLOWED,
        because=f"{scene.died_at.node} does not take it: {scene.drop.detail or scene.drop.cause}; only an instance "
        "with canIpForward may carry the addresses of others",
        deciding=scene.decided,
        confirm=describe_instance(instance, "canIpForward"),
    )


def destination_firewall(scene: Scene) -> Found | None:
    """A firewall refused it. A reply passes where the firewall saw the first packet, and only there."""
    if scene.drop.cause != "FIREWALL_RULE":
        return None
    seen = scene.seen_source
    egress = "EGRESS" in scene.dropped_by
    if scene.lost is Lost.REPLY:
        whose = "it is the reply, and comes by another way than the packet went, so that the firewall does not know it"
    elif egress:
        whose = "the source's own VPC does not let it out, and the destination's was never asked"
    else:
        whose = f"it comes from {seen}"
    hint = ""
    if scene.from_pod and not egress and not scene.translated and scene.lost is Lost.FORWARD:
        hint = "; it is the Pod's own address, which rules for the nodes' range do not hold, and sourceTags never match it"
    network = scene.vpc.name.rpartition("/")[2] if scene.vpc else "NETWORK"
    project = scene.vpc.name.split("/")[1] if scene.vpc else "PROJECT"
    return Found(
        cause=Cause.DESTINATION_FIREWALL,
        because=f"{scene.refused_by}; {whose}{hint}",
        deciding=scene.decided,
        confirm=gcloud(
            "networks", "get-effective-firewalls", network, project=project, format="json"
        ),
    )


def _describe_tunnel(scene: Scene, field: str) -> str:
    parts = scene.node.name.split("/")
    region = parts[3] if len(parts) > 3 else "REGION"
    project = parts[1] if len(parts) > 1 else "PROJECT"
    return gcloud("vpn-tunnels", "describe", parts[-1], project=project, region=region, format=f"value({field})")  # fmt: skip


def _namespace(scene: Scene) -> str:
    """Of the Pod whose policy refused: the source's for egress, else the destination's."""
    places = scene.situation.network.places
    if "EGRESS" in scene.dropped_by:
        named = [scene.situation.asked.source.node]
    else:
        packet = scene.situation.trace.shown.result.packet
        named = [owner.name for owner in scene.situation.network.owners(packet.destination)]
    for name in named:
        if places[name].node.kind is NodeKind.POD:
            return name.partition("/namespaces/")[2].partition("/")[0]
    return "NAMESPACE"
