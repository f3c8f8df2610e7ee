"""What peerings exchange, derived: by which flag of which side, and what is seen of a peer that is not exported."""

from typing import Any

import pytest
from tests.clouds.derived import routes_of, rows
from tests.clouds.google import (
    EXPORT,
    IMPORT,
    default_route,
    full_network,
    google,
    instance,
    network,
    peering,
    static,
    subnet,
)

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.route import Route


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
