"""Internal load balancers as destinations and next hops, of policy-based routes too, compiled and traced."""

from typing import Any

from tests.clouds.google import (
    Object,
    full_network,
    google,
    instance,
    network,
    open_firewall,
    static,
    subnet,
)
from tests.clouds.traced import ask, drop_of

from wayhome.clouds.estate import Estate
from wayhome.network import Verdict
from wayhome.trace import ForkKind


def balanced(*backends: Object) -> Estate:
    """A balancer in front of these, which are called back-1, back-2 …; `one` may ask."""
    at, group = "projects/p/regions/r1", "projects/p/zones/r1-a/instanceGroups/g"
    members = [{"instance": name} for name, _ in backends]
    return google(
        network("p/a"),
        subnet("p/a", "10.1.0.0/16"),
        instance("p/a", "one", "10.1.0.2"),
        *backends,
        (f"{at}/forwardingRules/front", {
            "loadBalancingScheme": "INTERNAL", "IPAddress": "10.1.0.100",
            "network": full_network("p/a"), "backendService": f"{at}/backendServices/s"}),
        (f"{at}/backendServices/s", {"backends": [{"group": group}]}),
        (f"{group}/instances", {"items": members}),
        *open_firewall("p/a"),
    )  # fmt: skip


def test_each_flow_to_a_balancer_goes_to_one_of_its_backends() -> None:
    names = ("back-1", "back-2")
    estate = balanced(*(instance("p/a", name, f"10.1.0.1{name[-1]}") for name in names))
    answer = ask(estate, "p/one", "10.1.0.2", "10.1.0.100")
    assert answer.verdict is Verdict.REACHABLE
    reached = {str(way.result.delivered_to).rpartition("/")[2] for way in answer.ways}
    assert reached == set(names)
    # Which one it is differs from flow to flow: nothing that is fixed and unknown.
    assert {taken.fork.kind for way in answer.ways for taken in way.taken} == {ForkKind.SPREAD}


def test_a_backend_that_is_stopped_gets_no_flows() -> None:
    estate = balanced(
        instance("p/a", "back-1", "10.1.0.11", status="TERMINATED"),
        instance("p/a", "back-2", "10.1.0.12"),
    )
    answer = ask(estate, "p/one", "10.1.0.2", "10.1.0.100")
    (way,) = answer.ways
    assert str(way.result.delivered_to).endswith("/back-2")


def test_an_internal_load_balancer_as_next_hop_and_as_destination() -> None:
    at = "projects/p/regions/r1"
    group = "projects/p/zones/r1-a/instanceGroups/g"
    vm = "projects/p/zones/r1-a/instances"
    estate = google(
        network("p/a"),
        subnet("p/a", "10.1.0.0/16"),
        instance("p/a", "one", "10.1.0.2"),
        instance("p/a", "back-1", "10.1.0.11", canIpForward=True),
        instance("p/a", "back-2", "10.1.0.12", canIpForward=True),
        (f"{at}/forwardingRules/front", {
            "loadBalancingScheme": "INTERNAL", "IPAddress": "10.1.0.100",
            "network": full_network("p/a"), "backendService": f"{at}/backendServices/s"}),
        (f"{at}/backendServices/s", {"backends": [{"group": group}]}),
        (f"{group}/instances", {"items": [{"instance": f"{vm}/back-1"}, {"instance": f"{vm}/back-2"}]}),
        static("p/a", "x", "10.9.0.0/16", nextHopIlb=f"{at}/forwardingRules/front"),
        *open_firewall("p/a"),
    )  # fmt: skip
    assert ask(estate, "p/one", "10.1.0.2", "10.1.0.100").verdict is Verdict.REACHABLE
    answer = ask(estate, "p/one", "10.1.0.2", "10.9.0.1")
    assert answer.verdict is Verdict.UNDETERMINED
    assert {fact.command.split()[3] for fact in answer.missing} == {"back-1", "back-2"}


def test_a_policy_based_route_is_before_everything() -> None:
    at, group = "projects/p/regions/r1", "projects/p/zones/r1-a/instanceGroups/g"

    def estate(*more: Object, **fields: Any) -> Estate:
        pbr = {
            "name": "projects/p/locations/global/policyBasedRoutes/x",
            "network": full_network("p/a"),
            "priority": 200,
            "filter": {"srcRange": "10.1.0.0/16", "destRange": "10.1.0.3/32"},
            "nextHopIlbIp": "10.1.0.100",
        }
        return google(
            network("p/a"),
            subnet("p/a", "10.1.0.0/16"),
            instance("p/a", "one", "10.1.0.2", tags="web"),
            instance("p/a", "two", "10.1.0.3"),
            instance("p/a", "stopped", "10.1.0.11", status="TERMINATED"),
            (f"{at}/forwardingRules/front", {
                "loadBalancingScheme": "INTERNAL", "IPAddress": "10.1.0.100",
                "network": full_network("p/a"), "backendService": f"{at}/backendServices/s"}),
            (f"{at}/backendServices/s", {"backends": [{"group": group}]}),
            (f"{group}/instances", {"items": [{"instance": "projects/p/zones/r1-a/instances/stopped"}]}),
            ("projects/p/locations/global/policyBasedRoutes/x", pbr | fields),
            *open_firewall("p/a"),
            *more,
        )  # fmt: skip

    assert drop_of(ask(estate(), "p/one", "10.1.0.2", "10.1.0.3")) == "NO_BACKENDS"
    other = {"virtualMachine": {"tags": ["db"]}}
    assert ask(estate(**other), "p/one", "10.1.0.2", "10.1.0.3").verdict is Verdict.REACHABLE
    exempt = (
        "projects/p/locations/global/policyBasedRoutes/exempt",
        {
            "name": "projects/p/locations/global/policyBasedRoutes/exempt",
            "network": full_network("p/a"),
            "priority": 100,
            "nextHopOtherRoutes": "DEFAULT_ROUTING",
        },
    )
    assert ask(estate(exempt), "p/one", "10.1.0.2", "10.1.0.3").verdict is Verdict.REACHABLE
