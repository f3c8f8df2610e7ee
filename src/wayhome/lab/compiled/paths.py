"""A node's routing as a kernel has it: rules, and the routes of their tables. Pure.

A routing rule becomes one `ip rule` for each interface, source and destination that it is about. A table whose routes
depend on the ingress class becomes a table for each class that occurs, and the rule's interface picks it; what the node
sends itself has no class (`iif lo`).

**Drops are devices.** A route that drops leads to an interface of its own, one for each cause: the rules see what goes
there, and nobody is at its other end. A node's own bridge is one with nobody at its ports. A blackhole route would not say which route it was, and would give the node's own programs
an error where a cloud is silent. So one mechanism serves all: routes that drop, several equal routes of which some
drop, and the end of all rules (`Node.no_route`).

**DeliverAttached** is several routes: its own prefix leads to the port that owns all of it, else to the sink, and each
owned prefix inside that no other route of the table is closer to leads to its port.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from wayhome.lab.compiled.asked import NOT_KNOWN
from wayhome.lab.compiled.names import Interface, Names
from wayhome.network import (
    Action,
    Address,
    Choice,
    DeliverAttached,
    Drop,
    Forward,
    Opaque,
    Place,
    PrefixSet,
    Protocol,
    Route,
    RouteTable,
    RoutingRule,
)
from wayhome.prefixes import Family, Prefix

FIRST_TABLE = 1000
"""Tables up to 255 have meanings to the kernel and to iproute2."""
FIRST_PRIORITY = 1000
NO_ROUTE_PRIORITY = 1 << 20
LOOPBACK = Interface("lo", 1)

Labels = frozenset[str]
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelRule:
    """One `ip rule`; None matches everything."""

    priority: int
    table: int
    family: Family
    interface: str | None = None
    source: Prefix | None = None
    destination: Prefix | None = None
    protocol: Protocol | None = None
    mark: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelRoute:
    """One route; several interfaces share the flows. `source` is what the node's own packets get that have none."""

    table: int
    destination: Prefix
    interfaces: tuple[Interface, ...]
    source: Address | None = None


@dataclass(frozen=True, slots=True)
class Paths:
    """All of a node's routing. `tables` are the kernel's, by the node's own tables' names: those that rules lead to."""

    rules: tuple[KernelRule, ...]
    routes: tuple[KernelRoute, ...]
    tables: Mapping[str, tuple[int, ...]]


def paths_of(place: Place, names: Names, families: tuple[Family, ...]) -> Paths:
    """Lay out a node's routing; sinks that it needs are named in `names`."""
    return _Layout(place, names, families).paths()


