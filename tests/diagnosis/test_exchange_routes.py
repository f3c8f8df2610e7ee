"""Exchanging custom routes as a repair, with its two controls, and what the cloud would refuse."""

from pathlib import Path

import msgspec

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.subnetwork import SecondaryRange, Subnetwork
from wayhome.clouds.located import Located
from wayhome.clouds.read import read_estate
from wayhome.clouds.values import Cidr
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.exchange_routes import exchange_routes
from wayhome.diagnosis.repairs.replay import Replay
from wayhome.network import Verdict

EXPORTS = Path(__file__).parents[2] / "examples" / "the-case" / "exports"


def tried(estate: Estate) -> dict[str, Replay]:
    question = Question.parse("my-pod", "10.2.0.1:80")
    answer = Answer.to(estate, question, kinds=(exchange_routes,))
    return {one.proposal.kind: one for one in answer.repairs}


def test_both_flags_open_both_directions_with_the_pods_own_address() -> None:
    repair = tried(read_estate(EXPORTS))["exchange-routes"]
    assert repair.works
    assert repair.after is not None
    assert str(repair.after.trace.shown.result.packet.source) == "172.16.2.2"
    assert repair.after.reverse is not None
    assert repair.after.reverse.verdict is Verdict.REACHABLE
    assert len(repair.proposal.commands) == len(repair.proposal.undo) == 2
    # The account: it may be the better way where nothing overlaps.
    assert "may be the better way" in repair.reasons[-1]


def test_one_flag_alone_changes_nothing() -> None:
    found = tried(read_estate(EXPORTS))
    for kind in ("export-only", "import-only"):
        control = found[kind]
        assert control.proposal.control
        assert not control.works
        assert control.cause is not None
        assert control.cause.cause == "no-return-route"


def test_a_range_that_collides_with_a_subnet_there_is_refused() -> None:
    estate = read_estate(EXPORTS)
    (there,) = (one for one in estate.all(Subnetwork).values() if "destination" in one.name)
    secondary = SecondaryRange(range_name="used", ip_cidr_range=Cidr("172.16.0.0/16"))
    value = msgspec.structs.replace(there.value, secondary_ip_ranges=(secondary,))
    colliding = estate.with_changes(changed=[Located(value, there.evidence)])
    repair = tried(colliding)["exchange-routes"]
    assert not repair.works
    assert "the cloud refuses to import 172.16.1.0/24" in repair.proposal.refused[0]


def test_nothing_is_proposed_where_both_flags_are_set() -> None:
    estate = read_estate(EXPORTS)
    repaired = tried(estate)["exchange-routes"]
    assert repaired.after is not None
    again = repaired.proposal.changes.applied_to(estate)
    assert list(exchange_routes(repaired.after.with_estate(again))) == []


def test_a_route_with_tags_is_refused_with_the_reason() -> None:
    estate = read_estate(EXPORTS)
    (node_route,) = (
        one for one in estate.all(Route).values() if str(one.value.dest_range) == "172.16.2.0/24"
    )
    tagged = msgspec.structs.replace(node_route.value, tags=("gke",))
    changed = estate.with_changes(changed=[Located(tagged, node_route.evidence)])
    answer = Answer.to(changed, Question.parse("my-pod", "10.2.0.1:80"), kinds=(exchange_routes,))
    assert answer.repairs == ()
    (refused,) = answer.not_possible
    assert refused.kind == "exchange-routes"
    assert node_route.name in refused.why
    assert "static routes with network tags are never exchanged" in refused.why


def test_what_stops_the_packet_before_is_mended_with_it() -> None:
    estate = read_estate(EXPORTS)
    (node,) = (one for one in estate.all(Instance).values() if one.value.name == "gke-node-02")
    for value, needs in (
        (msgspec.structs.replace(node.value, status="TERMINATED"), "start"),
        (msgspec.structs.replace(node.value, can_ip_forward=False), "allow-forwarding"),
    ):
        found = tried(estate.with_changes(changed=[Located(value, node.evidence)]))
        assert found["exchange-routes"].works
        assert found["exchange-routes"].proposal.with_ == (needs,)
        assert not found["export-only"].works
