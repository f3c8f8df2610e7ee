"""What the connections that the source's node tracks say: some keep an old decision, or have taken all ports."""

import re
from dataclasses import replace

from wayhome.clouds.node.connections import connections_between, count_answered
from wayhome.clouds.node.counters import counters_of
from wayhome.clouds.node.settings import settings_of
from wayhome.clouds.node_state import NodeOutput, NodeState
from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.causes.live import on
from wayhome.diagnosis.situation import Situation
from wayhome.diagnosis.source_node import compiled, source_node, state_of
from wayhome.network import (
    Address,
    Keep,
    Network,
    PrefixSet,
    Protocol,
    To,
    TranslationChain,
    TranslationRule,
)
from wayhome.trace import Trace, trace

PORTS = (1024, 65535)
"""What a masquerade takes a port from, where it is not told otherwise (nf_nat_l4proto_unique_tuple)."""
FULL = 0.95
"""Of the ports: a random search then often fails, since it gives up after 128 attempts."""
_TO_PORTS = re.compile(r"--to-ports (\d+)-(\d+)")


def pinned_flow(situation: Situation) -> Found | None:
    """Connections that are open keep the translation that they began with; with it they are lost."""
    node = source_node(situation)
    state = state_of(situation, node) if node else None
    if node is None or state is None:
        return None
    flow = situation.trace.flow
    now = situation.trace.shown.result.packet.source
    old = [
        connection
        for connection in connections_between(state, flow.source, flow.destination)
        if (connection.source, connection.destination) == (flow.source, flow.destination)
        and (connection.protocol, connection.port) == (flow.protocol, flow.port)
        and connection.seen_as != now
    ]
    host = compiled(situation.network, node)
    if not old or host is None:
        return None
    lost = [one for one in old if not _works(situation, host.name, one.seen_as)]
    if not lost:
        return None
    name = node.value.metadata.name
    port = f" --dport {flow.port}" if flow.port else ""
    selection = f"-p {flow.protocol} --orig-src {flow.source} --orig-dst {flow.destination}{port}"
    return Found(
        cause=Cause.PINNED_FLOW,
        because=f"new connections arrive, as {now}; {len(lost)} that {name} has tracked since before still leave as "
        f"{lost[0].seen_as}, and are lost: a connection keeps the translation that its first packet met",
        deciding=(state.outputs[NodeOutput.CONNTRACK].evidence,),
        confirm=f"conntrack -L {selection}  {on(name)}",
        notes=(f"to let them start again: conntrack -D {selection}  {on(name)}",),
    )


def port_exhaustion(situation: Situation) -> Found | None:
    """The ports that the node's address has towards one destination are taken, or its table of connections is full."""
    node = source_node(situation)
    state = state_of(situation, node) if node else None
    if node is None or state is None:
        return None
    flow, seen = situation.trace.flow, situation.trace.shown.result.packet
    name = node.value.metadata.name
    if full := _table_is_full(state):
        return Found(
            cause=Cause.PORT_EXHAUSTION,
            because=f"{name} tracks {full[0]} connections, of at most {full[1]}: it drops new ones",
            deciding=(state.outputs[NodeOutput.SYSCTL].evidence,),
            confirm=f"sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max  {on(name)}",
        )
    if seen.source == flow.source or flow.protocol is Protocol.ICMP:
        return None
    used = count_answered(
        state, flow.protocol, seen.destination, seen.destination_port, seen.source
    )
    first, last = _range(state)
    available = last - first + 1
    if used < available * FULL:
        return None
    failed = counters_of(state).get("insert_failed", 0)
    so_far = f"; {failed} have failed since it started" if failed else ""
    return Found(
        cause=Cause.PORT_EXHAUSTION,
        because=f"{name} has {used} connections to {seen.destination} {flow.protocol} port {seen.destination_port} as "
        f"{seen.source}, and {available} ports for them ({first} to {last}): new ones fail{so_far}",
        deciding=(state.outputs[NodeOutput.CONNTRACK].evidence,),
        confirm=f"conntrack -S  {on(name)}: insert_failed grows",
    )


def _works(situation: Situation, host: str, seen_as: Address) -> bool:
    """Whether the flow came home if the node made this of its source."""
    flow = situation.trace.flow
    action = Keep() if seen_as == flow.source else To(seen_as)
    rule = TranslationRule(action=action, sources=PrefixSet((flow.source.prefix,)))
    return (
        _replaced(situation, host, TranslationChain("pinned", (rule,))).shown.result.ended is None
    )


def _replaced(situation: Situation, host: str, chain: TranslationChain) -> Trace:
    network = situation.network
    nodes = [
        replace(place.node, translation_out=(chain,)) if name == host else place.node
        for name, place in network.places.items()
    ]
    changed = Network.of(nodes, network.links)
    return trace(changed, situation.trace.flow, situation.asked.source.node)


def _range(state: NodeState) -> tuple[int, int]:
    """What `--to-ports` says, if any rule does; several ranges are taken together from the first to the last."""
    texts = [
        state.outputs[output].value
        for output in (NodeOutput.IPTABLES_NFT, NodeOutput.IPTABLES_LEGACY)
        if output in state.outputs
    ]
    found = [(int(first), int(last)) for text in texts for first, last in _TO_PORTS.findall(text)]
    return (min(first for first, _ in found), max(last for _, last in found)) if found else PORTS


def _table_is_full(state: NodeState) -> tuple[int, int] | None:
    settings = settings_of(state) or {}
    count = settings.get("net.netfilter.nf_conntrack_count", "")
    most = settings.get("net.netfilter.nf_conntrack_max", "")
    if not (count.isdecimal() and most.isdecimal()) or int(most) == 0:
        return None
    return (int(count), int(most)) if int(count) >= int(most) else None
