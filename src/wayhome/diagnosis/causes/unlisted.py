"""The list forgets a range of Pods: they see their peers with the address of a node."""

from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.causes.scene import unique
from wayhome.diagnosis.situation import Situation
from wayhome.diagnosis.source_node import source_node
from wayhome.network import NodeKind
from wayhome.trace.hop import NAT


def pod_range_not_listed(situation: Situation) -> Found | None:
    """A Pod reaches another Pod, which sees a node."""
    trace = situation.trace
    node = source_node(situation)
    places = situation.network.places
    delivered = trace.shown.result.delivered_to
    seen = trace.shown.result.packet.source
    if (
        node is None
        or delivered is None
        or places[delivered].node.kind is not NodeKind.POD
        or places[trace.at].node.kind is not NodeKind.POD
        or seen == trace.flow.source
    ):
        return None
    at = trace.forward[1]
    evidence = [step.evidence for step in at.steps if step.kind == NAT]
    return Found(
        cause=Cause.POD_RANGE_NOT_LISTED,
        because=f"the destination is a Pod, and sees {seen}, the address of {node.value.metadata.name}, instead of the "
        "Pod's: the agent's list does not hold the range of the destination. Policies and logs that know Pods by "
        "their addresses are wrong about it",
        deciding=unique(evidence),
        confirm=f"wayhome policy explain FILE {trace.shown.result.packet.destination}  # FILE: the agent's configuration",
    )
