"""The network before BGP: what was learned is gone, and nothing else."""

from collections.abc import Iterator

from tests.lab.bgp.case import (
    DESTINATION,
    OFFICE,
    OFFICE_HOST,
    PODS,
    SOURCE,
    exported,
    repaired,
)

from wayhome.clouds.compile import compile_estate
from wayhome.lab.bgp import Told, before_bgp
from wayhome.network import Address, Flow, Network, Node, Protocol, Verdict
from wayhome.trace import Lost, trace

NODE = "projects/source-project/zones/asia-northeast1-a/instances/gke-node-02"
A = Address.parse


def routes(node: Node) -> set[tuple[str, str, str]]:
    """Table, destination and kind of each route."""
    return {
        (name, str(route.destination), route.kind)
        for name, table in node.tables.items()
        for route in table.routes
    }


def gone(told: Told) -> Iterator[tuple[str, tuple[str, str, str]]]:
    before = before_bgp(told.network, told.speakers)
    for node in told.network.nodes:
        for route in routes(node) - routes(before.places[node.name].node):
            yield node.name, route


def test_what_was_learned_is_gone_and_nothing_else() -> None:
    assert set(gone(Told.of(exported()))) == {
        (SOURCE, ("custom", "10.2.0.0/16", "DYNAMIC")),
        (SOURCE, ("custom", "192.168.10.0/24", "DYNAMIC")),
        (DESTINATION, ("custom", "10.1.0.0/16", "DYNAMIC")),
        (OFFICE, ("main", "10.1.0.0/16", "ADVERTISED")),
    }


def test_of_a_repaired_estate_what_follows_from_the_repair_is_gone_too() -> None:
    more = set(gone(Told.of(repaired()))) - set(gone(Told.of(exported())))
    assert more == {
        (DESTINATION, ("custom", PODS, "DYNAMIC")),
        (OFFICE, ("main", PODS, "ADVERTISED")),
    }


def verdict(network: Network, source: str, destination: Address, at: str) -> Verdict:
    return trace(network, Flow(A(source), destination, Protocol.TCP, 80), at).verdict


def test_before_bgp_nobody_comes_home_over_a_tunnel() -> None:
    told = Told.of(repaired())
    before = before_bgp(told.network, told.speakers)
    for destination in (A("10.2.0.1"), OFFICE_HOST):
        assert verdict(told.network, "10.1.0.3", destination, NODE) is Verdict.REACHABLE
        assert verdict(before, "10.1.0.3", destination, NODE) is Verdict.UNREACHABLE


def test_a_site_with_bgp_alone_has_no_other_route() -> None:
    flow = Flow(A("172.16.2.2"), OFFICE_HOST, Protocol.TCP, 80)
    pod = next(name for name in compile_estate(exported()).places if name.endswith("/my-pod"))
    open_ = trace(compile_estate(exported()), flow, pod)
    decided = trace(Told.of(exported()).network, flow, pod)
    assert open_.verdict is Verdict.UNDETERMINED
    assert (decided.verdict, decided.lost) == (Verdict.UNREACHABLE, Lost.REPLY)
    assert decided.drop is not None
    assert decided.drop.cause == "NO_ROUTE"
    assert decided.reply[-1].node == OFFICE
