"""The order of custom routes at one destination prefix, step by step.

The worked examples are those of Google's documentation: Cloud VPN's "Order of routes" (unusable tunnels are left out
before priority), Cloud Router's "Advertised priority" and its learned routes (the cost between regions).
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wayhome.clouds.gcp.derive.order import Ranked, rank
from wayhome.clouds.gcp.derive.route import (
    EffectiveRoute,
    NextHop,
    NextHopType,
    RouteType,
    Unusable,
)
from wayhome.network.evidence import Evidence
from wayhome.prefixes import Prefix

DOWN = Unusable("ROUTE_NEXT_HOP_VPN_TUNNEL_NOT_ESTABLISHED", "tunnel is down")
HOPS = {
    "instance": NextHopType.INSTANCE,
    "tunnel": NextHopType.VPN_TUNNEL,
    "ilb": NextHopType.ILB,
    "internet": NextHopType.INTERNET_GATEWAY,
    "peer": NextHopType.PEERING,
}


def route(
    name: str,
    priority: int = 1000,
    *,
    kind: RouteType = RouteType.STATIC,
    region: str | None = None,
    tags: str = "",
    down: bool = False,
    from_region: str | None = None,
    costs: bool = False,
) -> EffectiveRoute:
    """`name` is the next hop, and begins with its type: tunnel-a."""
    return EffectiveRoute(
        network="projects/p/global/networks/n",
        type=kind,
        destination=Prefix.parse("10.9.0.0/24"),
        next_hop=NextHop(HOPS[name.partition("-")[0]], name),
        evidence=(Evidence(name, "routes.json", "/0"),),
        priority=priority,
        region=region,
        from_region=from_region,
        lacks_region_cost=costs,
        tags=frozenset(tags.split()),
        unusable=DOWN if down else None,
    )


def dynamic(name: str, priority: int, region: str, origin: str | None = None) -> EffectiveRoute:
    return route(
        name,
        priority,
        kind=RouteType.DYNAMIC,
        region=region,
        from_region=origin or region,
        costs=origin is not None and origin != region,
    )


def taken(ranked: list[Ranked], region: str = "r1", tags: str = "") -> list[set[str]]:
    """What a table does with the ranks: of those that apply to the sender, the lowest."""
    fitting = [
        entry
        for entry in ranked
        if entry.region in (None, region)
        and (not entry.tags or entry.tags & frozenset(tags.split()))
    ]
    lowest = min((entry.order for entry in fitting), default=0)
    return sorted(
        ({r.next_hop.target for r in entry.routes} for entry in fitting if entry.order == lowest),
        key=sorted,
    )


@pytest.mark.parametrize(
    "step, routes, expected",
    [
        (
            "Order of routes: the tunnel with the best priority is down",
            [route("tunnel-1", 10, down=True), route("tunnel-2", 20), route("tunnel-3", 30)],
            [{"tunnel-2"}],
        ),
        (
            "all are down: dropped, by the best of them",
            [route("tunnel-1", 10, down=True), route("tunnel-2", 20, down=True)],
            [{"tunnel-1"}],
        ),
        ("priority", [route("tunnel-1", 20), route("tunnel-2", 10)], [{"tunnel-2"}]),
        (
            "static before dynamic at equal priority",
            [dynamic("tunnel-d", 100, "r1"), route("instance-s", 100)],
            [{"instance-s"}],
        ),
        (
            "dynamic before an internal load balancer",
            [route("ilb-1", 100), dynamic("tunnel-d", 100, "r1")],
            [{"tunnel-d"}],
        ),
        (
            "an internal load balancer before the internet",
            [route("internet", 100), route("ilb-1", 100)],
            [{"ilb-1"}],
        ),
        ("ECMP", [route("tunnel-1"), route("tunnel-2")], [{"tunnel-1"}, {"tunnel-2"}]),
        (
            "one network: a local route that is worse in every way is before a peer's",
            [
                route("instance-a", 60000, down=True),
                route("peer-a", 0, kind=RouteType.PEERING_STATIC),
            ],
            [{"instance-a"}],
        ),
        (
            "several peers: before priority, and nobody knows which",
            [
                route("peer-a", 10, kind=RouteType.PEERING_STATIC),
                route("peer-b", 20, kind=RouteType.PEERING_STATIC),
            ],
            [{"peer-a", "peer-b"}],
        ),
        (
            "one peer with several routes is one way: its own table decides",
            [
                route("peer-a", 10, kind=RouteType.PEERING_STATIC),
                route("peer-a", 20, kind=RouteType.PEERING_STATIC),
            ],
            [{"peer-a"}],
        ),
    ],
)
def test_order(step: str, routes: list[EffectiveRoute], expected: list[set[str]]) -> None:
    assert taken(rank(routes)) == expected, step
    assert taken(rank(routes[::-1])) == expected, step


def test_tags_apply_before_anything_is_compared() -> None:
    ranked = rank([route("instance-tagged", 10, tags="web db"), route("tunnel-1", 20)])
    assert taken(ranked, tags="web") == [{"instance-tagged"}]
    assert taken(ranked, tags="other") == [{"tunnel-1"}]


def test_a_tagged_local_route_hides_a_peers_only_from_those_with_the_tag() -> None:
    ranked = rank(
        [
            route("instance-tagged", tags="web"),
            route("peer-a", kind=RouteType.PEERING_STATIC),
        ]
    )
    assert taken(ranked, tags="web") == [{"instance-tagged"}]
    assert taken(ranked) == [{"peer-a"}]


def test_regional_routes_do_not_reach_other_regions() -> None:
    ranked = rank([dynamic("tunnel-1", 100, "r1"), dynamic("tunnel-2", 100, "r2")])
    assert taken(ranked, "r1") == [{"tunnel-1"}]
    assert taken(ranked, "r2") == [{"tunnel-2"}]
    assert taken(ranked, "r3") == []


def test_the_nearer_region_wins_with_the_recommended_base_priorities() -> None:
    # Base priorities of at most 200 never outweigh a cost of at least 201.
    ranked = rank(
        [
            dynamic("tunnel-near", 200, "r1"),
            dynamic("tunnel-far", 0, "r1", "r2"),
            dynamic("tunnel-far", 0, "r2"),
            dynamic("tunnel-near", 200, "r2", "r1"),
        ]
    )
    assert taken(ranked, "r1") == [{"tunnel-near"}]
    assert taken(ranked, "r2") == [{"tunnel-far"}]


def test_a_base_priority_over_200_is_a_choice_that_the_unknown_cost_makes() -> None:
    routes = [dynamic("tunnel-near", 1000, "r1"), dynamic("tunnel-far", 0, "r1", "r2")]
    ranked = rank(routes)
    assert taken(ranked, "r1") == [{"tunnel-near", "tunnel-far"}]
    assert "cost between regions" in ranked[0].unknown


def test_a_known_cost_decides() -> None:
    # Seen in a real project: 100 at home is 492 from asia-east1.
    known = route("tunnel-far", 492, kind=RouteType.DYNAMIC, region="r1", from_region="r2")
    assert taken(rank([dynamic("tunnel-near", 1000, "r1"), known])) == [{"tunnel-far"}]


def test_routes_of_one_other_region_share_their_unknown_cost() -> None:
    ranked = rank([dynamic("tunnel-1", 100, "r1", "r2"), dynamic("tunnel-2", 50, "r1", "r2")])
    assert taken(ranked, "r1") == [{"tunnel-2"}]


def test_two_other_regions_are_a_choice() -> None:
    ranked = rank([dynamic("tunnel-1", 100, "r1", "r2"), dynamic("tunnel-2", 50, "r1", "r3")])
    assert taken(ranked, "r1") == [{"tunnel-1", "tunnel-2"}]


def test_a_peers_dynamic_route_counts_where_it_applies() -> None:
    ranked = rank(
        [
            route("peer-a", kind=RouteType.PEERING_STATIC),
            route("peer-b", kind=RouteType.PEERING_DYNAMIC, region="r1"),
        ]
    )
    assert taken(ranked, "r1") == [{"peer-a", "peer-b"}]
    assert taken(ranked, "r2") == [{"peer-a"}]


def preference(route: EffectiveRoute) -> int:
    match route.type, route.next_hop.type:
        case RouteType.DYNAMIC, _:
            return 2
        case _, NextHopType.ILB:
            return 3
        case _, NextHopType.INTERNET_GATEWAY:
            return 4
        case _:
            return 1


def as_documented(
    routes: list[EffectiveRoute], region: str, tags: frozenset[str]
) -> list[set[str]]:
    """The steps of Google's documentation, one after the other, for one sender."""
    left = [
        route
        for route in routes
        if route.region in (None, region) and (not route.tags or route.tags & tags)
    ]
    if any(not route.type.of_peer for route in left):
        left = [route for route in left if not route.type.of_peer]
    peers = {route.next_hop.target for route in left if route.type.of_peer}
    if peers:
        return [peers]  # which of them is Google's secret; one of them then decides by itself
    usable = [route for route in left if route.unusable is None]
    dropped = left and not usable
    left = usable or left
    lowest = min((route.priority or 0 for route in left), default=0)
    left = [route for route in left if route.priority == lowest]
    for category in (1, 2, 3, 4):
        if chosen := [route for route in left if preference(route) == category]:
            found = sorted(({route.next_hop.target} for route in chosen), key=sorted)
            return [{"dropped"}] * bool(dropped) or found
    return []


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_ranks_are_the_documented_steps_for_every_sender(data: st.DataObject) -> None:
    kinds = st.sampled_from((RouteType.STATIC, RouteType.DYNAMIC, RouteType.PEERING_STATIC, RouteType.PEERING_DYNAMIC))  # fmt: skip
    routes = []
    for number in range(data.draw(st.integers(1, 7))):
        kind = data.draw(kinds)
        is_static = kind in (RouteType.STATIC, RouteType.PEERING_STATIC)
        hop = data.draw(st.sampled_from(("instance", "tunnel", "ilb", "internet")))
        if kind is RouteType.DYNAMIC:
            hop = "tunnel"
        if kind.of_peer:
            hop = f"peer-{data.draw(st.sampled_from('ab'))}"
        routes.append(
            route(
                hop if kind.of_peer or hop == "internet" else f"{hop}-{number}",
                data.draw(st.sampled_from((0, 100, 1000))),
                kind=kind,
                region=None if is_static else data.draw(st.sampled_from(("r1", "r2"))),
                tags=data.draw(st.sampled_from(("", "", "web", "db web"))) if kind is RouteType.STATIC else "",
                down=data.draw(st.booleans()) if not kind.of_peer else False,
            )
        )  # fmt: skip
    ranked = rank(routes)
    for region in ("r1", "r2", "r3"):
        for tags in ("", "web", "db"):
            documented = as_documented(routes, region, frozenset(tags.split()))
            found = taken(ranked, region, tags)
            if documented and documented[0] == {"dropped"}:
                down = {r.next_hop.target for r in routes if r.unusable}
                assert found
                assert all(target <= down for target in found)
            else:
                assert found == documented, (region, tags)
