"""Packets that are too large for a network on the way, and for which nobody tells the sender so.

A VPC network drops what is larger than its MTU. Both ends of a TCP connection announce what they can take, so that the
smaller of the two counts; with UDP and ICMP the sender's alone. Where the node itself has the smaller interface, it
tells the Pod (ICMP "fragmentation needed"), and all is well.

Source: Google, "Maximum transmission unit".
"""

from collections.abc import Iterator

from wayhome.clouds.node.settings import mtus, settings_of
from wayhome.clouds.node_state import NodeOutput
from wayhome.diagnosis.cause import Cause, Found
from wayhome.diagnosis.situation import Situation
from wayhome.diagnosis.source_node import source_node, state_of
from wayhome.network import Protocol


def mtu(situation: Situation) -> Found | None:
    """The node sends by an interface that takes more than a network on the way does."""
    node = source_node(situation)
    state = state_of(situation, node) if node else None
    settings = settings_of(state) if state else None
    if node is None or state is None or settings is None:
        return None
    devices = mtus(settings)
    path = list(_path(situation))
    if not devices or not path:
        return None
    # The Pods' devices and the node's own: what passes all of them leaves the node.
    sent = min(devices.values())
    least, where = min(path)
    if situation.trace.flow.protocol is Protocol.TCP:
        sent = min(sent, path[-1][0])
    if sent <= least:
        return None
    name = node.value.metadata.name
    return Found(
        cause=Cause.MTU,
        because=f"{name} sends packets of up to {sent} bytes, and {where} carries {least}: small ones arrive, larger "
        "ones are lost",
        deciding=(state.outputs[NodeOutput.SYSCTL].evidence,),
        confirm=f"ping -M do -c 1 -s {least - 27} {situation.trace.flow.destination}  # in the Pod: fails, and with "
        f"-s {least - 28} is answered",
    )


def _path(situation: Situation) -> Iterator[tuple[int, str]]:
    """MTU and name of what the packets go through, in order; the last one is what the destination takes."""
    places = situation.network.places
    for hop in situation.trace.forward:
        ports = {port.name: port for port in places[hop.node].node.ports}
        for name in (hop.entered, hop.left):
            port = ports.get(name or "")
            if port is not None and port.mtu is not None:
                yield port.mtu, hop.node
