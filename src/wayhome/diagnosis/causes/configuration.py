"""A configuration that would repair it is there, and has no effect."""

from wayhome.clouds.kubernetes.masquerading import masquerading_of
from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.causes.scene import Scene, unique
from wayhome.policy import Action, Packet


def configuration_not_live(scene: Scene) -> Found | None:
    """The source keeps its address, and a list that nobody reads would have it translated."""
    if not scene.from_pod or scene.translated:
        return None
    destination = scene.situation.trace.flow.destination
    packet = Packet(destination.family, destination.value)
    for host in scene.hosts():
        cluster = host.name.partition("/k8s/")[0]
        masquerading = masquerading_of(scene.situation.estate, cluster, host)
        for one in masquerading.not_live:
            if one.would is not None and one.would.decide(packet).action is Action.MASQUERADE:
                return Found(
                    cause=Cause.CONFIGURATION_NOT_LIVE,
                    because=f"a configuration that masquerades {destination} is there and has no effect: {one.problem}. "
                    f"So the packet leaves with the Pod's own address, and is lost ({scene.drop.cause})",
                    deciding=unique([one.evidence, *masquerading.evidence, *scene.evidence]),
                    confirm="kubectl get configmaps --all-namespaces --field-selector metadata.name=ip-masq-agent -o yaml",
                    notes=(one.instead,),
                )
    return None
