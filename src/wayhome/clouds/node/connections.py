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
    answered_by: Address
    answered_from: int | None
    answered: bool


def connections_of(state: NodeState) -> Iterator[Connection]:
    """All entries that are understood; nothing where they were not collected."""
    located = state.outputs.get(NodeOutput.CONNTRACK)
    for line in located.value.splitlines() if located else ():
        connection = _connection(line)
        if connection:
            yield connection


def _connection(line: str) -> Connection | None:
    protocol = _PROTOCOL.match(line)
    if protocol is None or protocol[1] not in _PROTOCOLS:
        return None
    values: dict[str, list[str]] = {}
    for name, value in _VALUE.findall(line):
        values.setdefault(name, []).append(value)
    try:
        source, answered_by = map(Address.parse, values["src"])
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
        answered_by,
        int(values["sport"][1]) if len(values.get("sport", ())) > 1 else None,
        "[UNREPLIED]" not in line,
    )
