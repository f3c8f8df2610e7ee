"""What is to be tried of each repair that a diagnosis proposes: the network that it makes, and who asks whom in it. Pure.

The asked flow is tried as the source asks it afterwards, which may be at another address (a proxy, a public one), and
its reverse, whether the destination could open a connection to the source. First comes the network as exported, so that
a repair that fails can be seen to fail where the flow itself does.

A repair that changes routes or addresses holds for every protocol; one that opens a port, or puts somebody between, for
what was asked about alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from wayhome.clouds.estate import Estate
from wayhome.clouds.proxy import Proxy
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.situation import Situation
from wayhome.lab.case import Row
from wayhome.lab.node_names import NodeNames
from wayhome.lab.repairs.balancers import Balancer, balancers
from wayhome.network import Address, Flow, Network, Protocol
from wayhome.probe.attempt import PORTS
from wayhome.probe.observation import Protocol as Probed
from wayhome.trace import trace

AS_EXPORTED = "before"
"""The name of the first one."""


class NotShownError(ValueError):
    """Something about the question that no demonstration can show; says what to ask instead."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A node asks an address, in each of these ways; `port` is that of HTTP."""

    row: Row
    at: str
    source: Address
    protocols: tuple[Probed, ...]
    port: int

    def flow(self, how: Probed) -> Flow:
        """The flow of one way."""
        protocol = Protocol.ICMP if how is Probed.ICMP else Protocol.TCP
        return Flow(self.source, Address.parse(str(self.row.address)), protocol, self.port_of(how))

    def port_of(self, how: Probed) -> int | None:
        """Where that is served."""
        return self.port if how is Probed.HTTP else PORTS[how] or None


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One repair, or the network as exported."""

    kind: str
    title: str
    control: bool
    estate: Estate
    network: Network
    asked: Ask
    reverse: Ask

    @property
    def servers(self) -> tuple[tuple[str, int], ...]:
        """The nodes on which somebody has to answer HTTP, and the ports: where flows are delivered, behind translation."""
        found = [one for ask in (self.asked, self.reverse) for one in self._served(ask)]
        proxied = {(proxy.host, proxy.port) for proxy in self.proxies}
        return tuple(one for one in dict.fromkeys(found) if one not in proxied)

    def _served(self, ask: Ask) -> Iterator[tuple[str, int]]:
        other = self.reverse if ask is self.asked else self.asked
        delivered = False
        for way in trace(self.network, ask.flow(Probed.HTTP), ask.at).ways:
            if way.result.delivered_to is not None:
                delivered = True
                yield way.result.delivered_to, way.result.packet.destination_port or ask.port
        if not delivered:
            yield other.at, ask.port

    @property
    def proxies(self) -> tuple[Proxy, ...]:
        """The proxies that have to run."""
        return tuple(one.value for one in self.estate.all(Proxy).values())

    @property
    def balancers(self) -> tuple[Balancer, ...]:
        """The balancers in front of them."""
        hosts = {proxy.host for proxy in self.proxies}
        return tuple(
            one
            for one in balancers(self.estate)
            if hosts.issuperset(backend.node for backend in one.backends)
        )


def demonstrations(
    answer: Answer, protocols: Sequence[Probed], kinds: Sequence[str] = ()
) -> Iterator[Demonstration]:
    """Of the network as exported, and of each repair; of these kinds, or of all.

    `protocols`: how a repair is tried that holds for all of them. Raises NotShownError.
    """
    situation = answer.situation
    asked = _probed(situation)
    everything = tuple(dict.fromkeys((asked, *protocols)))
    yield _of(AS_EXPORTED, "the network as exported", situation, situation, everything)
    for replay in answer.repairs:
        if replay.after is not None and (not kinds or replay.proposal.kind in kinds):
            proposal = replay.proposal
            narrow = proposal.question is not None or bool(proposal.with_)
            protocols_of_it = (asked,) if narrow else everything
            yield _of(
                proposal.kind, proposal.summary, situation, replay.after, protocols_of_it,
                control=proposal.control,
            )  # fmt: skip


def _probed(situation: Situation) -> Probed:
    flow = situation.asked.flow
    if flow.protocol is Protocol.UDP:
        raise NotShownError("a repair is shown by TCP or ICMP; ask about one of these")
    return Probed.ICMP if flow.protocol is Protocol.ICMP else Probed.HTTP


def _of(
    kind: str, title: str, before: Situation, after: Situation, protocols: tuple[Probed, ...],
    *, control: bool = False,
) -> Demonstration:  # fmt: skip
    network, names = after.network, NodeNames.of(after.network)
    pod, source = after.asked.source.node, after.asked.flow.source
    target = _target(before)
    own = _own_address(network, target, before.asked.flow.destination)
    port = before.asked.flow.port or PORTS[Probed.HTTP]
    there, back = names.short(target), names.short(pod)
    asked = Row(back, there, ip_address(str(after.asked.flow.destination)))
    reverse = Row(there, back, ip_address(str(source)))
    return Demonstration(
        kind,
        title,
        control,
        after.estate,
        network,
        Ask(asked, pod, source, protocols, port),
        Ask(reverse, target, own, protocols, port),
    )


def _target(situation: Situation) -> str:
    """The node that is meant: where the flow is delivered, else whose the address is."""
    meant = situation.asked.flow.destination
    ends = {way.result.delivered_to for way in situation.trace.ways} - {None}
    nodes = ends or {node.name for node in situation.network.owners(meant)}
    if len(nodes) != 1:
        who = "several answer at" if nodes else "nobody in the exports has"
        raise NotShownError(f"{who} the address {meant}; ask for an exported instance or Pod")
    return str(nodes.pop())


def _own_address(network: Network, node: str, asked: Address) -> Address:
    """The address that was asked for, where the node has it; else its own: a Service's is nobody's."""
    place = network.places[node]
    if place.is_local(asked):
        return asked
    return place.own_address(asked.family) or asked
