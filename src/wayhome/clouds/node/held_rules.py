"""What a node holds, as a kernel takes it again: its very nat rules, and what its interfaces are called in them.

They are laid out for the programs that wrote them. What is loaded last is called first, as the kernel does it with
chains of one priority.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from wayhome.clouds.node.outputs import NodeOutputError
from wayhome.clouds.node.routes import ways_of
from wayhome.clouds.node.rules import chains_of
from wayhome.clouds.node_state import NodeOutput, NodeState
from wayhome.netfilter import verbatim
from wayhome.netfilter.rules import BaseChain, Variant
from wayhome.network import Node

_RESTORE = {
    (Variant.IPTABLES_NFT, "ip"): "iptables-nft-restore",
    (Variant.IPTABLES_NFT, "ip6"): "ip6tables-nft-restore",
    (Variant.IPTABLES_LEGACY, "ip"): "iptables-legacy-restore",
    (Variant.IPTABLES_LEGACY, "ip6"): "ip6tables-legacy-restore",
}


@dataclass(frozen=True, slots=True)
class Load:
    """A program, and what it is to read."""

    argv: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class HeldRules:
    """What to load, in this order. `devices` says what the node's ports are called; some may not be known."""

    loads: tuple[Load, ...]
    devices: Mapping[str, str]


def held_rules(state: NodeState, host: Node) -> HeldRules:
    """The node's own rules and names; nothing of what was not collected, or not to its end."""
    with suppress(NodeOutputError):
        bases, ways = chains_of(state), ways_of(state, host)
        interfaces = {} if ways is None else ways.interfaces
        devices = {port: device for device, port in interfaces.items()}
        return HeldRules(tuple(_loads(state, bases or ())), devices)
    return HeldRules((), {})


def _loads(state: NodeState, bases: tuple[BaseChain, ...]) -> Iterator[Load]:
    native: dict[verbatim.Table, list[str]] = {}
    for base in bases:
        if base.variant is Variant.NATIVE:
            native.setdefault((base.family, base.table), []).append(base.name)
    for base in reversed(bases):
        place = (base.family, base.table)
        if base.variant is not Variant.NATIVE:
            yield Load((_RESTORE[base.variant, base.family],), verbatim.saved(base))
        elif names := native.pop(place, None):
            listed = state.outputs[NodeOutput.NFT].value
            yield Load(("nft", "-j", "-f", "-"), verbatim.native(listed, place, names))
