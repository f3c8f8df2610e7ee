"""The causes that only a node itself can show, where what it would have to say was not collected."""

from dataclasses import dataclass

from wayhome.clouds.node.outputs import RULES
from wayhome.clouds.node.own import not_collected
from wayhome.clouds.node_state import NodeOutput
from wayhome.diagnosis.cause import Cause
from wayhome.diagnosis.causes.live import on
from wayhome.diagnosis.situation import Situation
from wayhome.diagnosis.source_node import compiled, source_node, state_of

_SHOWN_BY: dict[tuple[NodeOutput, ...], tuple[Cause, ...]] = {
    RULES: (Cause.FOREIGN_RULE,),
    (NodeOutput.CONNTRACK,): (Cause.PINNED_FLOW, Cause.PORT_EXHAUSTION),
    (NodeOutput.ROUTES,): (Cause.WRONG_INTERFACE,),
    (NodeOutput.SYSCTL,): (Cause.MTU,),
}


@dataclass(frozen=True, slots=True)
class Unexamined:
    """Causes that were not looked for, why not, and the command that makes it possible."""

    causes: tuple[Cause, ...]
    node: str
    why: str
    command: str


def unexamined(situation: Situation) -> tuple[Unexamined, ...]:
    """Nothing where the source runs on no Kubernetes node."""
    node = source_node(situation)
    host = compiled(situation.network, node) if node else None
    if node is None or host is None:
        return ()
    name = node.value.metadata.name
    return tuple(
        Unexamined(
            _SHOWN_BY[one.outputs],
            name,
            f"{name}'s own state: {one.why}",
            f"wayhome collect DIRECTORY --node  {on(name)}",
        )
        for one in not_collected(state_of(situation, node), host)
    )
