"""How a node finds the way on: routing rules in order, each with a table; in a table the longest prefix.

A table does not say which cloud it comes from. The cloud's own order among routes to one prefix is resolved by whoever
compiled it, into `Route.order`; routes of the lowest order that apply are used together (ECMP). A route may apply to
some ingress classes only (Google's network tags, a region): look-up takes the class of the port by which the packet
came, so that there is one table and not one for each set of tags. A lab makes a table for each class, with an `ip rule`
on the interface.

A table of 100,000 routes has one dictionary for each prefix length, and a look-up takes a few microseconds. It returns
what the longest prefix *with a fitting route* says; a rule whose table says nothing falls through to the next rule, as
in the kernel. A table behind which nothing else shall be asked, such as what a network exports to its peers, has a
route for everything that drops.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter

from wayhome.network.actions import Action
from wayhome.network.address import Address
from wayhome.network.evidence import Evidence
from wayhome.network.flow import Protocol
from wayhome.network.prefix_set import PrefixSet
from wayhome.prefixes import Family, Prefix


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `kind` is the analyzer's route type (SUBNET, STATIC, PEERING_STATIC …).

    `classes` are the ingress classes that it applies to; empty is all, and else one in common with the port's is
    enough. Of the routes to one prefix that apply, those with the lowest `order` hold.
    """

    destination: Prefix
    action: Action
    kind: str = "STATIC"
    order: int = 0
    classes: frozenset[str] = frozenset()
    evidence: Evidence | None = None

    def applies_to(self, ingress: frozenset[str]) -> bool:
        """Whether packets of this ingress class use it."""
        return not self.classes or not self.classes.isdisjoint(ingress)


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Routes, looked up by longest prefix. Two nodes may share a table."""

    routes: tuple[Route, ...]
    _lengths: dict[Family, list[tuple[int, dict[int, tuple[Route, ...]]]]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        found: dict[Family, dict[int, dict[int, tuple[Route, ...]]]] = {}
        for route in sorted(self.routes, key=attrgetter("order")):
            prefix = route.destination
            by_first = found.setdefault(prefix.family, {}).setdefault(prefix.length, {})
            by_first[prefix.first] = (*by_first.get(prefix.first, ()), route)
        lengths = {
            family: [
                (family.bits - length, by_first)
                for length, by_first in sorted(by_length.items(), reverse=True)
            ]
            for family, by_length in found.items()
        }
        object.__setattr__(self, "_lengths", lengths)

    @classmethod
    def of(cls, routes: Iterable[Route]) -> "RouteTable":
        """The table of any routes, in any order."""
        return cls(tuple(routes))

    def by_prefix(self) -> Iterator[tuple[Prefix, tuple[Route, ...]]]:
        """Each prefix with the routes to it, the lowest order first."""
        for family, lengths in self._lengths.items():
            for host_bits, by_first in lengths:
                for first, routes in by_first.items():
                    yield Prefix(family, first, family.bits - host_bits), routes

    def lookup(self, destination: Address, ingress: frozenset[str]) -> tuple[Route, ...]:
        """The routes that hold, several for ECMP, none where the table says nothing."""
        for host_bits, by_first in self._lengths.get(destination.family, ()):
            routes = by_first.get(destination.value >> host_bits << host_bits)
            if routes is not None:
                fitting = _first_order(routes, ingress)
                if fitting:
                    return fitting
        return ()

    def fitting(self, ingress: frozenset[str]) -> dict[Prefix, tuple[Route, ...]]:
        """The routes that hold for packets of one class, by prefix."""
        found = ((prefix, _first_order(routes, ingress)) for prefix, routes in self.by_prefix())
        return {prefix: holding for prefix, holding in found if holding}


def _first_order(routes: tuple[Route, ...], ingress: frozenset[str]) -> tuple[Route, ...]:
    if len(routes) == 1:
        return routes if routes[0].applies_to(ingress) else ()
    fitting = [route for route in routes if route.applies_to(ingress)]
    return tuple(route for route in fitting if route.order == fitting[0].order)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRule:
    """Which packets are looked up in `table`; what is left out matches everything.

    `ingress`: any of these classes. `mark`: the packet carries exactly it. `locally_sent`: whether the node itself
    sent it.
    """

    table: str
    ingress: frozenset[str] = frozenset()
    sources: PrefixSet | None = None
    destinations: PrefixSet | None = None
    protocol: Protocol | None = None
    mark: int | None = None
    locally_sent: bool | None = None
    evidence: Evidence | None = None
