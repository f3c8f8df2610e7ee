"""Which of several custom routes for one destination prefix is taken, by whom.

Google's order ("Applicability and order" of https://docs.cloud.google.com/vpc/docs/routes, and "Order of routes" of
Cloud VPN's documentation), after the longest prefix has been found:

1. one network: routes of this network, if any applies; else those of one peer, and which peer is Google's secret;
2. next hops that take no packets are left out; if that leaves none, the packet is dropped;
3. the lowest priority number;
4. the preferred category (`_category`);
5. what is left shares the traffic (ECMP).

All but the choice of a peer is a comparison of keys among the routes that apply to the sender, so a rank is enough: the
table takes the lowest rank that applies. A cost between regions that no export tells makes a priority an interval;
where intervals of different regions overlap, the decision is a choice that we do not know.
Not told apart there: senders with and without the tags of a route that falls into such an overlap.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from wayhome.clouds.gcp.derive.route import EffectiveRoute, NextHopType, RouteType

_UNKNOWN_PEER = "which of several peers' routes Google prefers for the same destination"
_UNKNOWN_COST = "the cost between regions that Google adds to a dynamic route's priority"

_Key = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Routes of one rank: the lowest rank that applies decides; equal ranks share the traffic.

    Several routes in one: exactly one of them is used by everybody, and `unknown` says what would tell which.
    """

    order: int
    region: str | None
    tags: frozenset[str]
    routes: tuple[EffectiveRoute, ...]
    unknown: str = ""


def rank(routes: Sequence[EffectiveRoute]) -> list[Ranked]:
    """The custom routes of one network for one destination prefix, in the order in which they are tried."""
    if len(routes) == 1:
        (route,) = routes
        return [Ranked(0, route.region, route.tags, (route,))]
    local = [route for route in routes if not route.type.of_peer]
    imported = [route for route in routes if route.type.of_peer]
    ranked = list(_by_preference(local))
    ranked.extend(_by_peer(imported, len(ranked)))
    return ranked


def _by_preference(routes: list[EffectiveRoute]) -> Iterator[Ranked]:
    keyed: list[tuple[_Key, Ranked]] = [
        (_key(route), Ranked(0, route.region, route.tags, (route,))) for route in routes
    ]
    keyed += _undecided(routes)
    keyed.sort(key=lambda item: item[0])
    for order, (_, same) in enumerate(groupby(keyed, key=lambda item: item[0])):
        for _, entry in same:
            yield Ranked(order, entry.region, entry.tags, entry.routes, entry.unknown)


def _key(route: EffectiveRoute) -> _Key:
    return (route.unusable is not None, route.lowest_priority, _category(route))


def _category(route: EffectiveRoute) -> int:
    """The preference at equal priority: static before dynamic is documented, the other two places are not."""
    if route.type is RouteType.DYNAMIC:
        return 2
    if route.next_hop.type is NextHopType.ILB:
        return 3
    return 4 if route.next_hop.type is NextHopType.INTERNET_GATEWAY else 1


def _undecided(routes: list[EffectiveRoute]) -> Iterator[tuple[_Key, Ranked]]:
    """For each region in which an unknown cost decides: the routes that may win, one rank before them."""
    usable = [route for route in routes if route.unusable is None]
    for region in {route.region for route in usable if route.lacks_region_cost}:
        rivals = [route for route in usable if route.region in (region, None) and not route.tags]
        bound = min(route.highest_priority for route in rivals)
        rivals = [route for route in rivals if route.lowest_priority <= bound]
        costs = {route.from_region if route.lacks_region_cost else "" for route in rivals}
        if len(costs) == 1:
            continue  # the same cost for all of them, or none: their own priorities decide
        first = min(route.lowest_priority for route in rivals)
        yield (
            (False, first, 0),
            Ranked(0, region, frozenset(), tuple(rivals), _UNKNOWN_COST),
        )


def _by_peer(routes: list[EffectiveRoute], start: int) -> Iterator[Ranked]:
    """A peer's routes, after all local ones; the peer's own table then decides between its next hops."""
    everywhere = _one_for_each_peer(route for route in routes if route.region is None)
    regions = sorted({route.region for route in routes if route.region is not None})
    for region in regions:
        here = _one_for_each_peer(route for route in routes if route.region == region)
        offers = tuple((everywhere | here).values())
        yield Ranked(start, region, frozenset(), offers, _UNKNOWN_PEER if len(offers) > 1 else "")
    if everywhere:
        offers = tuple(everywhere.values())
        order = start + bool(regions)
        yield Ranked(order, None, frozenset(), offers, _UNKNOWN_PEER if len(offers) > 1 else "")


def _one_for_each_peer(routes: Iterable[EffectiveRoute]) -> dict[str, EffectiveRoute]:
    found: dict[str, EffectiveRoute] = {}
    for route in routes:
        found.setdefault(route.next_hop.target, route)
    return found
