"""Where the packet met nobody: what does not run, and a node that took the destination for one of its own."""

from wayhome.clouds.kubernetes.masquerading import pod_ranges
from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.causes.scene import Scene, unique
from wayhome.network import NodeKind
from wayhome.trace import Lost


def not_running(scene: Scene) -> Found | None:
    """Something on the way, or at its end, is switched off."""
    if not scene.drop.cause.endswith("_NOT_RUNNING"):
        return None
    pod = scene.node.kind is NodeKind.POD
    return Found(
        cause=Cause.NOT_RUNNING,
        because=f"{scene.node.name} does not run: {scene.drop.detail}",
        deciding=scene.evidence,
        confirm=_describe(scene, pod=pod),
    )


def on_node_overlap(scene: Scene) -> Found | None:
    """The source's own node has a range that holds the destination, and the destination lies elsewhere."""
    node = next(scene.hosts(), None)
    if (
        node is None
        or scene.lost is not Lost.FORWARD
        or scene.drop.cause != "UNKNOWN_INTERNAL_ADDRESS"
    ):
        return None
    destination = scene.situation.trace.flow.destination
    overlapping = [
        prefix
        for prefix in pod_ranges(node)
        if prefix.contains(destination.family, destination.value)
    ]
    if not overlapping or scene.died_at.node != scene.situation.trace.forward[1].node:
        return None
    owners = [
        owner
        for owner in scene.situation.network.owners(destination)
        if owner.kind is not NodeKind.POD
    ]
    elsewhere = f"; {owners[0].name} has that address" if owners else ""
    return Found(
        cause=Cause.ON_NODE_OVERLAP,
        because=f"{destination} lies in {overlapping[0]}, the range of the Pods of {node.value.metadata.name}, so "
        f"the packet never leaves the node{elsewhere}",
        deciding=unique([node.at("spec", "podCIDRs"), *(owner.evidence for owner in owners)]),
        confirm=f"ip route get {destination}, on {node.value.metadata.name}",
    )


def _describe(scene: Scene, *, pod: bool) -> str:
    short = scene.node.name.rpartition("/")[2]
    if pod:
        namespace = scene.node.name.partition("/namespaces/")[2].partition("/")[0]
        return f"kubectl get pod {short} --namespace {namespace} -o wide"
    parts = scene.node.name.split("/")
    zone = parts[3] if len(parts) > 3 else "ZONE"
    return f"gcloud compute instances describe {short} --project={parts[1]} --zone={zone} --format='value(status)'"
