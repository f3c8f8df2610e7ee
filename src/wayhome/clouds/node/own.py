"""A Kubernetes node as its own outputs have it.

What was not collected changes nothing. What was and is not understood is missing: routes may lead anywhere, and nat rules
may translate or not.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from wayhome.clouds.node.outputs import RULES, NodeOutputError
from wayhome.clouds.node.routes import ways_of, with_ways
from wayhome.clouds.node.rules import AGENT_STEP, CHAIN, chains_of, translation_of
from wayhome.clouds.node.settings import is_cut
from wayhome.clouds.node_state import NodeOutput, NodeState
from wayhome.network import (
    Address,
    Either,
    FallThrough,
    Masquerade,
    Missing,
    Node,
    Opaque,
    Route,
    RouteTable,
    RoutingRule,
    TranslationChain,
    TranslationRule,
)
from wayhome.prefixes import Family, Prefix

UNKNOWN = "node, not understood"


def own_way_out(host: Node, state: NodeState) -> Node:
    """The node with its own rules and routes, where they were collected."""
    try:
        ways = ways_of(state, host)
    except NodeOutputError as error:
        return replace(
            host, rules=(RoutingRule(table=UNKNOWN),), tables={UNKNOWN: _anywhere(state, error)}
        )
    return host if ways is None else with_ways(host, ways, state)


def _anywhere(state: NodeState, error: NodeOutputError) -> RouteTable:
    """What was there and is not understood may lead anywhere."""
    node = state.name.rpartition("/")[2]
    missing = Missing(f"which way {node} sends it: {error}", f"{error.output}  # on {node}")
    return RouteTable(
        tuple(
            Route(Prefix(family, 0, 0), Opaque(missing), evidence=error.evidence)
            for family in Family
        )
    )


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
    if outputs == (NodeOutput.SYSCTL,) and is_cut(state):
        return f"the output of `{NodeOutput.SYSCTL}` ends within a line"
    return ""
