"""Routes that repairs add, routes that come from a peer's site, and what the cloud refuses whatever the replay says."""

from pathlib import Path

import msgspec
import pytest
from tests.clouds.google import full_network, google, network, peering, subnet
from tests.diagnosis.generated import Generated, Plan, generate

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.effective import effective_routes
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.located import Located
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.cause import Cause
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.replay import Replay
from wayhome.diagnosis.repairs.validity import (
    refused_imports,
    refused_static_route,
    refused_subnet_range,
    unknown_neighbours,
)
from wayhome.prefixes import Prefix


def by_kind(answer: Answer) -> dict[str, Replay]:
    return {one.proposal.kind: one for one in answer.repairs}


def test_a_nodes_route_that_somebody_deleted_is_made_again(tmp_path: Path) -> None:
    one = generate(tmp_path, Plan(seed=1))
    node_routes = [
        (Route, name)
        for name, route in one.estate.all(Route).items()
        if route.value.description == "k8s-node-route"
    ]
    estate = one.estate.with_changes(deleted=node_routes)
    answer = Answer.to(estate, Question.parse(one.pod, f"{one.home.address}:443"))
    assert answer.found is not None
    assert answer.found.cause is Cause.NO_RETURN_ROUTE
    repair = by_kind(answer)["add-route"]
    assert repair.works
    (made,) = repair.proposal.changes.created
    gone = {one.estate.all(Route)[name].value.dest_range for _, name in node_routes}
    assert isinstance(made.value, Route)
    assert made.value.dest_range in gone
    assert "google_compute_route" in repair.proposal.terraform


def peer_of_the_vpns_end(tmp_path: Path) -> tuple[Generated, Estate]:
    """The VPN's near network peered with one more, whose machine asks for the far one: through a peer to a site."""
    one = generate(tmp_path, Plan(seed=4, link="bgp", peers=2))
    return one, one.estate


def test_a_peers_way_to_a_site_takes_an_exchange_and_an_advertisement(tmp_path: Path) -> None:
    one, estate = peer_of_the_vpns_end(tmp_path)
    (beside,) = (
        network
        for name, network in estate.all(Network).items()
        if name not in {one.home.full, one.there.full}
    )
    answer = Answer.to(
        estate, Question.parse(f"{beside.value.name}-vm", f"{one.there.address}:443")
    )
    assert answer.found is not None
    assert answer.situation.trace.lost is not None
    repair = by_kind(answer)["exchange-routes"]
    # The far side's firewall does not know that network either.
    assert set(repair.proposal.with_) == {"advertise-range", "open-firewall"}
    assert repair.works
    for control in ("export-only", "import-only"):
        assert not by_kind(answer)[control].works


@pytest.fixture
def chain() -> Estate:
    """a - b - c - d, peered in a row; d is not exported."""
    return google(
        network("p/a", peering("p/b")),
        network("p/b", peering("p/a"), peering("p/c")),
        network("p/c", peering("p/b"), peering("q/d")),
        subnet("p/a", "10.1.0.0/16"),
        subnet("p/b", "10.2.0.0/16"),
        subnet("p/c", "10.3.0.0/16", "172.20.0.0/16"),
    )


@pytest.mark.parametrize(
    ("cidr", "refused"),
    [
        ("10.1.128.0/20", True),  # its own
        ("10.0.0.0/14", True),  # around them all
        ("10.2.0.0/16", True),  # a peer's
        ("172.20.5.0/24", True),  # a secondary one, two peerings away
        ("10.4.0.0/16", False),
    ],
)
def test_a_new_range_keeps_clear_of_two_peerings(chain: Estate, cidr: str, refused: bool) -> None:
    routes = effective_routes(chain)
    found = list(refused_subnet_range(chain, routes, full_network("p/a"), Prefix.parse(cidr)))
    assert bool(found) is refused


def test_what_lies_two_peerings_away_and_is_not_exported_is_said(chain: Estate) -> None:
    assert unknown_neighbours(chain, full_network("p/a")) == ()
    assert unknown_neighbours(chain, full_network("p/b")) == (full_network("q/d"),)


@pytest.mark.parametrize(
    ("cidr", "refused"),
    [("10.2.5.0/24", True), ("10.2.0.0/16", True), ("10.2.0.0/15", False), ("10.9.0.0/16", False)],
)
def test_a_static_route_may_be_wider_than_a_subnet_and_not_inside(
    chain: Estate, cidr: str, refused: bool
) -> None:
    routes, prefix = effective_routes(chain), Prefix.parse(cidr)
    here, peer = full_network("p/b"), full_network("p/a")
    assert bool(list(refused_static_route(routes, here, prefix))) is refused
    assert bool(list(refused_static_route(routes, peer, prefix))) is refused  # a peer's subnet
    assert bool(list(refused_imports(chain, here, [prefix]))) is refused


def test_a_peering_that_is_not_exported_is_a_missing_fact(tmp_path: Path) -> None:
    one = generate(tmp_path, Plan(seed=1))
    located = one.estate.all(Network)[one.there.full]
    value = msgspec.structs.replace(located.value, peerings=())
    estate = one.estate.with_changes(changed=[Located(value, located.evidence)])
    answer = Answer.to(estate, Question.parse(one.pod, f"{one.there.address}:443"))
    assert "exchange-routes" not in by_kind(answer)
