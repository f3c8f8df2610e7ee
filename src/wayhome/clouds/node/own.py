"""A Kubernetes node as its own outputs have it.

Routes that are not understood change nothing, as if nobody had collected them. Rules that are not understood may
translate or not, and where that decides, it is missing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from wayhome.clouds.node.outputs import RULES, NodeOutputError
from wayhome.clouds.node.routes import ways_of, with_ways
from wayhome.clouds.node.rules import AGENT_STEP, CHAIN, chains_of, translation_of
from wayhome.clouds.node_state import NodeOutput, NodeState
from wayhome.network import (
    Address,
    Either,
    FallThrough,
    Masquerade,
    Missing,
    Node,
    TranslationChain,
    TranslationRule,
)


def own_way_out(host: Node, state: NodeState) -> Node:
    """The node with its own rules and routes, where they were collected."""
    try:
        ways = ways_of(state, host)
    except NodeOutputError:
        return host
    return host if ways is None else with_ways(host, ways, state)


def own_translation(
    state: NodeState, host: Node, pods: Iterable[Address]
) -> TranslationChain | None:
    """What the node does with its Pods' addresses; None where its rules were not collected."""
    try:
        ways = ways_of(state, host)
    except NodeOutputError:
        ways = None
    try:
        return translation_of(state, pods, () if ways is None else ways.interfaces)
    except NodeOutputError as error:
        return TranslationChain(CHAIN, (_unknown(state, error),))


def _unknown(state: NodeState, error: NodeOutputError) -> TranslationRule:
    """What was there and is not understood may say anything."""
    node = state.name.rpartition("/")[2]
    missing = Missing(f"what {node} translates: {error}", f"{error.output}  # on {node}")
    return TranslationRule(
        action=Either((Masquerade(), FallThrough()), missing),
        locally_sent=False,
        step=AGENT_STEP,
        evidence=error.evidence,
    )


@dataclass(frozen=True, slots=True)
class NotCollected:
    """A kind of outputs that would be needed, and why it is not used."""

    outputs: tuple[NodeOutput, ...]
    why: str


def not_collected(state: NodeState | None, host: Node) -> tuple[NotCollected, ...]:
    """What of a node's own state says nothing here."""
    found = []
    for outputs in (RULES, (NodeOutput.ROUTES,), (NodeOutput.CONNTRACK,), (NodeOutput.SYSCTL,)):
        if state is None or not any(output in state.outputs for output in outputs):
            found.append(NotCollected(outputs, "it was not collected"))
        elif problem := _problem(state, outputs, host):
            found.append(NotCollected(outputs, problem))
    return tuple(found)


def _problem(state: NodeState, outputs: tuple[NodeOutput, ...], host: Node) -> str:
    try:
        if outputs == RULES:
            chains_of(state)
        elif outputs == (NodeOutput.ROUTES,):
            ways_of(state, host)
    except NodeOutputError as error:
        return str(error)
    return ""
