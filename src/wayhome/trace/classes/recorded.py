"""A network whose parts answer as the real ones do, and tell the recorder for which other addresses they would, too.

The tracer walks it as it walks any network: what is recorded is what it has really asked. Nodes are made when the first
packet comes. `standing_in` adds a Pod that asks and is nobody's destination.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar, cast

from wayhome.network import (
    Address,
    Ask,
    DestinationRule,
    Drop,
    Either,
    End,
    Filter,
    Network,
    Node,
    Place,
    Port,
    PrefixSet,
    Protocol,
    ProtocolMatch,
    Route,
    RouteTable,
    RoutingRule,
    Target,
    TranslationAction,
    TranslationChain,
    TranslationRule,
)
from wayhome.policy import Action, Decision, Policy
from wayhome.policy import Packet as PolicyPacket
from wayhome.prefixes import Family
from wayhome.trace.classes.distinctions import (
    local_spans,
    of_owned,
    of_policy,
    of_table,
    same,
    who,
)
from wayhome.trace.classes.line import spans
from wayhome.trace.classes.recorded_filter import RecordedFilter, RecordedMatch
from wayhome.trace.classes.recorder import Recorder

Part = TypeVar("Part")


class RecordedNetwork:
    """The tracer uses it as a Network (`as_network`)."""

    def __init__(self, network: Network, recorder: Recorder) -> None:
        self._network = network
        self.recorder = recorder
        self._made: dict[int, tuple[object, Any]] = {}
        self.places = _Places(self._place)
        self.nodes, self.links = network.nodes, network.links

    @property
    def as_network(self) -> Network:
        """The same, for who asks for a Network."""
        return cast("Network", self)

    def owners(self, address: Address) -> tuple[Node, ...]:
        """The nodes that have an address; a stand-in has none."""
        return self._network.owners(address)

    @contextmanager
    def standing_in(self, host: Node, pod: Node) -> Iterator[None]:
        """`host`, with `pod` behind the port that owns its address, instead of the node of that name."""
        ours, theirs = pod.ports[0], _port_to(host, pod)
        peers = {**self._network.places[host.name].peers, theirs: End(pod.name, ours.name)}
        earlier = {name: self.places.pop(name, None) for name in (host.name, pod.name)}
        try:
            self.places[host.name] = self._recorded(Place.of(host, peers))
            pod_peers = {ours.name: End(host.name, theirs)}
            self.places[pod.name] = self._recorded(Place.of(pod, pod_peers))
            yield
        finally:
            for name, place in earlier.items():
                self.places.pop(name)
                if place is not None:
                    self.places[name] = place

    def _place(self, name: str) -> "Place":
        return self._recorded(self._network.places[name])

    def _recorded(self, place: Place) -> Place:
        node = replace(
            place.node,
            ports=tuple(map(self._port, place.node.ports)),
            rules=tuple(map(self._rule, place.node.rules)),
            tables={name: self._once(t, _Table) for name, t in place.node.tables.items()},
            translation_in=tuple(map(self._rule, place.node.translation_in)),
            translation_out=tuple(self._once(c, self._chain) for c in place.node.translation_out),
        )
        return cast("Place", _Place(self.recorder, place, node))

    def _once(self, part: Part, make: Callable[[Part, Recorder], Any]) -> Any:
        """What is shared stays shared. The original is kept: its identity must not be another's."""
        if id(part) not in self._made:
            self._made[id(part)] = (part, make(part, self.recorder))
        return self._made[id(part)][1]

    def _port(self, port: Port) -> Port:
        return replace(
            port,
            permitted=self._set(port.permitted),
            filter_in=self._filter(port.filter_in),
            filter_out=self._filter(port.filter_out),
        )

    def _set(self, prefixes: PrefixSet | None) -> Any:
        return None if prefixes is None else self._once(prefixes, _Set)

    def _filter(self, filter_: Filter | None) -> Any:
        return None if filter_ is None else self._once(filter_, RecordedFilter)

    def _rule(self, rule: Any) -> Any:
        """Rules of routing and of translation have the same conditions about addresses."""
        if not isinstance(rule, RoutingRule | DestinationRule | TranslationRule):
            raise TypeError(type(rule))
        named = {"sources": self._set(rule.sources), "destinations": self._set(rule.destinations)}
        if isinstance(rule, RoutingRule):
            return replace(rule, **named)
        if isinstance(rule, TranslationRule):
            named["action"] = self._action(rule.action)
            named["protocols"] = self._matches(rule.protocols, ())
            return replace(rule, **named)
        targets = () if isinstance(rule.action, Drop) else rule.action
        named["protocols"] = self._matches(rule.protocols, targets)
        return replace(rule, **named)

    def _matches(self, matches: tuple[ProtocolMatch, ...] | None, then: Sequence[Target]) -> Any:
        if matches is None:
            matches = (ProtocolMatch(),)
        return tuple(RecordedMatch(match, self.recorder, then) for match in matches)

    def _chain(self, chain: TranslationChain, _: Recorder) -> TranslationChain:
        return replace(chain, rules=tuple(map(self._rule, chain.rules)))

    def _action(self, action: TranslationAction) -> TranslationAction:
        match action:
            case Ask(policy):
                return replace(action, policy=self._once(policy, _Policy))
            case Either(alternatives):
                return replace(action, alternatives=tuple(map(self._action, alternatives)))
            case _:
                return action


