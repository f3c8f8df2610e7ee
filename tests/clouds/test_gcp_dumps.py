"""Real exports (Apache-2.0, github.com/GoogleCloudPlatform/gcpdiag at 06ec858): what we derive and what Google says."""

import json
from pathlib import Path
from typing import Any

import pytest

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.gcp.derive.cross_check import cross_check
from wayhome.clouds.gcp.derive.effective import effective_routes
from wayhome.clouds.read import read_estate
from wayhome.network import Address, Flow, Protocol, Verdict
from wayhome.trace import Step, trace

DUMPS = Path(__file__).parents[2].parent / "shared" / "data" / "gcp-dumps"

pytestmark = pytest.mark.skipif(not DUMPS.is_dir(), reason=f"{DUMPS} is absent")


def stored_test() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DUMPS / "vpc2" / "connectivity-test.json").read_text())
    return document


def step_of(kind: str) -> dict[str, Any]:
    steps = stored_test()["reachabilityDetails"]["traces"][0]["steps"]
    found: dict[str, Any] = next(step for step in steps if step["state"] == kind)
    return found


def our_steps() -> tuple[Verdict, list[Step]]:
    network = compile_estate(read_estate(DUMPS / "vpc2"))
    asked = stored_test()
    flow = Flow(
        Address.parse(asked["source"]["ipAddress"]),
        Address.parse(asked["destination"]["ipAddress"]),
        Protocol.TCP,
        asked["destination"]["port"],
    )
    (start,) = network.owners(flow.source)
    assert start.name == step_of("START_FROM_INSTANCE")["instance"]["uri"]
    answer = trace(network, flow, start.name)
    return answer.verdict, [step for hop in answer.forward for step in hop.steps]


def test_googles_connectivity_test_was_decided_by_the_same_firewall_rule_and_route() -> None:
    verdict, steps = our_steps()
    rule = step_of("APPLY_EGRESS_FIREWALL_RULE")["firewall"]["uri"]
    route = step_of("APPLY_ROUTE")["route"]["uri"]
    decided = [(step.kind, step.evidence.object) for step in steps if step.evidence is not None]
    assert ("APPLY_EGRESS_FIREWALL_RULE", rule) in decided
    assert ("APPLY_ROUTE", route) in decided
    # Google knows the Cloud NAT; its router is not in the dump, and so the answer is not.
    assert verdict is Verdict.UNDETERMINED


def test_the_route_has_googles_type_and_priority() -> None:
    routes = effective_routes(read_estate(DUMPS / "vpc2"))
    (network,) = routes.networks.values()
    (default,) = network.custom
    google = step_of("APPLY_ROUTE")["route"]
    assert default.type.value == google["routeType"]
    assert default.next_hop.type.value == google["nextHopType"]
    assert (str(default.destination), default.priority) == (
        google["destIpRange"],
        google["priority"],
    )


def test_gke1_lists_routes_of_another_state_than_its_subnets() -> None:
    """Each difference was looked at, and none is a rule of ours that is wrong.

    The list has 16 ranges that no subnetwork of the dump has (10.130.0.0/23, Pod ranges of clusters that are gone), and
    lacks the automatic subnets of fifteen regions and the six secondary ranges of clusters that exist: an automatic network has
    a subnet in each region, so the list cannot be all of it. 24 ranges are in both, primary and secondary ones.
    """
    estate = read_estate(DUMPS / "gke1")
    routes = effective_routes(estate)
    (network,) = routes.networks.values()
    differences = list(cross_check(estate, routes))
    underived = {f.problem.split()[6] for f in differences if "is listed" in f.problem}
    unlisted = {f.problem.split()[6] for f in differences if "follows from this" in f.problem}
    derived = {str(route.destination): route.evidence[0].pointer for route in network.subnets}
    assert (len(derived.keys() - unlisted), len(underived), len(unlisted)) == (24, 16, 21)
    assert not underived & derived.keys()
    primary = {cidr for cidr in unlisted if derived[cidr].endswith("/ipCidrRange")}
    assert len(primary) == 15
    assert all(cidr.startswith("10.") and cidr.endswith("/20") for cidr in primary)  # automatic
    secondary = {cidr for cidr in derived.keys() - unlisted if "secondary" in derived[cidr]}
    assert secondary == {"192.168.1.0/24", "192.168.2.0/24"}
