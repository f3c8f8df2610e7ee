"""Peered networks, compiled and traced: what is exchanged, and what of it is known where the peer is not exported."""

from typing import Any

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
    static,
    subnet,
)
from tests.clouds.traced import ask, drop_of, two

from wayhome.clouds.estate import Estate
from wayhome.network import Verdict


def test_over_a_peering_and_back() -> None:
    answer = ask(two(), "p/one", "10.1.0.2", "10.2.0.2")
    assert answer.verdict is Verdict.REACHABLE
    assert [hop.node.rpartition("/")[2] for hop in answer.forward] == ["one", "a", "b", "two"]
    assert [hop.node.rpartition("/")[2] for hop in answer.reply] == ["two", "b", "a", "one"]


def test_the_reply_to_a_pods_address_dies_without_the_exchange() -> None:
    answer = ask(two(), "p/gate", "172.16.1.5", "10.2.0.2")
    assert (answer.verdict, answer.lost) == (Verdict.UNREACHABLE, "reply")
    assert drop_of(answer) == "PRIVATE_TRAFFIC_TO_INTERNET"


def test_without_a_default_route_it_dies_of_no_route() -> None:
    estate = google(
        network("p/a", peering("q/b")),
        network("q/b", peering("p/a")),
        subnet("p/a", "10.1.0.0/16"),
        subnet("q/b", "10.2.0.0/16"),
        instance("p/a", "gate", "10.1.0.9", canIpForward=True),
        instance("q/b", "two", "10.2.0.2"),
        *open_firewall("p/a", "q/b"),
    )
    assert drop_of(ask(estate, "p/gate", "172.16.1.5", "10.2.0.2")) == "NO_ROUTE"


def test_a_reply_finds_an_exchanged_route_to_the_instance_that_has_the_pods() -> None:
    estate = two(left=(EXPORT,), right=(IMPORT,))
    answer = ask(estate, "p/gate", "172.16.1.5", "10.2.0.2")
    # What the instance does with it is in no export: that is where Kubernetes nodes are put in its place.
    assert answer.verdict is Verdict.UNDETERMINED
    assert [hop.node.rpartition("/")[2] for hop in answer.reply] == ["two", "b", "a", "gate"]
    assert "gcloud compute ssh gate" in answer.missing[0].command


def test_peering_is_not_transitive() -> None:
    both = (EXPORT, IMPORT)
    estate = google(
        network("p/a", peering("p/b", *both)),
        network("p/b", peering("p/a", *both), peering("p/c", *both)),
        network("p/c", peering("p/b", *both)),
        subnet("p/a", "10.1.0.0/16"),
        subnet("p/b", "10.2.0.0/16"),
        subnet("p/c", "10.3.0.0/16"),
        instance("p/a", "one", "10.1.0.2"),
        instance("p/c", "three", "10.3.0.2"),
        *open_firewall("p/a", "p/b", "p/c"),
    )
    answer = ask(estate, "p/one", "10.1.0.2", "10.3.0.2")
    assert (answer.verdict, drop_of(answer)) == (Verdict.UNREACHABLE, "NO_ROUTE")


def test_several_peers_with_one_destination_are_ambiguous_only_if_it_matters() -> None:
    def estate(*more: Object) -> Estate:
        gate_b = "projects/p/zones/r1-a/instances/gate-b"
        gate_c = "projects/p/zones/r1-a/instances/gate-c"
        return google(
            network("p/a", peering("p/b", IMPORT), peering("p/c", IMPORT)),
            network("p/b", peering("p/a", EXPORT)),
            network("p/c", peering("p/a", EXPORT)),
            subnet("p/a", "10.1.0.0/16"),
            subnet("p/b", "10.2.0.0/16"),
            subnet("p/c", "10.3.0.0/16"),
            instance("p/a", "one", "10.1.0.2"),
            instance("p/b", "gate-b", "10.2.0.2", status="TERMINATED"),
            instance("p/c", "gate-c", "10.3.0.2"),
            static("p/b", "b", "10.9.0.0/16", nextHopInstance=gate_b),
            static("p/c", "c", "10.9.0.0/16", nextHopInstance=gate_c, priority=1),
            *open_firewall("p/a", "p/b", "p/c"),
            *more,
        )

    # Both lose the packet: one instance is stopped, the other may not forward.
    answer = ask(estate(), "p/one", "10.1.0.2", "10.9.0.1")
    assert answer.verdict is Verdict.UNREACHABLE
    causes = {way.result.ended.cause for way in answer.ways}  # type: ignore[union-attr]
    assert causes == {"INSTANCE_NOT_RUNNING", "FOREIGN_IP_DISALLOWED"}


def unread_peer(*flags: str, outgoing: list[dict[str, Any]] | None = None) -> Estate:
    """The peer's project is not exported; `routes list` on this side shows its subnet."""
    listing = {
        "network": full_network("p/a"), "peering": "to-b", "direction": "OUTGOING", "region": "r1",
        "items": outgoing or [],
    }  # fmt: skip
    gate = "projects/p/zones/r1-a/instances/gate"
    return google(
        network("p/a", peering("q/b", *flags)),
        subnet("p/a", "10.1.0.0/16"),
        instance("p/a", "one", "10.1.0.2"),
        instance("p/a", "gate", "10.1.0.9", canIpForward=True),
        static("p/a", "peering-route", "10.2.0.0/16", priority=0, nextHopPeering="to-b"),
        static("p/a", "pods", "172.16.1.0/24", nextHopInstance=gate),
        *(
            [(f"{full_network('p/a')}/peerings/to-b/routes/OUTGOING/r1", listing)]
            if outgoing
            else []
        ),
        *open_firewall("p/a"),
    )


def test_an_unread_peer_is_never_a_success() -> None:
    answer = ask(unread_peer(), "p/one", "10.1.0.2", "10.2.0.2")
    assert answer.verdict is Verdict.UNDETERMINED
    assert "get-effective-firewalls b --project=q" in answer.missing[0].command


def test_an_unread_peer_without_our_routes_very_probably_loses_the_reply() -> None:
    answer = ask(unread_peer(), "p/gate", "172.16.1.5", "10.2.0.2")
    assert answer.verdict is Verdict.UNDETERMINED
    back = [fact for fact in answer.missing if "route back" in fact.fact]
    assert back[0].likely is Verdict.UNREACHABLE
    assert "routes list" in back[0].command
    assert "--project=q" in back[0].command


def test_what_an_unread_peer_imports_is_known_from_our_side() -> None:
    rows = [{"destRange": "172.16.1.0/24", "type": "STATIC_PEERING_ROUTE", "imported": True}]
    answer = ask(unread_peer(EXPORT, outgoing=rows), "p/gate", "172.16.1.5", "10.2.0.2")
    assert not [fact for fact in answer.missing if "route back" in fact.fact]
    asked = ask(unread_peer(EXPORT), "p/gate", "172.16.1.5", "10.2.0.2")
    imports = [fact for fact in asked.missing if "imports" in fact.fact]
    assert imports[0].likely is Verdict.REACHABLE
