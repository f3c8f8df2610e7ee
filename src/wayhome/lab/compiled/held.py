"""What a node holds itself, in place of what was read of it: its very rules, loaded by their own programs.

So it is the kernel that says what a foreign rule does, or one of an agent that wrote another list than the ConfigMap has.
Where a kernel or its programs do not take them (an extension that is not installed, a set of Calico's), the node is
built of what was read, as any other, and `BuiltNode.refused` says why. So is a node with a rule of which nobody can say
beforehand whether a packet fulfils it: of that a lab builds each alternative.
"""

import tempfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace

from wayhome.clouds.estate import Estate
from wayhome.clouds.kubernetes.attach import clusters_of, host_name
from wayhome.clouds.kubernetes.resources.node import Node as KubernetesNode
from wayhome.clouds.node.held_rules import HeldRules, held_rules
from wayhome.clouds.node.rules import CHAIN
from wayhome.lab import programs
from wayhome.network import Either, Network, Node

Held = Mapping[str, HeldRules]
"""By the name of the network's node."""
NOTHING: Held = {}
_EMPTY = "*nat\nCOMMIT\n"


def held_in(estate: Estate, network: Network) -> dict[str, HeldRules]:
    """What all nodes were seen to hold."""
    found = {}
    for cluster in clusters_of(estate):
        for node in estate.of(KubernetesNode, cluster):
            state = estate.node_states.get(node.name)
            place = network.places.get(host_name(node))
            if state is None or place is None:
                continue
            rules = held_rules(state, place.node)
            if not _is_known(place.node):
                rules = replace(rules, loads=())
            if rules.loads or rules.devices:
                found[host_name(node)] = rules
    return found


def _is_known(node: Node) -> bool:
    rules = [rule for chain in node.translation_out if chain.name == CHAIN for rule in chain.rules]
    return bool(rules) and not any(isinstance(rule.action, Either) for rule in rules)


def without(network: Network, names: Collection[str]) -> Network:
    """The network in which these nodes translate nothing by rules of their own."""
    if not names:
        return network
    nodes = (_without(node) if node.name in names else node for node in network.nodes)
    return Network.of(nodes, network.links)


def load(held: HeldRules) -> str:
    """Load them in the network that the calling thread is in, which has no other rules; returns why not."""
    # iptables-legacy has a lock for all of the host, which an ordinary user may not take, and which is not ours to hold.
    with tempfile.NamedTemporaryFile() as lock:
        variables = {"XTABLES_LOCKFILE": lock.name}
        try:
            for one in held.loads:
                programs.run(one.argv, one.text, variables)
        except programs.ProgramError as error:
            _forget(held, variables)
            return " ".join(str(error).split())
    return ""


def _without(node: Node) -> Node:
    chains = tuple(chain for chain in node.translation_out if chain.name != CHAIN)
    return replace(node, translation_out=chains)


def _forget(held: HeldRules, variables: Mapping[str, str]) -> None:
    """Take back what was loaded before one was refused; where not even that is possible, there was nothing."""
    with suppress(programs.ProgramError):
        programs.run(("nft", "flush", "ruleset"), "")
    for one in held.loads:
        if "legacy" in one.argv[0]:
            with suppress(programs.ProgramError):
                programs.run(one.argv, _EMPTY, variables)
