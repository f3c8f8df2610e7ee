"""Who speaks BGP to whom, and what is announced: as the exports have it, and where they are not whole."""

import msgspec
from tests.lab.bgp.case import DESTINATION, OFFICE, PODS, SOURCE, exported, repaired, speaker

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.effective import effective_routes
from wayhome.clouds.gcp.resources.interconnect_attachment import InterconnectAttachment
from wayhome.clouds.gcp.resources.router import Bgp, BgpPeer, Router, RouterStatus
from wayhome.clouds.located import Located
from wayhome.clouds.values import Reference
from wayhome.lab.bgp import Session, Speaker, Told, speakers
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


def test_a_router_without_a_number_speaks_to_nobody() -> None:
    assert of(with_router(bgp=Bgp(asn=None))) == {}
