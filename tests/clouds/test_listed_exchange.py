"""What `peerings list-routes` says of a peering, against what routes and settings of both sides make of it."""

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
    peering,
    static,
    subnet,
)

from wayhome.clouds.gcp.derive.cross_check import cross_check
from wayhome.clouds.gcp.derive.effective import effective_routes
from wayhome.clouds.gcp.resources.route import Route

SUBNET = {"destRange": "10.1.0.0/16", "type": "SUBNET_PEERING_ROUTE", "imported": True}
PODS = {"destRange": "172.16.1.0/24", "type": "STATIC_PEERING_ROUTE", "imported": True}


def listed(*rows: dict[str, Any], of: str, peer: str, direction: str) -> Object:
    name = full_network(of)
    fields = {
        "network": name,
        "peering": f"to-{peer}",
        "direction": direction,
        "region": "r1",
        "items": list(rows),
    }
    return f"{name}/peerings/to-{peer}/routes/{direction}/r1", fields


def problems(
    *rows: dict[str, Any],
    direction: str,
    ours: tuple[str, ...] = (),
    theirs: tuple[str, ...] | None = None,
    missing: tuple[type[Route], ...] = (),
) -> list[str]:
    """Of p/n, which has a node route to 172.16.1.0/24, and its peer q/m; `theirs`: None: that is not exported.

    The list is that of p/n if it is OUTGOING, and that of q/m if it is INCOMING: both are about the same routes.
    """
    of, peer = ("p/n", "m") if direction == "OUTGOING" else ("q/m", "n")
    estate = google(
        network("p/n", peering("q/m", *ours)),
        *([] if theirs is None else [network("q/m", peering("p/n", *theirs))]),
        subnet("p/n", "10.1.0.0/16"),
        instance("p/n", "node", "10.1.0.2", canIpForward=True),
        static("p/n", "pods", "172.16.1.0/24", nextHopInstance="projects/p/zones/r1-a/instances/node"),
        static("p/n", "s", "10.1.0.0/16", nextHopNetwork=full_network("p/n")),
        listed(*rows, of=of, peer=peer, direction=direction),
        missing=missing,
    )  # fmt: skip
    return [finding.problem for finding in cross_check(estate, effective_routes(estate))]


@pytest.mark.parametrize("theirs", [None, (), (IMPORT,)])
def test_what_is_offered_follows_from_our_side_whoever_the_peer_is(
    theirs: tuple[str, ...] | None,
) -> None:
    (problem,) = problems(SUBNET, direction="OUTGOING", ours=(EXPORT,), theirs=theirs)
    assert "172.16.1.0/24 follows from this, and the cloud does not list it" in problem
    (problem,) = problems(SUBNET, PODS, direction="OUTGOING", theirs=theirs)
    assert "172.16.1.0/24 is listed, and nothing that was exported makes it" in problem
    assert problems(SUBNET, direction="OUTGOING", theirs=theirs) == []


def test_whether_the_peer_takes_it_is_held_against_its_own_settings() -> None:
    refused = PODS | {"imported": False}
    assert problems(SUBNET, PODS, direction="OUTGOING", ours=(EXPORT,), theirs=(IMPORT,)) == []
    assert problems(SUBNET, refused, direction="OUTGOING", ours=(EXPORT,), theirs=()) == []
    (problem,) = problems(SUBNET, PODS, direction="OUTGOING", ours=(EXPORT,), theirs=())
    assert "takes it, and there importCustomRoutes is false: 172.16.1.0/24" in problem
    (problem,) = problems(SUBNET, refused, direction="OUTGOING", ours=(EXPORT,), theirs=(IMPORT,))
    assert "does not take it, and there all settings let it in: 172.16.1.0/24" in problem


def test_what_comes_in_follows_from_both_sides() -> None:
    both: dict[str, Any] = {"ours": (EXPORT,), "theirs": (IMPORT,)}
    assert problems(SUBNET, PODS, direction="INCOMING", **both) == []
    (problem,) = problems(SUBNET, direction="INCOMING", **both)
    assert "172.16.1.0/24 follows from this" in problem
    (problem,) = problems(SUBNET, PODS, direction="INCOMING", theirs=())
    assert "172.16.1.0/24 is listed" in problem


@pytest.mark.parametrize("direction", ["INCOMING", "OUTGOING"])
def test_where_the_exporters_routes_are_not_all_known_a_further_one_is_no_difference(
    direction: str,
) -> None:
    more = PODS | {"destRange": "172.16.2.0/24"}
    flags: dict[str, Any] = {"ours": (EXPORT,), "theirs": (IMPORT,), "direction": direction}
    assert problems(SUBNET, PODS, more, missing=(Route,), **flags) == []
    (problem,) = problems(SUBNET, PODS, more, **flags)
    assert "172.16.2.0/24 is listed" in problem
