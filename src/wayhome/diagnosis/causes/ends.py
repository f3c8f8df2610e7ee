"""Where the packet met nobody: what does not run, and a node that took the destination for one of its own."""

from wayhome.clouds.gcp.compile.service_endpoints import NOT_ACCEPTED
from wayhome.clouds.kubernetes.masquerading import pod_ranges
from wayhome.clouds.kubernetes.services import NO_ENDPOINTS
from wayhome.clouds.node.routes import STAYS
from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.causes.live import describe_instance, describe_pod, on
from wayhome.diagnosis.causes.scene import Scene, unique
from wayhome.diagnosis.gcloud import gcloud, place
from wayhome.diagnosis.kubectl import kubectl
from wayhome.network import NodeKind
from wayhome.trace import Lost

NO_BACKENDS = "NO_BACKENDS"
TUNNEL_DOWN = "ROUTE_NEXT_HOP_VPN_TUNNEL_NOT_ESTABLISHED"


def not_running(scene: Scene) -> Found | None:
    """Something on the way, or at its end, is switched off, or has nothing behind it."""
    cause = scene.drop.cause
    if cause == NO_ENDPOINTS:
        return _service(scene)
    if not cause.endswith("_NOT_RUNNING") and cause not in (NO_BACKENDS, TUNNEL_DOWN, NOT_ACCEPTED):
        return None
    what = scene.drop.evidence.object if scene.drop.evidence else scene.node.name
    return Found(
        cause=Cause.NOT_RUNNING,
        because=f"{what} is not ready: {scene.drop.detail or cause}",
        deciding=scene.decided,
        confirm=_describe(what, cause),
    )


def _service(scene: Scene) -> Found:
    name = scene.drop.evidence.object if scene.drop.evidence else ""
    namespace, _, rest = name.partition("/namespaces/")[2].partition("/")
    short = rest.rpartition("/")[2]
    return Found(
        cause=Cause.NOT_RUNNING,
        because=f"no Pod behind the Service {namespace}/{short} is ready",
        deciding=scene.decided,
        confirm=kubectl(
            "get",
            "endpointslices",
            namespace=namespace,
            selector=f"kubernetes.io/service-name={short}",
        ),
    )


def on_node_overlap(scene: Scene) -> Found | None:
    """The source's own node has a range that holds the destination, and the destination lies elsewhere."""
    node = next(scene.hosts(), None)
    if node is None or scene.lost is not Lost.FORWARD:
        return None
    destination = scene.situation.trace.flow.destination
    name = node.value.metadata.name
    owners = [
        owner
        for owner in scene.situation.network.owners(destination)
        if owner.kind is not NodeKind.POD
    ]
    elsewhere = f"; {owners[0].name} has that address" if owners else ""
    confirm = f"ip route get {destination}  {on(name)}"
    if scene.drop.cause == STAYS:
        return Found(
            cause=Cause.ON_NODE_OVERLAP,
            because=f"{scene.drop.detail}, so that {destination} is looked for there{elsewhere}",
            deciding=scene.decided,
            confirm=confirm,
        )
    overlapping = [
        prefix
        for prefix in pod_ranges(node)
        if prefix.contains(destination.family, destination.value)
    ]
    here = scene.situation.trace.forward[:2]
    if (
        scene.drop.cause != "UNKNOWN_INTERNAL_ADDRESS"
        or not overlapping
        or scene.died_at.node not in {hop.node for hop in here}
    ):
        return None
    return Found(
        cause=Cause.ON_NODE_OVERLAP,
        because=f"{destination} lies in {overlapping[0]}, the range of the Pods of {name}, so "
        f"the packet never leaves the node{elsewhere or '; no Pod there has that address'}",
        deciding=unique([node.at("spec", "podCIDRs"), *(owner.evidence for owner in owners)]),
        confirm=confirm,
    )


def _describe(name: str, cause: str) -> str:
    if "/k8s/namespaces/" in name:
        return describe_pod(name)
    parts = name.split("/")
    short, project = parts[-1], parts[1] if len(parts) > 1 else "PROJECT"
    region = parts[3] if len(parts) > 3 else "REGION"
    if cause == NOT_ACCEPTED:
        fields = "value(target,pscConnectionStatus)"
        return gcloud("forwarding-rules", "describe", short, **place(name), format=fields)
    if "forwardingRules" in parts or "backendServices" in parts:
        columns = "table(name,region.basename(),backends[].group.basename())"
        return gcloud("backend-services", "list", project=project, format=columns)
    if "vpnTunnels" in parts:
        fields = "value(status,detailedStatus)"
        return gcloud(
            "vpn-tunnels", "describe", short, project=project, region=region, format=fields
        )
    return describe_instance(name, "status")
