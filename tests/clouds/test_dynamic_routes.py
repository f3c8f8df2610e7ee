"""What Cloud Routers learn and advertise, derived: regions, routing modes, costs, sessions."""

from typing import Any

import pytest
from tests.clouds.derived import routes_of, rows
from tests.clouds.google import (
    EXPORT,
    IMPORT,
    google,
    instance,
    network,
    peering,
    router,
    static,
    status,
    subnet,
    tunnel,
)

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.effective import NetworkRoutes
from wayhome.clouds.gcp.derive.route import EffectiveRoute

TUNNEL = "projects/p/regions/r1/vpnTunnels/t"


def learned(cidr: str = "192.168.0.0/16", priority: int = 100, via: str = TUNNEL) -> dict[str, Any]:
    return {"destRange": cidr, "priority": priority, "nextHopVpnTunnel": via, "routeType": "BGP"}


def with_router(mode: str, *more: Any, up: str = "t", **peer: Any) -> Estate:
    """A network with subnets in two regions and a router in the first."""
    return google(
        network("p/n", mode=mode),
        subnet("p/n", "10.1.0.0/16", "172.20.0.0/16"),
        subnet("p/n", "10.2.0.0/16", region="r2"),
        tunnel("p", "t"),
        router("p/n", "cr", [{"name": "t"} | peer]),
        status("p/n", "cr", [learned()], up=up),
        *more,
    )


def regions(routes: NetworkRoutes) -> dict[str | None, EffectiveRoute]:
    return {route.region: route for route in routes.custom if route.type == "DYNAMIC"}


def test_regional_dynamic_routes_hold_in_the_routers_region() -> None:
    found = regions(routes_of(with_router("REGIONAL"), "p/n"))
    assert set(found) == {"r1"}
    assert found["r1"].evidence[0].pointer.endswith("/result/bestRoutes/0")


def test_global_dynamic_routes_hold_everywhere_at_a_cost_that_is_not_known() -> None:
    found = regions(routes_of(with_router("GLOBAL"), "p/n"))
    assert set(found) == {"r1", "r2"}
    assert found["r1"].lowest_priority == found["r1"].highest_priority == 100
    assert (found["r2"].lowest_priority, found["r2"].highest_priority) == (301, 10099)


def test_a_router_in_the_other_region_tells_the_cost() -> None:
    estate = with_router(
        "GLOBAL",
        router("p/n", "cr2", [], region="r2"),
        status("p/n", "cr2", [learned(priority=492)], region="r2"),
    )
    found = regions(routes_of(estate, "p/n"))
    assert (found["r2"].priority, found["r2"].lacks_region_cost) == (492, False)
    assert found["r2"].from_region == "r1"


def test_standard_best_path_selection_puts_dynamic_behind_static() -> None:
    routing = {"routingMode": "REGIONAL", "bgpBestPathSelectionMode": "STANDARD"}
    estate = google(
        network("p/n", routingConfig=routing),
        tunnel("p", "t"),
        router("p/n", "cr", [{"name": "t"}]),
        status("p/n", "cr", [learned()]),
    )
    (route,) = routes_of(estate, "p/n").custom
    assert route.priority == 65636


def test_custom_learned_ranges_hold_while_the_session_is_up() -> None:
    fields: dict[str, Any] = {"customLearnedIpRanges": [{"range": "10.99.0.0/16"}]}
    found = rows(routes_of(with_router("REGIONAL", **fields), "p/n").custom)
    assert ("DYNAMIC", "10.99.0.0/16") in found
    found = rows(routes_of(with_router("REGIONAL", up="", **fields), "p/n").custom)
    assert ("DYNAMIC", "10.99.0.0/16") not in found


def test_the_exporters_routing_mode_says_where_a_peer_has_its_dynamic_routes() -> None:
    estate = google(
        network("p/a", peering("p/b", EXPORT), mode="REGIONAL"),
        network("p/b", peering("p/a", IMPORT), mode="GLOBAL"),
        subnet("p/a", "10.1.0.0/16"),
        subnet("p/b", "10.2.0.0/16"),
        subnet("p/b", "10.3.0.0/16", region="r2"),
        tunnel("p", "t"),
        router("p/a", "cr", [{"name": "t"}]),
        status("p/a", "cr", [learned()]),
    )
    (route,) = routes_of(estate, "p/b").peer_custom
    assert (route.type, route.region) == ("PEERING_DYNAMIC", "r1")


