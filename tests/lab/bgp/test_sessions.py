"""Who speaks BGP to whom, and what is announced: as the exports have it, and where they are not whole."""

import msgspec
from tests.lab.bgp.case import DESTINATION, OFFICE, PODS, SOURCE, exported, repaired, speaker

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.effective import effective_routes
from wayhome.clouds.gcp.resources.interconnect_attachment import InterconnectAttachment
from wayhome.clouds.gcp.resources.network import Network, RoutingConfiguration
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.router import Bgp, BgpPeer, Router, RouterStatus
from wayhome.clouds.gcp.resources.vpn import VpnTunnel
from wayhome.clouds.located import Located
from wayhome.clouds.values import Cidr, NetworkReference, Reference
from wayhome.lab.bgp import Session, Speaker, Told, before_bgp, speakers
from wayhome.network import Evidence

ROUTER = "projects/source-project/regions/asia-northeast1/routers/my-router"


def announced(speaker: Speaker) -> dict[str, list[str]]:
    return {one.name: [str(told.prefix) for told in one.announced] for one in speaker.sessions}


def of(estate: Estate) -> dict[str, tuple[Session, ...]]:
    found = speakers(estate, effective_routes(estate), compile_estate(estate))
    return {one.node: one.sessions for one in found}


def with_router(**changes: object) -> Estate:
    router = exported().all(Router)[ROUTER]
    changed = msgspec.structs.replace(router.value, **changes)
    return exported().with_changes(changed=[Located(changed, router.evidence)])


def peers(**changes: object) -> tuple[BgpPeer, ...]:
    """The router's sessions, the first one changed."""
    first, *others = exported().all(Router)[ROUTER].value.bgp_peers
    return (msgspec.structs.replace(first, **changes), *others)


def test_a_cloud_router_announces_subnets_and_a_site_what_it_told() -> None:
    told = Told.of(exported())
    assert announced(speaker(told, SOURCE)) == {
        "to-destination": ["10.1.0.0/16"],
        "to-office": ["10.1.0.0/16"],
    }
    assert announced(speaker(told, DESTINATION)) == {"to-source": ["10.2.0.0/16"]}
    assert announced(speaker(told, OFFICE)) == {"to-office": ["192.168.10.0/24"]}


def test_after_the_repair_the_router_tells_both_others_of_the_pods() -> None:
    before, after = Told.of(exported()), Told.of(repaired())
    assert announced(speaker(after, SOURCE)) == {
        "to-destination": ["10.1.0.0/16", PODS],
        "to-office": ["10.1.0.0/16", PODS],
    }
    for node in (DESTINATION, OFFICE):
        assert speaker(after, node) == speaker(before, node)


def test_both_ends_of_a_session_say_the_same() -> None:
    told = Told.of(exported())
    (at_office,) = speaker(told, OFFICE).sessions
    to_destination, to_office = speaker(told, SOURCE).sessions
    (at_destination,) = speaker(told, DESTINATION).sessions
    for one, other in ((to_office, at_office), (to_destination, at_destination)):
        assert (one.local, one.remote) == (other.remote, other.local)
    assert (at_office.local.asn, str(at_office.local.address)) == (65010, "169.254.11.2")
    assert [told.med for told in at_office.announced] == [100]


def test_over_an_interconnect_it_is_the_same() -> None:
    name = "projects/source-project/regions/asia-northeast1/interconnectAttachments/line"
    attachment = InterconnectAttachment(
        name="line",
        self_link=Reference(name),
        region=Reference("projects/source-project/regions/asia-northeast1"),
        router=Reference(ROUTER),
        state="ACTIVE",
    )
    router = exported().all(Router)[ROUTER]
    to_destination, to_office = router.value.interfaces
    line = msgspec.structs.replace(
        to_office, linked_vpn_tunnel=None, linked_interconnect_attachment=Reference(name)
    )
    status = exported().all(RouterStatus)[f"{ROUTER}/status"]
    from_destination, from_office = status.value.result.best_routes
    over_line = msgspec.structs.replace(
        from_office, next_hop_vpn_tunnel=None, next_hop_interconnect_attachment=Reference(name)
    )
    result = msgspec.structs.replace(status.value.result, best_routes=(from_destination, over_line))
    estate = exported().with_changes(
        created=[Located(attachment, Evidence(name))],
        changed=[
            Located(
                msgspec.structs.replace(router.value, interfaces=(to_destination, line)),
                router.evidence,
            ),
            Located(msgspec.structs.replace(status.value, result=result), status.evidence),
        ],
    )
    told = Told.of(estate)
    site = speaker(told, f"{ROUTER}/site")
    assert announced(site) == {"to-office": ["192.168.10.0/24"]}
    assert announced(speaker(told, SOURCE))["to-office"] == ["10.1.0.0/16"]
    assert speaker(told, SOURCE).sessions[1].at.port == name


