"""A Kubernetes node as its own outputs have it. What is not understood of them changes nothing; `unexamined` says so."""

from collections.abc import Iterable
from dataclasses import dataclass

from wayhome.clouds.node.outputs import RULES, NodeOutputError
from wayhome.clouds.node.routes import ways_of, with_ways
from wayhome.clouds.node.rules import chains_of, translation_of
from wayhome.clouds.node_state import NodeOutput, NodeState
from wayhome.network import Address, Node, TranslationChain


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
    """What the node does with its Pods' addresses, where its rules were collected."""
    try:
        ways = ways_of(state, host)
    except NodeOutputError:
        ways = None
    try:
        return translation_of(state, pods, () if ways is None else ways.interfaces)
    except NodeOutputError:
        return None


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
