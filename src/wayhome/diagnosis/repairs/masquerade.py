"""Masquerade: the destination sees the node's address instead of the Pod's, and that one it can answer.

The new list is the one that the nodes hold now, without the destination's range, and with the cluster's own ranges
where it lacked them: the smallest change, so that nothing else is translated that was not before. It is written for the
agent that the cluster has; upstream's knows no exceptions and gets the ranges around them.
"""

from collections.abc import Iterator

from wayhome.clouds.kubernetes.agents import (
    Agent,
    Program,
)
from wayhome.clouds.kubernetes.masquerading import agent_of, masquerading_of
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.located import Located
from wayhome.diagnosis.repairs.agent_list import lists_without, put
from wayhome.diagnosis.repairs.proposal import NotPossible, Proposal
from wayhome.diagnosis.repairs.ranges import (
    node_ranges_of,
    pod_ranges_of,
    range_of,
    service_ranges_of,
)
from wayhome.diagnosis.situation import Situation
from wayhome.policy.lists import TooManyRangesError
from wayhome.prefixes import Family

KIND = "masquerade"


def masquerade(situation: Situation) -> Iterator[Proposal | NotPossible]:
    """Have the source's Pods masqueraded towards the destination's range."""
    pod = situation.estate.get(Pod, situation.asked.source.node)
    if pod is None or situation.asked.flow.destination.family is not Family.IPV4:
        return
    node = _node_of(situation, pod)
    if node is None:
        yield NotPossible(KIND, f"the node {pod.value.spec.node_name} of the Pod is not exported")
        return
    cluster = node.name.partition("/k8s/")[0]
    agent = agent_of(situation.estate, cluster, node)
    if agent is None or not agent.sources or agent.sources[0].key is None:
        yield NotPossible(
            KIND,
            f"no agent that reads a list runs on {node.value.metadata.name}; deploy ip-masq-agent or wayhome's first",
        )
        return
    yield from _proposal(situation, cluster, node, agent)


def _node_of(situation: Situation, pod: Located[Pod]) -> Located[Node] | None:
    cluster = pod.name.partition("/k8s/")[0]
    for node in situation.estate.of(Node, cluster):
        if node.value.metadata.name == pod.value.spec.node_name:
            return node
    return None


def _proposal(
    situation: Situation, cluster: str, node: Located[Node], agent: Agent
) -> Iterator[Proposal | NotPossible]:
    estate = situation.estate
    destination = range_of(estate, situation.asked.flow.destination)
    own = (
        *pod_ranges_of(estate, cluster),
        *service_ranges_of(estate, cluster),
        *node_ranges_of(estate, cluster),
    )
    if any(one.holds(destination) for one in own):
        yield NotPossible(KIND, f"{destination} lies in a range of the cluster itself")
        return
    held = masquerading_of(estate, cluster, node).policies[0]
    try:
        lists = lists_without(held, destination, own)
    except TooManyRangesError as error:
        yield NotPossible(KIND, str(error))
        return
    source = agent.sources[0]
    text = lists.for_wayhome if agent.program is Program.WAYHOME else lists.for_upstream
    alone = ", ".join(map(str, own[:3]))
    other = (
        f"an agent of wayhome's takes the shorter form:\n{lists.for_wayhome}"
        if agent.program is not Program.WAYHOME and lists.for_wayhome != lists.for_upstream
        else ""
    )
    there = put(situation, cluster, source, text)
    yield Proposal(
        kind=KIND,
        summary=f"Pods get their node's address towards {destination}",
        changes=there.changes,
        commands=(there.command,),
        undo=(there.undo,),
        notes=(
            f"{destination} then sees nodes and no Pods: rules there that know Pods by their addresses do not match",
            f"a list of {alone} alone would masquerade every other private destination too: other peers, VPNs",
            *((other,) if other else ()),
        ),
    )
