"""Tunnels, attachments, and the sites behind them, compiled and traced."""

from typing import Any

import pytest
from tests.clouds.google import (
    EXPORT,
    IMPORT,
    Object,
    full_network,
    google,
    instance,
    network,
    open_firewall,
    peering,
    router,
    site,
    static,
    status,
    subnet,
    tunnel,
)
from tests.clouds.traced import ask, drop_of

from wayhome.clouds.estate import Estate
from wayhome.network import Verdict
from wayhome.trace import Trace


def vpn(
    *more: Object, mode: str = "REGIONAL", peer: dict[str, Any] | None = None, **of_tunnel: Any
) -> Estate:
    """A network with a site; a GKE node's Pods are behind `gate`."""
    return google(
        network("p/a", mode=mode),
        subnet("p/a", "10.1.0.0/16"),
        instance("p/a", "one", "10.1.0.2"),
        instance("p/a", "gate", "10.1.0.9", canIpForward=True),
        *site("p/a", peer, peerIp="1.1.1.1", **of_tunnel),
        *open_firewall("p/a"),
        *more,
    )


def test_a_site_answers_what_the_router_advertised() -> None:
    answer = ask(vpn(), "p/one", "10.1.0.2", "192.168.5.5")
    assert answer.verdict is Verdict.REACHABLE
    assert any("has the address and answers" in text for text in answer.assumptions)


def test_a_site_does_not_know_the_pods_that_the_router_does_not_advertise() -> None:
    answer = ask(vpn(), "p/gate", "172.16.1.5", "192.168.5.5")
    assert (answer.verdict, answer.likely) == (Verdict.UNDETERMINED, Verdict.UNREACHABLE)
    assert answer.lost == "reply"


def test_an_advertised_pod_range_comes_back_to_the_vpc() -> None:
    peer = {"advertiseMode": "CUSTOM", "advertisedIpRanges": [{"range": "172.16.0.0/16"}]}
    answer = ask(vpn(peer=peer), "p/gate", "172.16.1.5", "192.168.5.5")
    # The site sends it to us; here nothing has a route to it.
    assert (answer.verdict, drop_of(answer)) == (Verdict.UNREACHABLE, "NO_ROUTE")
    assert answer.reply[-1].node == full_network("p/a")


def test_a_tunnel_that_is_down() -> None:
    answer = ask(vpn(status="NO_INCOMING_PACKETS"), "p/one", "10.1.0.2", "192.168.5.5")
    assert drop_of(answer) == "ROUTE_NEXT_HOP_VPN_TUNNEL_NOT_ESTABLISHED"


@pytest.mark.parametrize(
    "selectors, cause",
    [
        ({"localTrafficSelector": ["10.8.0.0/16"]}, "VPN_TUNNEL_LOCAL_SELECTOR_MISMATCH"),
        ({"remoteTrafficSelector": ["10.8.0.0/16"]}, "VPN_TUNNEL_REMOTE_SELECTOR_MISMATCH"),
        ({"localTrafficSelector": ["0.0.0.0/0"], "remoteTrafficSelector": ["0.0.0.0/0"]}, ""),
    ],
)
def test_traffic_selectors(selectors: dict[str, Any], cause: str) -> None:
    assert drop_of(ask(vpn(**selectors), "p/one", "10.1.0.2", "192.168.5.5")) == cause


def test_a_regional_dynamic_route_is_not_for_instances_of_other_regions() -> None:
    far = instance("p/a", "far", "10.1.0.20", zone="r2-a")
    at = "projects/p/zones/r2-a/instances/far"
    assert drop_of(ask(vpn(far), at, "10.1.0.20", "192.168.5.5")) == "NO_ROUTE"
    answer = ask(vpn(far, mode="GLOBAL"), at, "10.1.0.20", "192.168.5.5")
    assert answer.verdict is Verdict.REACHABLE


def test_a_peer_reaches_the_site_only_with_the_exchange_and_an_advertisement_of_its_own() -> None:
    def estate(left: tuple[str, ...], right: tuple[str, ...], peer: dict[str, Any]) -> Estate:
        return google(
            network("p/a", peering("q/b", *left)),
            network("q/b", peering("p/a", *right)),
            subnet("p/a", "10.1.0.0/16"),
            subnet("q/b", "10.2.0.0/16"),
            instance("q/b", "two", "10.2.0.2"),
            *site("p/a", peer),
            *open_firewall("p/a", "q/b"),
        )

    def asked(*arguments: Any) -> Trace:
        return ask(estate(*arguments), "q/two", "10.2.0.2", "192.168.5.5")

    custom = {
        "advertiseMode": "CUSTOM",
        "advertisedGroups": ["ALL_SUBNETS"],
        "advertisedIpRanges": [{"range": "10.2.0.0/16"}],
    }
    assert drop_of(asked((), (), custom)) == "NO_ROUTE"
    assert asked((EXPORT,), (IMPORT,), {}).likely is Verdict.UNREACHABLE
    assert asked((EXPORT,), (IMPORT,), custom).verdict is Verdict.REACHABLE


