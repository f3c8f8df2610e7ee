"""Peering two networks that are not: what is tried, what the cloud refuses, and what the flow then still lacks."""

from tests.clouds.google import (
    Object,
    google,
    instance,
    network,
    open_firewall,
    peering,
    subnet,
)

from wayhome.clouds.estate import Estate
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.replay import Replay


def through_a_hub(*more: Object) -> Estate:
    """a and c are peers of b, and not of each other."""
    return google(
        network("p/a", peering("p/b")),
        network("p/b", peering("p/a"), peering("p/c")),
        network("p/c", peering("p/b")),
        subnet("p/a", "10.1.0.0/16"),
        subnet("p/b", "10.2.0.0/16"),
        subnet("p/c", "10.3.0.0/16"),
        instance("p/a", "one", "10.1.0.2"),
        instance("p/c", "three", "10.3.0.2"),
        *open_firewall("p/a", "p/b", "p/c"),
        *more,
    )


def tried(estate: Estate, kind: str) -> Replay:
    answer = Answer.to(estate, Question.parse("one", "10.3.0.2:80"))
    (found,) = [one for one in answer.repairs if one.proposal.kind == kind]
    return found


def test_both_sides_peered_the_flow_comes_home_and_its_commands_are_undone_in_turn() -> None:
    found = tried(through_a_hub(), "peer-networks")
    assert found.works
    made = [command.split()[4:6] for command in found.proposal.commands]
    assert made == [["create", "to-c"], ["create", "to-a"]]
    undone = [command.split()[4:6] for command in found.proposal.undo]
    assert undone == [["delete", "to-a"], ["delete", "to-c"]]


def test_one_side_alone_exchanges_nothing() -> None:
    assert not tried(through_a_hub(), "peer-one-side").works


def test_the_cloud_refuses_overlapping_subnets() -> None:
    found = tried(through_a_hub(subnet("p/c", "10.1.128.0/24")), "peer-networks")
    assert not found.works
    assert "overlaps" in found.proposal.refused[0]


def test_the_cloud_refuses_a_peer_whose_own_peer_overlaps() -> None:
    estate = google(
        network("p/a"),
        network("p/c", peering("p/d")),
        network("p/d", peering("p/c")),
        subnet("p/a", "10.1.0.0/16"),
        subnet("p/c", "10.3.0.0/16"),
        subnet("p/d", "10.1.0.0/24"),
        instance("p/a", "one", "10.1.0.2"),
        instance("p/c", "three", "10.3.0.2"),
        *open_firewall("p/a", "p/c", "p/d"),
    )
    (refused,) = tried(estate, "peer-networks").proposal.refused
    assert "overlaps 10.1.0.0/24" in refused


def test_the_cloud_refuses_a_network_of_the_old_kind() -> None:
    estate = google(
        network("p/a", IPv4Range="10.1.0.0/16", autoCreateSubnetworks=None),
        network("p/c"),
        subnet("p/c", "10.3.0.0/16"),
        instance("p/a", "one", "10.1.0.2"),
        instance("p/c", "three", "10.3.0.2"),
        *open_firewall("p/a", "p/c"),
    )
    found = tried(estate, "peer-networks")
    assert not found.works
    assert "is a network of the old kind" in found.proposal.refused[0]


def test_networks_that_are_peered_are_not_peered_again() -> None:
    estate = google(
        network("p/a", peering("p/c", state="INACTIVE")),
        network("p/c"),
        subnet("p/a", "10.1.0.0/16"),
        subnet("p/c", "10.3.0.0/16"),
        instance("p/a", "one", "10.1.0.2"),
        instance("p/c", "three", "10.3.0.2"),
        *open_firewall("p/a", "p/c"),
    )
    answer = Answer.to(estate, Question.parse("one", "10.3.0.2:80"))
    assert "peer-networks" not in {one.proposal.kind for one in answer.repairs}
