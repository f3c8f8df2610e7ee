"""The one command that shows a cause on the live system, with its project, region and zone filled in."""

from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.network import Network, Peering
from wayhome.clouds.located import Located
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.gcloud import gcloud, place
from wayhome.diagnosis.kubectl import kubectl
from wayhome.network import Address


def routes_towards(scene: Scene, address: Address, *, peer: str | None = None) -> str:
    """The routes of the network in which the packet died. `peer`: those that a peering should have brought."""
    network = scene.vpc
    if network is None:
        return f"ip route get {address}  {on(scene.node.name.rpartition('/')[2])}"
    peering = next((p for p in network.value.peerings if p.network == peer), None)
    if peering is not None:
        return list_routes(scene, network, peering)
    project, short = _names(network)
    return gcloud("routes", "list", project=project, filter=f"network:{short}")


def list_routes(scene: Scene, network: Located[Network], peering: Peering) -> str:
    """What a peering brings to a region."""
    project, short = _names(network)
    return gcloud(
        "networks", "peerings", "list-routes", peering.name,
        network=short, project=project, region=_region(scene, network.name), direction="INCOMING",
    )  # fmt: skip


def advertised_by(router: str) -> str:
    """What a Cloud Router tells each of its sessions: `bgpPeerStatus[].advertisedRoutes`."""
    return gcloud("routers", "get-status", router.rpartition("/")[2], **place(router))


def describe_instance(name: str, field: str) -> str:
    """One field of an instance."""
    parts = name.split("/")
    if len(parts) < 6:
        return gcloud("instances", "list", filter=f"name={parts[-1]}", format=f"value({field})")
    return gcloud("instances", "describe", parts[5], format=f"value({field})", **place(name))


def describe_pod(name: str) -> str:
    """A Pod's state, where it runs, and why not."""
    namespace, _, rest = name.partition("/namespaces/")[2].partition("/")
    return kubectl("get", "pod", rest.rpartition("/")[2], namespace=namespace, output="wide")


def on(name: str) -> str:
    """Where a command is to be run: a comment behind it, which stays on its line whatever the name is."""
    return f"# on {' '.join(name.split())}"


def _names(network: Located[Network]) -> tuple[str, str]:
    parts = network.name.split("/")
    return parts[1], parts[4]


def _region(scene: Scene, network: str) -> str:
    """The region of an instance of that network on the way, on either way; else of the source's."""
    hops = (*scene.situation.trace.reply, *reversed(scene.situation.trace.forward))
    found = [
        instance
        for hop in hops
        if (instance := scene.situation.estate.get(Instance, hop.node)) is not None
    ]
    there = [
        one for one in found if any(i.network == network for i in one.value.network_interfaces)
    ]
    for one in (*there, *found):
        return one.value.zone.short.rpartition("-")[0]
    return "REGION"
