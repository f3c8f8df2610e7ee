"""List the destination's Pods: their NetworkPolicy does not recognise a Pod whose address was translated on the way.

That is the list's fault, which forgot a range of Pods: it is added to what the agent keeps.
"""

from collections.abc import Iterator

from wayhome.clouds.kubernetes.agents import Program
from wayhome.clouds.kubernetes.masquerading import agent_of, masquerading_of
from wayhome.clouds.kubernetes.network_policy import CAUSE
from wayhome.diagnosis.causes.scene import Scene
from wayhome.diagnosis.repairs.agent_list import lists_with, put
from wayhome.diagnosis.repairs.fix_configuration import KIND
from wayhome.diagnosis.repairs.proposal import Effort, NotPossible, Proposal
from wayhome.diagnosis.repairs.ranges import pod_ranges_of, range_of
from wayhome.diagnosis.situation import Situation
from wayhome.network import NodeKind
from wayhome.policy.lists import TooManyRangesError
from wayhome.prefixes import Prefix


def list_range(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Keep the source's address towards the Pods that did not recognise it."""
    scene = Scene.of(situation)
    if scene is None or scene.drop.cause != CAUSE or not scene.from_pod or not scene.translated:
        return
    node = next(scene.hosts(), None)
    if node is None:
        return
    cluster = node.name.partition("/k8s/")[0]
    agent = agent_of(situation.estate, cluster, node)
    held = masquerading_of(situation.estate, cluster, node).policies[0]
    if agent is None or not agent.sources or agent.sources[0].key is None or held is None:
        yield NotPossible(KIND, f"no agent that reads a list runs on {node.value.metadata.name}")
        return
    prefix = _range_of_pods(situation)
    try:
        lists = lists_with(held, (prefix,))
    except TooManyRangesError as error:
        yield NotPossible(KIND, str(error))
        return
    text = lists.for_wayhome if agent.program is Program.WAYHOME else lists.for_upstream
    there = put(situation, cluster, agent.sources[0], text)
    yield Proposal(
        kind=KIND,
        effort=Effort.RESTORE,
        summary=f"Pods keep their addresses towards {prefix}",
        changes=there.changes,
        commands=(there.command,),
        undo=(there.undo,),
    )


def _range_of_pods(situation: Situation) -> Prefix:
    """The cluster's Pod range that the destination lies in."""
    destination = situation.trace.shown.result.packet.destination
    for owner in situation.network.owners(destination):
        if owner.kind is NodeKind.POD:
            for prefix in pod_ranges_of(situation.estate, owner.name.partition("/k8s/")[0]):
                if prefix.contains(destination.family, destination.value):
                    return prefix
    return range_of(situation.estate, destination)
