"""Cloud NAT: a way to the internet for machines that have no public address.

Only where that is all that lacks: the packet got to the network's gateway, and had no address to leave with. Replies come
back to it; nobody outside can open a connection by it. Not where something exported has the address inside a network: on
the internet that is somebody else's, who would get the packet.
"""

from collections.abc import Iterator

from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.located import Located
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.repairs.nat import ADDRESS, NatPlan, has_way_out
from wayhome.diagnosis.repairs.proposal import Changes, Effort, NotPossible, Proposal
from wayhome.diagnosis.repairs.source import PodSource
from wayhome.diagnosis.situation import Situation
from wayhome.network import Missing, NodeKind

KIND = "cloud-nat"


def cloud_nat(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Give the source's subnetwork a public address to leave by."""
    scene = Scene.of(situation)
    if scene is None or scene.drop.cause != "NO_EXTERNAL_ADDRESS":
        return
    found = _machine(situation)
    if found is None or _is_inside(situation):
        return
    instance, subnet = found
    if has_way_out(situation, instance, subnet.value.network):
        return
    plan = NatPlan(subnet)
    yield Proposal(
        kind=KIND,
        summary=f"{subnet.value.name} leaves for the internet by a public address of Cloud NAT",
        changes=Changes(created=tuple(plan.created())),
        commands=tuple(plan.commands()),
        undo=tuple(plan.undo()),
        effort=Effort.EXPOSURE,
        notes=(plan.note, f"in the replay {ADDRESS} stands for the address that Google gives"),
    )


def _is_inside(situation: Situation) -> bool:
    """Whether the asked address is one of an exported network's own, although it is a public one."""
    owners = situation.network.owners(situation.asked.flow.destination)
    return any(owner.kind is not NodeKind.INTERNET for owner in owners)


def _machine(situation: Situation) -> tuple[Located[Instance], Located[Subnetwork]] | None:
    """The instance that asks, or on which the Pod does, and its first subnetwork."""
    source = PodSource.of(situation)
    if isinstance(source, PodSource):
        return source.instance, source.subnet
    instance = situation.estate.get(Instance, situation.asked.source.node)
    if isinstance(source, Missing) or instance is None or not instance.value.network_interfaces:
        return None
    name = instance.value.network_interfaces[0].subnetwork or ""
    subnet = situation.estate.get(Subnetwork, name)
    return None if subnet is None else (instance, subnet)
