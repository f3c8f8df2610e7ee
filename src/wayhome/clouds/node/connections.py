"""The connections that a node tracks, from `conntrack -L`.

    tcp 6 86398 ESTABLISHED src=172.16.2.2 dst=10.2.0.1 sport=40000 dport=80 src=10.2.0.1 dst=10.1.0.3 … [ASSURED]

The first four values are the first packet as it came, the second four the reply as it is expected: whom the reply goes
to is what the source was translated to.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.clouds.node_state import NodeOutput, NodeState
from wayhome.network import Address, Protocol

_PROTOCOL = re.compile(r"^(?:ipv[46] +\d+ +)?([a-z0-9]+) +\d+ ")
_PROTOCOLS = {str(one): one for one in Protocol} | {"icmpv6": Protocol.ICMP}
_VALUE = re.compile(r"\b(src|dst|sport|dport)=(\S+)")


@dataclass(frozen=True, slots=True)
class Connection:
    """One entry. Ports are None where the protocol has none; `seen_as` is the source that the destination sees."""

    protocol: Protocol
    source: Address
    destination: Address
    source_port: int | None
    port: int | None
    seen_as: Address


def connections_between(
    state: NodeState, source: Address, destination: Address
) -> Iterator[Connection]:
    """The entries with a packet between two addresses, as it came or as it is answered; none where none were collected.

    Of some 100,000 entries only these are looked at closer.
    """
    located = state.outputs.get(NodeOutput.CONNTRACK)
    if located is None:
        return
    wanted = f"src={source} dst={destination} "
    for line in located.value.splitlines():
        if wanted in line and (connection := _connection(line)):
            yield connection


def count_answered(
    state: NodeState, protocol: Protocol, by: Address, port: int, seen_as: Address
) -> int:
    """How many entries are answered by an address and port, to an address of the node: each holds one of its ports."""
    located = state.outputs.get(NodeOutput.CONNTRACK)
    reply = f"src={by} dst={seen_as} sport={port} "
    lines = located.value.splitlines() if located else ()
    found = (match for line in lines if reply in line and (match := _PROTOCOL.match(line)))
    return sum(1 for match in found if _PROTOCOLS.get(match[1]) is protocol)


def _connection(line: str) -> Connection | None:
    protocol = _PROTOCOL.match(line)
    if protocol is None or protocol[1] not in _PROTOCOLS:
        return None
    values: dict[str, list[str]] = {}
    for name, value in _VALUE.findall(line):
        values.setdefault(name, []).append(value)
    try:
        source = Address.parse(values["src"][0])
        destination, seen_as = map(Address.parse, values["dst"])
        source_port = int(values["sport"][0]) if "sport" in values else None
        port = int(values["dport"][0]) if "dport" in values else None
    except (KeyError, ValueError):
        return None
    return Connection(
        _PROTOCOLS[protocol[1]],
        source,
        destination,
        source_port,
        port,
        seen_as,
    )
