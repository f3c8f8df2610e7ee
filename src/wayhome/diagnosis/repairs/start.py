"""Start what does not run: the machine at the end of the way, or on it."""

from collections.abc import Iterator

import msgspec

from wayhome.clouds.gcp.derive.next_hops import RUNNING
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.vpn import VpnTunnel
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.located import Located
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.gcloud import gcloud, place
from wayhome.diagnosis.repairs.proposal import Changes, Effort, NotPossible, Proposal
from wayhome.diagnosis.situation import Situation
from wayhome.network import Missing

KIND = "start"
RESUMED = "SUSPENDED"


def start(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Start the instance that the packet met switched off; of Pods and tunnels it is said why that is not enough."""
    scene = Scene.of(situation)
    if scene is None:
        return
    estate = situation.estate
    # A next hop that takes nothing is no node of the way: the network drops the packet, and the drop names it.
    named = scene.drop.evidence.object if scene.drop.evidence else ""
    instance = estate.get(Instance, scene.node.name) or estate.get(Instance, named)
    if instance is not None and instance.value.status not in {RUNNING, ""}:
        yield _started(instance)
    pod = estate.get(Pod, scene.node.name)
    if pod is not None and scene.drop.cause == "GKE_POD_NOT_RUNNING":
        metadata = pod.value.metadata
        yield NotPossible(
            KIND,
            f"the Pod's phase is {pod.value.status.phase}; its events say why",
            Missing(
                f"why {metadata.namespace}/{metadata.name} does not run",
                f"kubectl describe pod {metadata.name} --namespace {metadata.namespace}",
            ),
        )
    tunnel = estate.get(VpnTunnel, scene.node.name) or estate.get(VpnTunnel, named)
    if tunnel is not None and scene.drop.cause == "ROUTE_NEXT_HOP_VPN_TUNNEL_NOT_ESTABLISHED":
        yield NotPossible(
            KIND,
            f"the tunnel {tunnel.value.name} is {tunnel.value.status}; both of its ends have to agree",
            Missing(
                "what the tunnel waits for",
                gcloud("vpn-tunnels", "describe", tunnel.value.name, **place(tunnel.name)),
            ),
        )


def _started(instance: Located[Instance]) -> Proposal:
    name, where = instance.value.name, place(instance.name)
    make, back = ("resume", "suspend") if instance.value.status == RESUMED else ("start", "stop")
    value = msgspec.structs.replace(instance.value, status=RUNNING)
    return Proposal(
        kind=KIND,
        effort=Effort.RESTORE,
        summary=f"{name}, which is {instance.value.status}, is started",
        changes=Changes(changed=(Located(value, instance.evidence),)),
        commands=(gcloud("instances", make, name, **where),),
        undo=(gcloud("instances", back, name, **where),),
    )
