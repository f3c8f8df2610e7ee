"""Allow forwarding: an instance that carries the addresses of others needs canIpForward."""

from collections.abc import Iterator

import msgspec

from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.located import Located
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.gcloud import gcloud, place
from wayhome.diagnosis.repairs.proposal import Changes, NotPossible, Proposal
from wayhome.diagnosis.situation import Situation

KIND = "allow-forwarding"


def allow_forwarding(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Let the instance at which the fabric refused the packet carry it."""
    scene = Scene.of(situation)
    if scene is None or scene.drop.cause != "FOREIGN_IP_DISALLOWED" or scene.drop.evidence is None:
        return
    instance = situation.estate.get(Instance, scene.drop.evidence.object)
    if instance is None or instance.value.can_ip_forward:
        return
    name = instance.value.name
    value = msgspec.structs.replace(instance.value, can_ip_forward=True)
    yield Proposal(
        kind=KIND,
        summary=f"{name} may forward packets of others (canIpForward)",
        changes=Changes(changed=(Located(value, instance.evidence),)),
        commands=(_set(instance, on=True),),
        undo=(_set(instance, on=False),),
        notes=(
            "the instance may then send from any address: what it does with that is the guest's",
        ),
    )


def _set(instance: Located[Instance], *, on: bool) -> str:
    """The field has no option of its own: the instance is exported, changed and put back, which may restart it."""
    name, where = instance.value.name, place(instance.name)
    export = gcloud("instances", "export", name, **where)
    update = gcloud(
        "instances", "update-from-file", name,
        source="/dev/stdin", most_disruptive_allowed_action="RESTART", **where,
    )  # fmt: skip
    value = str(on).lower()
    edit = f"{{ grep -v '^canIpForward:'; echo 'canIpForward: {value}'; }}"
    return f"{export} | {edit} | {update}"