def test_a_session_whose_ends_contradict_each_other_is_none() -> None:
    found = of(with_router(bgp_peers=peers(peer_asn=64999)))
    assert [one.name for one in found[SOURCE]] == ["to-office"]
    assert DESTINATION not in found


def test_a_session_that_is_off_or_down_or_without_addresses_is_none() -> None:
    status = exported().all(RouterStatus)[f"{ROUTER}/status"]
    first, *others = status.value.result.bgp_peer_status
    down = msgspec.structs.replace(
        status.value,
        result=msgspec.structs.replace(
            status.value.result,
            bgp_peer_status=(msgspec.structs.replace(first, status="DOWN"), *others),
        ),
    )
    for estate in (
        with_router(bgp_peers=peers(enable="FALSE")),
        with_router(bgp_peers=peers(peer_ip_address=None)),
        with_router(bgp_peers=peers(interface_name="nowhere")),
        exported().with_changes(changed=[Located(down, status.evidence)]),
    ):
        assert [one.name for one in of(estate)[SOURCE]] == ["to-office"]


def test_a_session_through_a_tunnel_that_is_down_is_none() -> None:
    tunnel = exported().all(VpnTunnel)[
        "projects/destination-project/regions/asia-northeast1/vpnTunnels/to-source"
    ]
    down = msgspec.structs.replace(tunnel.value, status="NO_INCOMING_PACKETS")
    found = of(exported().with_changes(changed=[Located(down, tunnel.evidence)]))
    assert [one.name for one in found[SOURCE]] == ["to-office"]
    assert DESTINATION not in found


def test_what_another_region_pays_more_for_is_announced_once_as_it_was_told() -> None:
    """With global routing a router elsewhere has the same route, with the cost between the regions."""
    network = exported().all(Network)[SOURCE]
    status = exported().all(RouterStatus)[f"{ROUTER}/status"]
    elsewhere = ROUTER.replace("asia-northeast1", "us-east1")
    (from_office,) = office_routes()
    result = msgspec.structs.replace(
        status.value.result,
        best_routes=(msgspec.structs.replace(from_office, priority=492),),
        bgp_peer_status=(),
    )
    router = Router(
        name="my-router", network=NetworkReference(SOURCE), region=Reference(elsewhere.rpartition("/routers/")[0])
    )  # fmt: skip
    mode = RoutingConfiguration(routing_mode="GLOBAL")
    estate = exported().with_changes(
        created=[
            Located(router, Evidence(elsewhere)),
            Located(RouterStatus(result=result), Evidence(f"{elsewhere}/status")),
        ],
        changed=[
            Located(msgspec.structs.replace(network.value, routing_config=mode), network.evidence)
        ],
    )
    priorities = {
        route.priority
        for route in effective_routes(estate).networks[SOURCE].custom
        if route.destination == from_office.dest_range.prefix
    }
    assert priorities == {100, 492}
    (at_office,) = of(estate)[OFFICE]
    assert [(str(one.prefix), one.med) for one in at_office.announced] == [("192.168.10.0/24", 100)]


def test_of_ipv6_nothing_is_announced_and_what_was_learned_stays() -> None:
    status = exported().all(RouterStatus)[f"{ROUTER}/status"]
    result = status.value.result
    (from_office,) = office_routes()
    ipv6 = msgspec.structs.replace(from_office, dest_range=Cidr("2001:db8::/32"))
    more = msgspec.structs.replace(
        status.value,
        result=msgspec.structs.replace(result, best_routes=(*result.best_routes, ipv6)),
    )
    told = Told.of(exported().with_changes(changed=[Located(more, status.evidence)]))
    assert announced(speaker(told, OFFICE)) == {"to-office": ["192.168.10.0/24"]}
    tables = before_bgp(told.network, told.speakers).places[SOURCE].node.tables
    assert "2001:db8::/32" in {str(route.destination) for route in tables["custom"].routes}


def office_routes() -> list[Route]:
    result = exported().all(RouterStatus)[f"{ROUTER}/status"].value.result
    return [one for one in result.best_routes if one.dest_range == "192.168.10.0/24"]


def test_a_router_without_a_number_speaks_to_nobody() -> None:
    assert of(with_router(bgp=Bgp(asn=None))) == {}