class _Layout:
    def __init__(self, place: Place, names: Names, families: tuple[Family, ...]) -> None:
        self._place = place
        self._node = place.node
        self._names = names
        self._families = families
        self._tables: dict[tuple[str, Labels], int] = {}
        self._routes: list[KernelRoute] = []
        self._owned: dict[Prefix, str] = {}
        for port in self._node.ports:
            for prefix in port.owns:
                if prefix.family in families:
                    self._owned.setdefault(prefix, port.name)
        self._classes = {
            name: frozenset(label for route in table.routes for label in route.classes)
            for name, table in self._node.tables.items()
        }

    def paths(self) -> Paths:
        rules: list[KernelRule] = []
        for at, rule in enumerate(self._node.rules):
            rules += self._rules(FIRST_PRIORITY + at, rule)
        rules += self._end()
        tables: dict[str, tuple[int, ...]] = {}
        for (name, _), number in self._tables.items():
            tables[name] = (*tables.get(name, ()), number)
        return Paths(tuple(rules), tuple(self._routes), tables)

    def _rules(self, priority: int, rule: RoutingRule) -> Iterator[KernelRule]:
        for interface, labels in self._entries(rule):
            table = self._table(rule.table, labels)
            for source, destination, family in self._addresses(rule):
                yield KernelRule(
                    priority=priority,
                    table=table,
                    family=family,
                    interface=interface,
                    source=source,
                    destination=destination,
                    protocol=rule.protocol,
                    mark=rule.mark,
                )

    def _entries(self, rule: RoutingRule) -> Iterator[tuple[str | None, Labels]]:
        """The interfaces that a rule is about, each with the labels that its table looks at; None for all."""
        if not rule.ingress and rule.locally_sent is None and not self._classes[rule.table]:
            yield None, frozenset()
            return
        if not rule.ingress and rule.locally_sent is not False:
            yield LOOPBACK.name, frozenset()
        if rule.locally_sent:
            return
        for port in self._node.ports:
            if not rule.ingress or not rule.ingress.isdisjoint(port.ingress_class):
                labels = port.ingress_class & self._classes[rule.table]
                yield self._names.ports[port.name].name, labels

    def _addresses(
        self, rule: RoutingRule
    ) -> Iterator[tuple[Prefix | None, Prefix | None, Family]]:
        for family in self._families:
            for source in _of_family(rule.sources, family):
                for destination in _of_family(rule.destinations, family):
                    yield source, destination, family

    def _table(self, name: str, labels: Labels) -> int:
        key = (name, labels)
        if key not in self._tables:
            self._tables[key] = number = FIRST_TABLE + len(self._tables)
            self._routes += self._routes_of(number, self._node.tables[name], labels)
        return self._tables[key]

    def _routes_of(self, number: int, table: RouteTable, labels: Labels) -> Iterator[KernelRoute]:
        fitting = table.fitting(labels)
        for prefix, routes in fitting.items():
            if prefix.family in self._families:
                yield self._route(number, prefix, routes)
        for prefix in self._owned:
            routes = _closest(fitting, prefix) or ()
            if prefix not in fitting and any(_delivers(route.action) for route in routes):
                yield self._route(number, prefix, routes)

    def _route(self, number: int, prefix: Prefix, routes: tuple[Route, ...]) -> KernelRoute:
        ways = tuple(dict.fromkeys(self._way(route.action, prefix) for route in routes))
        port = next((name for name, way in self._names.ports.items() if way == ways[0]), None)
        source = self._place.own_address(
            prefix.family, self._place.ports[port] if port is not None else None
        )
        return KernelRoute(table=number, destination=prefix, interfaces=ways, source=source)

    def _way(self, action: Action, prefix: Prefix) -> Interface:
        match action:
            case Forward(port):
                return self._names.ports[port]
            case DeliverAttached(otherwise):
                owner = _closest(self._owned, prefix)
                return self._names.ports[owner] if owner else self._names.sink(otherwise)
            case Choice(alternatives):
                return self._way(alternatives[0], prefix)
            case Drop():
                return self._names.sink(action)
            case Opaque():
                return self._names.sink(Drop(NOT_KNOWN))

    def _end(self) -> Iterator[KernelRule]:
        """What no table knows."""
        number = FIRST_TABLE + len(self._tables)
        for family in self._families:
            everything = Prefix(family, 0, 0)
            if self._knows_all(family) or any(p == everything for p in self._node.local):
                continue
            yield KernelRule(priority=NO_ROUTE_PRIORITY, table=number, family=family)
            self._routes.append(
                KernelRoute(
                    table=number,
                    destination=everything,
                    interfaces=(self._names.sink(self._node.no_route),),
                    source=self._place.own_address(family),
                )
            )

    def _knows_all(self, family: Family) -> bool:
        """Whether a rule for every packet has a route for everything."""
        everything = Prefix(family, 0, 0)
        return any(
            (rule.ingress, rule.sources, rule.destinations) == (frozenset(), None, None)
            and (rule.protocol, rule.mark, rule.locally_sent) == (None, None, None)
            and everything in self._node.tables[rule.table].fitting(frozenset())
            for rule in self._node.rules
        )


def _of_family(prefixes: PrefixSet | None, family: Family) -> tuple[Prefix | None, ...]:
    if prefixes is None:
        return (None,)
    return tuple(dict.fromkeys(prefix for prefix in prefixes.prefixes if prefix.family is family))


def _closest(table: dict[Prefix, Found], prefix: Prefix) -> Found | None:
    """What stands at the longest prefix that holds all of this one."""
    for length in range(prefix.length, -1, -1):
        host_bits = prefix.family.bits - length
        first = prefix.first >> host_bits << host_bits
        found = table.get(Prefix(prefix.family, first, length))
        if found is not None:
            return found
    return None


def _delivers(action: Action) -> bool:
    match action:
        case DeliverAttached():
            return True
        case Choice(alternatives):
            return _delivers(alternatives[0])
        case _:
            return False
