"""What a network has by itself, derived: its ranges, next hops that take no packets, and what may be missing."""

from typing import Any

import pytest
from tests.clouds.derived import routes_of
from tests.clouds.google import google, instance, network, router, static, tunnel

from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.router import Router


def test_a_network_of_the_old_kind_is_one_range() -> None:
    estate = google(network("p/old", IPv4Range="10.240.0.0/16"))
    (route,) = routes_of(estate, "p/old").subnets
    assert str(route.destination) == "10.240.0.0/16"
    assert route.evidence[0].pointer == "/0/IPv4Range"


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


def test_routers_that_were_not_exported_are_a_gap() -> None:
    (gap,) = routes_of(google(network("p/n"), missing=[Router]), "p/n").gaps
    assert "routers list --project=p" in gap.command


def test_a_router_without_status_is_a_gap() -> None:
    estate = google(network("p/n"), router("p/n", "cr", [{"name": "t"}]))
    (gap,) = routes_of(estate, "p/n").gaps
    assert "routers get-status cr --region=r1 --project=p" in gap.command
