"""What a lab is made of that is kept up: found out by the command that starts it, and handed to its keeper.

The exports are read, compiled, cut and asked about before there is a keeper, so that whatever is wrong with them is said
where the command was typed. The keeper needs only what it builds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from wayhome.lab.compiled.held import Held
from wayhome.lab.node_names import NodeNames
from wayhome.lab.programs import Program
from wayhome.lab.volume import ConfigMapVolume
from wayhome.network import DestinationRule, Drop, Network, Protocol
from wayhome.probe.flow import GREETING_PORT, HTTP_PORT

Ports = frozenset[tuple[Protocol, int]]
USUAL_PORTS: Ports = frozenset({(Protocol.TCP, HTTP_PORT), (Protocol.TCP, GREETING_PORT)})


@dataclass(frozen=True, slots=True)
class PlannedAgent:
    """An agent of the project on a node: what runs there, and what its ConfigMap volume shows at first."""

    node: str
    program: Program
    volume: ConfigMapVolume
    data: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Plan:
    """A lab. `title` is what people call it, and `remarks` are what whoever uses it should know.

    `own` are the rules that nodes were seen to hold, `ports` those at which every node answers, and `files` what lies in
    the lab's folder for whoever tries things.
    """

    title: str
    network: Network
    names: NodeNames
    own: Held
    agents: tuple[PlannedAgent, ...]
    ports: Ports
    files: Mapping[str, bytes]
    remarks: tuple[str, ...]


def answered(network: Network, asked: Iterable[tuple[Protocol, int | None]] = ()) -> Ports:
    """The usual ports, those that are asked for, and those to which the network leads flows."""
    found = {(protocol, port) for protocol, port in asked if port is not None}
    for node in network.nodes:
        for rule in node.translation_in:
            targets = () if isinstance(rule.action, Drop) else rule.action
            ports = {one.port for one in targets if one.port is not None}
            found |= set(product(_protocols(rule), ports))
        for listener in node.listeners:
            found |= {(listener.protocol, one.port) for one in listener.upstreams if one.port}
    return USUAL_PORTS | found


def _protocols(rule: DestinationRule) -> set[Protocol]:
    """Those with ports that it is about; TCP where it is about any."""
    named = {match.protocol for match in rule.protocols or ()}
    return {one for one in named if one in (Protocol.TCP, Protocol.UDP)} or {Protocol.TCP}
