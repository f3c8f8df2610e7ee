"""The balancer that a repair proposes, as a lab runs it."""

from tests.lab.repairs.proxies import proposed

from wayhome.lab.repairs.balancers import Balancer, balancers
from wayhome.network import Forward, Network, Node


def found() -> tuple[Network, Balancer]:
    after = proposed().after
    assert after is not None
    (balancer,) = balancers(after.estate)
    return after.network, balancer


def ways(fabric: Node, balancer: Balancer) -> set[str]:
    return {
        route.action.port
        for route in fabric.tables["subnets"].routes
        if route.destination == balancer.front.prefix and isinstance(route.action, Forward)
    }


def test_it_is_found_with_its_machines_and_the_check_that_the_repair_makes() -> None:
    _, balancer = found()
    assert [one.node.rpartition("/")[2][-5:] for one in balancer.backends] == ["-80-1", "-80-2"]
    assert str(balancer.front) == "10.1.0.5"
    assert (balancer.checked_port, balancer.check.check_interval_sec) == (80, 1)


def test_only_those_that_pass_are_chosen_among_and_all_where_none_does() -> None:
    network, balancer = found()
    one, other = balancer.backends
    everybody = {one.port, other.port}
    assert ways(network.places[balancer.fabric].node, balancer) == everybody
    assert ways(balancer.left_with(network, frozenset({other})), balancer) == {other.port}
    assert ways(balancer.left_with(network, frozenset()), balancer) == everybody


def test_nothing_else_of_the_fabric_changes() -> None:
    network, balancer = found()
    before = network.places[balancer.fabric].node
    after = balancer.left_with(network, frozenset(balancer.backends[:1]))
    gone = {
        (name, route)
        for name, table in before.tables.items()
        for route in table.routes
        if route not in after.tables[name].routes
    }
    assert [(name, str(route.destination)) for name, route in gone] == [("subnets", "10.1.0.5/32")]
    assert (after.ports, after.rules) == (before.ports, before.rules)