def test_a_peers_regional_routes_are_for_senders_of_that_region() -> None:
    """Peering and regional routing: the exporter's REGIONAL mode decides, and not the importer's GLOBAL one."""
    custom = {"advertiseMode": "CUSTOM", "advertisedIpRanges": [{"range": "10.2.0.0/16"}]}

    def estate(mode: str) -> Estate:
        return google(
            network("p/a", peering("q/b", EXPORT), mode=mode),
            network("q/b", peering("p/a", IMPORT), mode="GLOBAL"),
            subnet("p/a", "10.1.0.0/16"),
            subnet("q/b", "10.2.0.0/17"),
            subnet("q/b", "10.2.128.0/17", region="r2"),
            instance("q/b", "near", "10.2.0.2"),
            instance("q/b", "far", "10.2.128.2", zone="r2-a"),
            *site("p/a", custom),
            *open_firewall("p/a", "q/b"),
        )

    far = "projects/q/zones/r2-a/instances/far"
    near = ask(estate("REGIONAL"), "q/near", "10.2.0.2", "192.168.5.5")
    assert near.verdict is Verdict.REACHABLE
    answer = ask(estate("REGIONAL"), far, "10.2.128.2", "192.168.5.5")
    assert (drop_of(answer), len(answer.forward)) == ("NO_ROUTE", 2)


def test_two_exported_networks_joined_by_vpn() -> None:
    def side(project: str, own: str, other: str, prefix: str) -> list[Object]:
        at = f"projects/{project}/regions/r1"
        return [
            network(f"{project}/n"),
            subnet(f"{project}/n", f"{prefix}.0.0/16"),
            instance(f"{project}/n", "vm", f"{prefix}.0.2"),
            (
                f"{at}/vpnGateways/gw",
                {"network": full_network(f"{project}/n"), "vpnInterfaces": [{"id": 0, "ipAddress": own}]},
            ),
            tunnel(project, "t", vpnGateway=f"{at}/vpnGateways/gw", vpnGatewayInterface=0,
                   peerIp=other, router=f"{at}/routers/cr"),
            *open_firewall(f"{project}/n"),
        ]  # fmt: skip

    def static_to(project: str, cidr: str) -> Object:
        return static(f"{project}/n", f"to-{project}", cidr,
                      nextHopVpnTunnel=f"projects/{project}/regions/r1/vpnTunnels/t")  # fmt: skip

    estate = google(
        *side("a", "35.0.0.1", "35.0.0.2", "10.1"),
        *side("b", "35.0.0.2", "35.0.0.1", "10.2"),
        static_to("a", "10.2.0.0/16"),
    )
    answer = ask(estate, "a/vm", "10.1.0.2", "10.2.0.2")
    assert (answer.verdict, answer.lost) == (Verdict.UNREACHABLE, "reply")
    both = google(
        *side("a", "35.0.0.1", "35.0.0.2", "10.1"),
        *side("b", "35.0.0.2", "35.0.0.1", "10.2"),
        static_to("a", "10.2.0.0/16"),
        static_to("b", "10.1.0.0/16"),
    )
    assert ask(both, "a/vm", "10.1.0.2", "10.2.0.2").verdict is Verdict.REACHABLE


def test_what_nobody_has_in_a_hybrid_subnet_follows_the_custom_routes() -> None:
    at = "projects/p/regions/r1"

    def estate(**fields: Any) -> Estate:
        return google(
            network("p/a"),
            subnet("p/a", "10.1.0.0/16", **fields),
            instance("p/a", "one", "10.1.0.2"),
            instance("p/a", "two", "10.1.0.3"),
            (f"{at}/vpnGateways/gw", {"network": full_network("p/a")}),
            tunnel("p", "t", vpnGateway=f"{at}/vpnGateways/gw"),
            static("p/a", "rest", "10.1.0.0/16", nextHopVpnTunnel=f"{at}/vpnTunnels/t"),
            *open_firewall("p/a"),
        )

    hybrid = estate(allowSubnetCidrRoutesOverlap=True)
    assert ask(hybrid, "p/one", "10.1.0.2", "10.1.0.3").verdict is Verdict.REACHABLE
    assert len(ask(hybrid, "p/one", "10.1.0.2", "10.1.0.99").forward) == 4
    answer = ask(estate(), "p/one", "10.1.0.2", "10.1.0.99")
    assert drop_of(answer) == "UNKNOWN_INTERNAL_ADDRESS"


def test_an_interconnect_attachment_leads_to_its_site() -> None:
    at = "projects/p/regions/r1"
    attachment = f"{at}/interconnectAttachments/x"
    best = {"destRange": "192.168.0.0/16", "priority": 100, "nextHopInterconnectAttachment": attachment}  # fmt: skip

    def estate(state: str) -> Estate:
        interfaces = [{"name": "if-x", "linkedInterconnectAttachment": attachment}]
        return google(
            network("p/a"),
            subnet("p/a", "10.1.0.0/16"),
            instance("p/a", "one", "10.1.0.2"),
            (attachment, {"router": f"{at}/routers/cr", "state": state}),
            router("p/a", "cr", [{"name": "x"}], interfaces=interfaces),
            status("p/a", "cr", [best]),
            *open_firewall("p/a"),
        )

    answer = ask(estate("ACTIVE"), "p/one", "10.1.0.2", "192.168.5.5")
    assert answer.verdict is Verdict.REACHABLE
    assert answer.forward[-1].node == f"{at}/routers/cr/site"
    answer = ask(estate("OS_DOWN"), "p/one", "10.1.0.2", "192.168.5.5")
    assert answer.verdict is Verdict.UNREACHABLE