def advertised(estate: Estate) -> dict[str, tuple[int | None, bool]]:
    return {
        str(route.destination): (route.priority, route.lacks_region_cost)
        for route in routes_of(estate, "p/n").advertised
    }


def test_a_router_advertises_the_subnets_of_its_region_pods_of_a_vpc_native_cluster_included() -> (
    None
):
    found = advertised(with_router("REGIONAL"))
    assert found == {"10.1.0.0/16": (100, False), "172.20.0.0/16": (100, False)}


def test_a_router_of_a_global_network_advertises_all_subnets_at_their_cost() -> None:
    found = advertised(with_router("GLOBAL", advertisedRoutePriority=50))
    assert found["10.2.0.0/16"] == (50, True)
    assert found["10.1.0.0/16"] == (50, False)


def test_node_routes_and_peers_subnets_are_not_advertised() -> None:
    node = "projects/p/zones/r1-a/instances/node"
    estate = with_router(
        "GLOBAL",
        instance("p/n", "node", "10.1.0.2", canIpForward=True),
        static("p/n", "k8s", "172.16.1.0/24", nextHopInstance=node),
    )
    assert "172.16.1.0/24" not in advertised(estate)


@pytest.mark.parametrize(
    "router_bgp, peer, expected",
    [
        ({"advertiseMode": "CUSTOM", "advertisedIpRanges": [{"range": "172.16.0.0/16"}]}, {}, {"172.16.0.0/16"}),
        (
            {
                "advertiseMode": "CUSTOM",
                "advertisedGroups": ["ALL_SUBNETS"],
                "advertisedIpRanges": [{"range": "172.16.0.0/16"}],
            },
            {},
            {"10.1.0.0/16", "172.16.0.0/16"},
        ),
        (
            {"advertiseMode": "CUSTOM", "advertisedIpRanges": [{"range": "172.16.0.0/16"}]},
            {"advertiseMode": "CUSTOM", "advertisedIpRanges": [{"range": "10.8.0.0/16"}]},
            {"10.8.0.0/16"},
        ),
        ({}, {"advertiseMode": "CUSTOM"}, set()),
        ({}, {"enable": "FALSE"}, set()),
    ],
)  # fmt: skip
def test_custom_advertisement(
    router_bgp: dict[str, Any], peer: dict[str, Any], expected: set[str]
) -> None:
    estate = google(
        network("p/n"),
        subnet("p/n", "10.1.0.0/16"),
        router("p/n", "cr", [{"name": "t"} | peer], bgp=router_bgp),
    )
    assert set(advertised(estate)) == expected


def test_what_is_learned_of_a_part_of_a_subnet_is_ignored() -> None:
    estate = google(
        network("p/n"),
        subnet("p/n", "10.1.0.0/16"),
        tunnel("p", "t"),
        router("p/n", "cr", [{"name": "t"}]),
        status(
            "p/n", "cr", [learned("10.1.2.0/24"), learned("10.1.0.0/16"), learned("10.0.0.0/8")]
        ),
    )
    assert rows(routes_of(estate, "p/n").custom) == {("DYNAMIC", "10.0.0.0/8")}


def test_a_session_that_is_down_advertises_nothing() -> None:
    def estate(state: str) -> Estate:
        name, fields = status("p/n", "cr", [])
        fields["result"]["bgpPeerStatus"] = [{"name": "t", "status": state}]
        return google(
            network("p/n"), subnet("p/n", "10.1.0.0/16"),
            router("p/n", "cr", [{"name": "t"}]), (name, fields),
        )  # fmt: skip

    assert set(advertised(estate("UP"))) == {"10.1.0.0/16"}
    assert advertised(estate("DOWN")) == {}


def test_custom_learned_ranges_over_an_attachment() -> None:
    attachment = "projects/p/regions/r1/interconnectAttachments/x"
    interfaces = [{"name": "if-t", "linkedInterconnectAttachment": attachment}]
    peer = {"name": "t", "customLearnedIpRanges": [{"range": "10.99.0.0/16"}], "customLearnedRoutePriority": 7}  # fmt: skip
    estate = google(
        network("p/n"),
        router("p/n", "cr", [peer], interfaces=interfaces),
        status("p/n", "cr", [], up="t"),
        (attachment, {"router": "projects/p/regions/r1/routers/cr", "state": "ACTIVE"}),
    )
    (route,) = routes_of(estate, "p/n").custom
    assert (route.priority, route.next_hop.resource, route.unusable) == (7, attachment, None)
