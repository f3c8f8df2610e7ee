"""What a network's routes are, derived: its own, and what peerings, routers and regions make of them."""

from typing import Any

import pytest
from tests.clouds.google import (
    default_route,
    full_network,
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
from wayhome.clouds.gcp.derive.effective import NetworkRoutes, effective_routes
from wayhome.clouds.gcp.derive.route import EffectiveRoute
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.router import Router

EXPORT, IMPORT = "exportCustomRoutes", "importCustomRoutes"


def routes_of(estate: Estate, name: str) -> NetworkRoutes:
    return effective_routes(estate).networks[full_network(name)]


def rows(routes: Any) -> set[tuple[str, str]]:
    return {(route.type.value, str(route.destination)) for route in routes}


def the_case(*, source: tuple[str, ...] = (), destination: tuple[str, ...] = ()) -> Estate:
    """Both VPCs of the case, with the flags of each side."""
    node = "projects/s/zones/r1-a/instances/node-1"
    return google(
        network("s/source-vpc", peering("d/destination-vpc", *source)),
        network("d/destination-vpc", peering("s/source-vpc", *destination)),
        subnet("s/source-vpc", "10.1.0.0/16"),
        subnet("d/destination-vpc", "10.2.0.0/16"),
        default_route("s/source-vpc"),
        default_route("d/destination-vpc"),
        instance("s/source-vpc", "node-1", "10.1.0.2", canIpForward=True),
        static("s/source-vpc", "node-1", "172.16.1.0/24", nextHopInstance=node),
    )


@pytest.mark.parametrize("source", [(), (EXPORT,), (IMPORT,), (EXPORT, IMPORT)])
@pytest.mark.parametrize("destination", [(), (EXPORT,), (IMPORT,), (EXPORT, IMPORT)])
def test_the_case_needs_both_flags(source: tuple[str, ...], destination: tuple[str, ...]) -> None:
    routes = routes_of(the_case(source=source, destination=destination), "d/destination-vpc")
    assert rows(routes.peer_subnets) == {("PEERING_SUBNET", "10.1.0.0/16")}
    exchanged = EXPORT in source and IMPORT in destination
    assert rows(routes.peer_custom) == (
        {("PEERING_STATIC", "172.16.1.0/24")} if exchanged else set()
    )
    assert routes.gaps == ()


def test_evidence_of_an_exchanged_route_names_the_route_and_both_sides() -> None:
    estate = the_case(source=(EXPORT,), destination=(IMPORT,))
    (route,) = routes_of(estate, "d/destination-vpc").peer_custom
    assert [evidence.object.rpartition("/")[2] for evidence in route.evidence] == [
        "node-1",
        "source-vpc",
        "destination-vpc",
    ]
    assert route.evidence[1].pointer.endswith("/peerings/0")
    assert route.next_hop.target == f"{full_network('d/destination-vpc')}/peerings/to-source-vpc"


@pytest.mark.parametrize(
    "state, mirrored, exchanged",
    [("ACTIVE", True, True), ("INACTIVE", True, False), ("ACTIVE", False, False)],
)
def test_a_peering_is_active_on_both_sides_or_nothing_is_exchanged(
    state: str, mirrored: bool, exchanged: bool
) -> None:
    other = [peering("p/a", state=state)] if mirrored else []
    estate = google(
        network("p/a", peering("p/b")),
        network("p/b", *other),
        subnet("p/a", "10.1.0.0/16"),
        subnet("p/b", "10.2.0.0/16"),
    )
    assert bool(routes_of(estate, "p/a").peer_subnets) is exchanged


@pytest.mark.parametrize(
    "cidr, exporter, importer, exchanged",
    [
        ("100.64.0.0/16", {}, {}, True),
        ("203.0.113.0/24", {}, {}, True),
        ("8.8.0.0/16", {}, {}, False),
        ("8.8.0.0/16", {}, {"importSubnetRoutesWithPublicIp": True}, True),
        (
            "8.8.0.0/16",
            {"exportSubnetRoutesWithPublicIp": False},
            {"importSubnetRoutesWithPublicIp": True},
            False,
        ),
    ],
)
def test_privately_used_public_ranges_have_flags_of_their_own(
    cidr: str, exporter: dict[str, Any], importer: dict[str, Any], exchanged: bool
) -> None:
    estate = google(
        network("p/a", peering("p/b", **exporter)),
        network("p/b", peering("p/a", **importer)),
        subnet("p/a", cidr),
    )
    assert bool(routes_of(estate, "p/b").peer_subnets) is exchanged


@pytest.mark.parametrize("left", ["IPV4_ONLY", "IPV4_IPV6"])
@pytest.mark.parametrize("right", ["IPV4_ONLY", "IPV4_IPV6"])
def test_ipv6_subnets_need_the_stack_type_on_both_sides(left: str, right: str) -> None:
    estate = google(
        network("p/a", peering("p/b", stackType=left)),
        network("p/b", peering("p/a", stackType=right)),
        subnet("p/a", "10.1.0.0/16", ipv6CidrRange="fd20:1::/64"),
    )
    found = {cidr for _, cidr in rows(routes_of(estate, "p/b").peer_subnets)}
    assert ("fd20:1::/64" in found) is (left == right == "IPV4_IPV6")
    assert "10.1.0.0/16" in found


@pytest.mark.parametrize(
    "fields, exchanged",
    [
        ({"nextHopInstance": "projects/p/zones/r1-a/instances/i"}, True),
        ({"nextHopInstance": "projects/p/zones/r1-a/instances/i", "tags": ["t"]}, False),
        ({"nextHopGateway": "projects/p/global/gateways/default-internet-gateway"}, False),
    ],
)
def test_static_routes_with_tags_or_to_the_internet_never_leave(
    fields: dict[str, Any], exchanged: bool
) -> None:
    estate = google(
        network("p/a", peering("p/b", EXPORT)),
        network("p/b", peering("p/a", IMPORT)),
        instance("p/a", "i", "10.1.0.2", canIpForward=True),
        static("p/a", "x", "10.9.0.0/16", **fields),
    )
    assert bool(routes_of(estate, "p/b").peer_custom) is exchanged


def test_nothing_is_exported_twice() -> None:
    both = (EXPORT, IMPORT)
    estate = google(
        network("p/a", peering("p/b", *both)),
        network("p/b", peering("p/a", *both), peering("p/c", *both)),
        network("p/c", peering("p/b", *both)),
        subnet("p/a", "10.1.0.0/16"),
        subnet("p/b", "10.2.0.0/16"),
        subnet("p/c", "10.3.0.0/16"),
        instance("p/a", "i", "10.1.0.2", canIpForward=True),
        static("p/a", "x", "10.9.0.0/16", nextHopInstance="projects/p/zones/r1-a/instances/i"),
    )
    assert rows(routes_of(estate, "p/c")) == {
        ("SUBNET", "10.3.0.0/16"),
        ("PEERING_SUBNET", "10.2.0.0/16"),
    }


def test_a_vpc_native_clusters_pods_are_a_subnet_route() -> None:
    estate = google(
        network("p/a", peering("p/b")),
        network("p/b", peering("p/a")),
        subnet("p/a", "10.1.0.0/16", "172.16.0.0/16"),
    )
    assert ("PEERING_SUBNET", "172.16.0.0/16") in rows(routes_of(estate, "p/b").peer_subnets)


def test_a_network_of_the_old_kind_is_one_range() -> None:
    estate = google(network("p/old", IPv4Range="10.240.0.0/16"))
    (route,) = routes_of(estate, "p/old").subnets
    assert str(route.destination) == "10.240.0.0/16"
    assert route.evidence[0].pointer == "/0/IPv4Range"


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


@pytest.mark.parametrize(
    "fields, cause",
    [
        ({"nextHopInstance": "projects/p/zones/r1-a/instances/none"}, "ROUTE_NEXT_HOP_RESOURCE_NOT_FOUND"),
        ({"nextHopInstance": "projects/p/zones/r1-a/instances/stopped"}, "INSTANCE_NOT_RUNNING"),
        ({"nextHopInstance": "projects/p/zones/r1-a/instances/other"}, "ROUTE_NEXT_HOP_INSTANCE_WRONG_NETWORK"),
        ({"nextHopIp": "10.1.0.77"}, "ROUTE_NEXT_HOP_IP_ADDRESS_NOT_RESOLVED"),
        ({"nextHopIp": "10.1.9.1"}, "ROUTE_NEXT_HOP_INSTANCE_NON_PRIMARY_IP"),
        ({"nextHopIp": "10.1.0.2"}, ""),
        ({"nextHopVpnTunnel": "projects/p/regions/r1/vpnTunnels/down"}, "ROUTE_NEXT_HOP_VPN_TUNNEL_NOT_ESTABLISHED"),
        ({"nextHopVpnTunnel": "projects/p/regions/r1/vpnTunnels/none"}, "ROUTE_NEXT_HOP_RESOURCE_NOT_FOUND"),
        ({"nextHopIlb": "projects/p/regions/r1/forwardingRules/external"}, "ROUTE_NEXT_HOP_FORWARDING_RULE_TYPE_INVALID"),
    ],
)  # fmt: skip
def test_next_hops_that_take_no_packets(fields: dict[str, Any], cause: str) -> None:
    estate = google(
        network("p/n"),
        network("p/m"),
        instance("p/n", "running", "10.1.0.2", aliases=("10.1.9.0/24",)),
        instance("p/n", "stopped", "10.1.0.3", status="TERMINATED"),
        instance("p/m", "other", "10.1.0.4"),
        tunnel("p", "down", status="NO_INCOMING_PACKETS"),
        ("projects/p/regions/r1/forwardingRules/external", {"loadBalancingScheme": "EXTERNAL"}),
        static("p/n", "x", "10.9.0.0/16", **fields),
    )
    (route,) = routes_of(estate, "p/n").custom
    assert (route.unusable.cause if route.unusable else "") == cause


def test_an_instance_that_was_not_exported_is_no_missing_instance() -> None:
    estate = google(
        network("p/n"),
        static("p/n", "x", "10.9.0.0/16", nextHopInstance="projects/p/zones/r1-a/instances/i"),
        missing=[Instance],
    )
    (route,) = routes_of(estate, "p/n").custom
    assert route.unusable is None
    assert route.unknown is not None
    assert "gcloud compute instances list --project=p" in route.unknown.command


def test_a_peer_that_is_not_exported_is_seen_through_what_this_side_lists() -> None:
    listing = {
        "network": full_network("p/n"),
        "peering": "to-peer",
        "direction": "INCOMING",
        "region": "r1",
        "items": [
            {"destRange": "10.2.0.0/16", "type": "SUBNET_PEERING_ROUTE", "imported": True},
            {"destRange": "10.3.0.0/16", "type": "STATIC_PEERING_ROUTE", "imported": True, "priority": 7},
            {"destRange": "10.4.0.0/16", "type": "STATIC_PEERING_ROUTE", "imported": False},
        ],
    }  # fmt: skip
    estate = google(
        network("p/n", peering("q/peer", IMPORT)),
        (f"{full_network('p/n')}/peerings/to-peer/routes/INCOMING/r1", listing),
    )
    routes = routes_of(estate, "p/n")
    assert rows(routes) == {("PEERING_SUBNET", "10.2.0.0/16"), ("PEERING_STATIC", "10.3.0.0/16")}
    assert routes.gaps == ()


def test_a_peer_of_which_only_routes_list_tells() -> None:
    estate = google(
        network("p/n", peering("q/peer")),
        static("p/n", "peering-route-1", "10.2.0.0/16", priority=0, nextHopPeering="to-peer"),
    )
    routes = routes_of(estate, "p/n")
    assert rows(routes) == {("PEERING_SUBNET", "10.2.0.0/16")}
    assert routes.gaps == ()  # custom routes are not imported, so none can be missing


def test_what_is_not_known_of_a_peer_is_a_gap_with_its_command() -> None:
    estate = google(network("p/n", peering("q/peer", IMPORT)), missing=[Route])
    gaps = routes_of(estate, "p/n").gaps
    assert [gap.subnets for gap in gaps] == [False, True, False]
    assert gaps[1].command == (
        "gcloud compute networks peerings list-routes to-peer --network=n"
        " --region=REGION --direction=INCOMING --project=p --format=json"
    )


def test_routers_that_were_not_exported_are_a_gap() -> None:
    (gap,) = routes_of(google(network("p/n"), missing=[Router]), "p/n").gaps
    assert "routers list --project=p" in gap.command


def test_a_router_without_status_is_a_gap() -> None:
    estate = google(network("p/n"), router("p/n", "cr", [{"name": "t"}]))
    (gap,) = routes_of(estate, "p/n").gaps
    assert "routers get-status cr --region=r1 --project=p" in gap.command


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


@pytest.mark.parametrize(
    "code, cause",
    [
        ("NEXT_HOP_NOT_RUNNING", "INSTANCE_NOT_RUNNING"),
        ("NEXT_HOP_INSTANCE_NOT_FOUND", "ROUTE_NEXT_HOP_RESOURCE_NOT_FOUND"),
        ("NEXT_HOP_CANNOT_IP_FORWARD", None),
    ],
)
def test_a_routes_own_warnings_tell_of_an_instance_that_was_not_exported(
    code: str, cause: str | None
) -> None:
    hop = "projects/p/zones/r1-a/instances/i"
    estate = google(
        network("p/n"),
        static("p/n", "x", "10.9.0.0/16", nextHopInstance=hop, warnings=[{"code": code}]),
        missing=[Instance],
    )
    (route,) = routes_of(estate, "p/n").custom
    assert (route.unusable.cause if route.unusable else None) == cause
    assert (route.unknown is None) is (cause is not None)


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
