"""Effective routes as the tables of a fabric.

The rank of a route becomes its order, its region and tags become ingress classes. What an unknown fact decides is
opaque or a choice. Gaps (routes that may exist) lie behind every known route to the same prefix.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from wayhome.clouds.gcp.compile.parts import INTERNET, region_class, tag_class
from wayhome.clouds.gcp.derive.gap import Gap
from wayhome.clouds.gcp.derive.order import Ranked, rank
from wayhome.clouds.gcp.derive.ranges import enclosing
from wayhome.clouds.gcp.derive.route import EffectiveRoute, NextHopType
from wayhome.network import (
    Action,
    Choice,
    DeliverAttached,
    Drop,
    Forward,
    Missing,
    Opaque,
    Route,
    RouteTable,
    Verdict,
)
from wayhome.prefixes import Prefix

Actions = Callable[[EffectiveRoute], tuple[Action, ...]]
"""What a fabric does for a route: several actions share the traffic (the backends of a load balancer)."""

DELIVER = DeliverAttached(
    Drop("UNKNOWN_INTERNAL_ADDRESS", "nothing that was exported has the address")
)
BEHIND_ALL_KNOWN = 1 << 30
EVERYBODY: frozenset[str] = frozenset()


def subnet_table(
    routes: Iterable[EffectiveRoute],
    hybrid: Mapping[Prefix, Iterable[Prefix]],
    fronts: Iterable[Route],
) -> RouteTable:
    """The network's own subnets: whoever has the address gets the packet, and of a load balancer one of its backends.

    Of a hybrid subnet only the addresses that somebody has: all others are looked up further.
    """
    delivered = (
        Route(destination, DELIVER, route.type.value, evidence=route.evidence[0])
        for route in routes
        for destination in hybrid.get(route.destination, (route.destination,))
    )
    return RouteTable.of((*delivered, *fronts))


def custom_table(
    routes: Iterable[EffectiveRoute], gaps: Iterable[Gap], actions: Actions
) -> RouteTable:
    """Routes among which the cloud's order decides, and what may exist besides."""
    by_destination: dict[Prefix, list[EffectiveRoute]] = {}
    for route in routes:
        by_destination.setdefault(route.destination, []).append(route)
    found: list[Route] = []
    for same in by_destination.values():
        for ranked in rank(same):
            found += _routes(ranked, actions)
    found += opaque_routes(gaps, by_destination)
    return RouteTable.of(found)


def _routes(ranked: Ranked, actions: Actions) -> list[Route]:
    first = ranked.routes[0]
    classes = _classes(ranked) if ranked.tags or ranked.region is not None else EVERYBODY
    chosen = actions(first)
    for other in ranked.routes[1:]:
        chosen += actions(other)
    if ranked.unknown:
        chosen = (Choice(chosen, ranked.unknown),)
    kind, evidence = first.type.value, first.evidence[0]
    return [
        Route(first.destination, action, kind, ranked.order, classes, evidence) for action in chosen
    ]


def _classes(ranked: Ranked) -> frozenset[str]:
    tags = map(tag_class, ranked.tags)
    return frozenset(tags if ranked.region is None else (*tags, region_class(ranked.region)))


def opaque_routes(
    gaps: Iterable[Gap], known: Mapping[Prefix, Sequence[EffectiveRoute]]
) -> Iterator[Route]:
    """A packet that only the internet's route would take is very probably lost, unless a gap has a route for it."""
    for gap in gaps:
        for destination in gap.destinations:
            covered = any(
                route.next_hop.type is not NextHopType.INTERNET_GATEWAY
                for prefix in enclosing(destination)
                for route in known.get(prefix, ())
            )
            likely = None if covered or not gap.unless else Verdict.UNREACHABLE
            action = Opaque(Missing(gap.fact, gap.command, likely, gap.unless))
            yield Route(destination, action, order=BEHIND_ALL_KNOWN)


def simple_actions(port_of: Callable[[EffectiveRoute], str]) -> Actions:
    """The actions where each usable next hop is one port."""

    def actions(route: EffectiveRoute) -> tuple[Action, ...]:
        if route.type.of_peer:
            return (Forward(port_of(route)),)  # the peer's own table knows its next hops
        if route.unknown is not None:
            return (Opaque(Missing(route.unknown.fact, route.unknown.command)),)
        if route.unusable is not None:
            evidence = (*route.unusable.evidence, *route.evidence)[0]
            return (Drop(route.unusable.cause, route.unusable.why, evidence),)
        if route.next_hop.type is NextHopType.INTERNET_GATEWAY:
            return (Forward(INTERNET),)
        return (Forward(port_of(route)),)

    return actions
