"""The outputs of a node's commands, told apart from what is none."""

import json
from typing import Any

from wayhome.clouds.node_state import NodeOutput, NodeState
from wayhome.network import Evidence

RULES = (
    NodeOutput.NFT,
    NodeOutput.IPTABLES_NFT,
    NodeOutput.IPTABLES_LEGACY,
    NodeOutput.IP6TABLES_NFT,
    NodeOutput.IP6TABLES_LEGACY,
)
"""Each of them holds nat rules."""


class NodeOutputError(ValueError):
    """An output is not what its command prints; nothing is taken from it."""

    def __init__(self, output: NodeOutput, problem: str, evidence: Evidence) -> None:
        """`problem` says what is wrong, in the words of whoever read it."""
        super().__init__(f"the output of `{output}` is not understood: {problem}")
        self.output = output
        self.evidence = evidence


def objects(state: NodeState, output: NodeOutput) -> list[dict[str, Any]] | None:
    """The objects of an output of `ip -j`; None where it is not there. Raises NodeOutputError."""
    located = state.outputs.get(output)
    if located is None:
        return None
    try:
        found = json.loads(located.value)
    except (ValueError, RecursionError) as error:
        raise NodeOutputError(output, str(error), located.evidence) from None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise NodeOutputError(output, "it is no list of objects", located.evidence)
    return found