def _port_to(host: Node, pod: Node) -> str:
    own = pod.ports[0].addresses[0].prefix
    return next(port.name for port in host.ports if own in port.owns)


class _Places(dict[str, Place]):
    """Made on demand."""

    def __init__(self, make: Callable[[str], Place]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> Place:
        self[name] = place = self._make(name)
        return place

    def get(self, name: str, default: Any = None) -> Any:
        """As a dictionary that has them all."""
        try:
            return self[name]
        except KeyError:
            return default


class _Place:
    """A place, see `network.place`."""

    def __init__(self, recorder: Recorder, place: Place, node: Node) -> None:
        self._recorder, self._place = recorder, place
        self.node = node
        self.ports: Mapping[str, Port] = {port.name: port for port in node.ports}
        self.peers = place.peers
        self.addresses = place.addresses
        self._local: int | None = None
        self._attached: dict[Hashable, int] | None = None
        self._of_protocol = any(rule.protocol is not None for rule in node.rules)

    def is_local(self, address: Address) -> bool:
        inside = self._place.is_local(address)
        if address == self._recorder.destination:
            if self._local is None:
                self._local = self._recorder.atoms.bits(local_spans(self._place.node))
            self._recorder.narrow(self._local if inside else ~self._local)
        self._recorder.other(address)
        if self._of_protocol or self.node.listeners:
            self._recorder.same_protocol()
        if inside and self.node.listeners:
            self._recorder.listeners(self.node.listeners)
        return inside

    def attached(self, address: Address) -> tuple[str, ...]:
        names = self._place.attached(address)
        if address == self._recorder.destination:
            if self._attached is None:
                by_owner = of_owned(self._place.owned)
                self._attached = self._recorder.atoms.by_outcome(by_owner)
            self._recorder.narrow(self._attached[who(names) if names else None])
        return names

    def replies_open(self, protocol: Protocol) -> bool:
        opens = self._place.replies_open(protocol)
        self._recorder.one_of(one for one in Protocol if self._place.replies_open(one) is opens)
        return opens

    def own_address(self, family: Family, port: Port | None = None) -> Address | None:
        found = self._place.own_address(family, port)
        if found is not None:
            self._recorder.other(found)
        return found


class _Table:
    """A route table."""

    def __init__(self, table: RouteTable, recorder: Recorder) -> None:
        self._table, self._recorder = table, recorder
        self._labels = frozenset(label for route in table.routes for label in route.classes)
        self._outcomes: dict[frozenset[str], dict[Hashable, int]] = {}
        self._bits: dict[tuple[frozenset[str], int], int] = {}

    def lookup(self, destination: Address, ingress: frozenset[str]) -> tuple[Route, ...]:
        routes = self._table.lookup(destination, ingress)
        if destination == self._recorder.destination:
            relevant = ingress & self._labels if self._labels else self._labels
            key = (relevant, id(routes[0]) if routes else 0)
            if key not in self._bits:
                self._bits[key] = self._alike(relevant, routes)
            self._recorder.narrow(self._bits[key])
        return routes

    def _alike(self, ingress: frozenset[str], routes: tuple[Route, ...]) -> int:
        if ingress not in self._outcomes:
            distinction = of_table(self._table, ingress)
            self._outcomes[ingress] = self._recorder.atoms.by_outcome(distinction)
        return self._outcomes[ingress][same(routes) if routes else None]


class _Set:
    """A set of prefixes."""

    def __init__(self, prefixes: PrefixSet, recorder: Recorder) -> None:
        self._set, self._recorder = prefixes, recorder
        self._bits: int | None = None

    def __contains__(self, address: Address) -> bool:
        inside = address in self._set
        if address == self._recorder.destination:
            if self._bits is None:
                self._bits = self._recorder.atoms.bits(spans(self._set.prefixes).spans)
            self._recorder.narrow(self._bits if inside else ~self._bits)
        return inside


class _Policy:
    """A policy that is asked."""

    def __init__(self, policy: Policy, recorder: Recorder) -> None:
        self._policy, self._recorder = policy, recorder
        self._outcomes: dict[Hashable, int] | None = None

    def decide(self, packet: PolicyPacket) -> Decision:
        if (packet.family, packet.destination) == self._recorder.destination:
            if self._outcomes is None:
                self._outcomes = self._recorder.atoms.by_outcome(of_policy(self._policy))
            entry = self._policy.entry_for(packet.family, packet.destination)
            kept = None if entry is None else entry.action is Action.KEEP
            self._recorder.narrow(self._outcomes[kept])
            self._recorder.narrow(self._recorder.atoms.of_family[packet.family])
        return self._policy.decide(packet)
