"""Instances, compiled and traced: what they may send, which addresses and routes are theirs."""

from tests.clouds.google import google, instance, network, open_firewall, static, subnet
from tests.clouds.traced import ask, drop_of, two

from wayhome.network import Verdict


def test_an_instance_may_not_send_from_addresses_that_are_not_its_own() -> None:
    answer = ask(two(), "p/one", "172.16.1.5", "10.2.0.2")
    assert (drop_of(answer), answer.lost) == ("FOREIGN_IP_DISALLOWED", "forward")
    assert answer.drop is not None
    assert answer.drop.evidence is not None
    assert answer.drop.evidence.pointer.endswith("/canIpForward")


def test_a_route_through_an_instance_that_may_not_forward() -> None:
    estate = two(
        static("p/a", "bad", "10.77.0.0/16", nextHopInstance="projects/p/zones/r1-a/instances/one")
    )
    answer = ask(estate, "p/gate", "10.1.0.9", "10.77.0.1")
    assert drop_of(answer) == "FOREIGN_IP_DISALLOWED"


def test_alias_addresses_are_an_instances_own() -> None:
    estate = google(
        network("p/a"),
        subnet("p/a", "10.1.0.0/16", "172.20.0.0/16"),
        instance("p/a", "one", "10.1.0.2", aliases=("172.20.1.0/24",)),
        instance("p/a", "two", "10.1.0.3"),
        *open_firewall("p/a"),
    )
    assert ask(estate, "p/one", "172.20.1.7", "10.1.0.3").verdict is Verdict.REACHABLE
    assert ask(estate, "p/two", "10.1.0.3", "172.20.1.7").verdict is Verdict.REACHABLE


def test_an_address_that_nobody_has_is_dropped_where_its_subnet_is() -> None:
    answer = ask(two(), "p/one", "10.1.0.2", "10.2.0.77")
    assert drop_of(answer) == "UNKNOWN_INTERNAL_ADDRESS"


def test_a_subnet_route_is_before_a_more_specific_route() -> None:
    through = "projects/p/zones/r1-a/instances/gate"
    estate = two(static("p/a", "steal", "10.2.0.0/24", priority=0, nextHopInstance=through))
    assert ask(estate, "p/one", "10.1.0.2", "10.2.0.2").verdict is Verdict.REACHABLE


def test_tagged_routes_are_for_instances_with_the_tag() -> None:
    gateway = "projects/p/zones/r1-a/instances/gate"
    estate = google(
        network("p/a"),
        subnet("p/a", "10.1.0.0/16"),
        instance("p/a", "tagged", "10.1.0.2", tags="special"),
        instance("p/a", "plain", "10.1.0.3"),
        instance("p/a", "gate", "10.1.0.9", canIpForward=True),
        static("p/a", "x", "10.9.0.0/16", tags=["special"], nextHopInstance=gateway),
        *open_firewall("p/a"),
    )
    assert ask(estate, "p/tagged", "10.1.0.2", "10.9.0.1").verdict is Verdict.UNDETERMINED
    assert drop_of(ask(estate, "p/plain", "10.1.0.3", "10.9.0.1")) == "NO_ROUTE"


def test_a_stopped_instance() -> None:
    estate = two(instance("q/b", "off", "10.2.0.3", status="TERMINATED"))
    assert drop_of(ask(estate, "p/one", "10.1.0.2", "10.2.0.3")) == "INSTANCE_NOT_RUNNING"


def test_shared_vpc_instances_of_a_service_project() -> None:
    name, fields = instance("host/shared", "two", "10.1.0.3")
    estate = google(
        network("host/shared"),
        subnet("host/shared", "10.1.0.0/16"),
        instance("host/shared", "one", "10.1.0.2"),
        (name.replace("projects/host", "projects/service"), fields),
        *open_firewall("host/shared"),
    )
    answer = ask(estate, "host/one", "10.1.0.2", "10.1.0.3")
    assert answer.verdict is Verdict.REACHABLE
    assert answer.forward[-1].node == "projects/service/zones/r1-a/instances/two"
