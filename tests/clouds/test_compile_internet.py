"""The way to the internet and to Google's own addresses, compiled and traced."""

from tests.clouds.google import (
    default_route,
    google,
    instance,
    network,
    open_firewall,
    router,
    static,
    subnet,
)
from tests.clouds.traced import ask, drop_of

from wayhome.network import Verdict


def test_internet_needs_an_external_address() -> None:
    estate = google(
        network("p/a"),
        subnet("p/a", "10.1.0.0/16", "172.20.0.0/16"),
        default_route("p/a"),
        instance("p/a", "out", "10.1.0.2", external="34.1.1.1", aliases=("172.20.1.0/24",)),
        instance("p/a", "in", "10.1.0.3"),
        *open_firewall("p/a"),
    )
    assert ask(estate, "p/out", "10.1.0.2", "8.8.8.8").verdict is Verdict.REACHABLE
    assert drop_of(ask(estate, "p/in", "10.1.0.3", "8.8.8.8")) == "NO_EXTERNAL_ADDRESS"
    # The external address is the primary address's, and not the alias range's.
    assert drop_of(ask(estate, "p/out", "172.20.1.7", "8.8.8.8")) == "NO_EXTERNAL_ADDRESS"
    answer = ask(estate, "p/in", "10.1.0.3", "199.36.153.8")
    assert drop_of(answer) == "PRIVATE_GOOGLE_ACCESS_DISALLOWED"


def test_private_google_access_is_the_subnets() -> None:
    estate = google(
        network("p/a"),
        subnet("p/a", "10.1.0.0/16", privateIpGoogleAccess=True),
        default_route("p/a"),
        instance("p/a", "in", "10.1.0.3"),
        *open_firewall("p/a"),
    )
    assert ask(estate, "p/in", "10.1.0.3", "199.36.153.8").verdict is Verdict.REACHABLE


def test_an_external_address_is_reached_from_another_network_through_the_internet() -> None:
    estate = google(
        network("p/a"), network("q/b"),
        subnet("p/a", "10.1.0.0/16"), subnet("q/b", "10.1.0.0/16"),
        default_route("p/a"), default_route("q/b"),
        instance("p/a", "one", "10.1.0.2", external="34.1.1.1"),
        instance("q/b", "two", "10.1.0.2", external="35.1.1.1"),
        *open_firewall("p/a", "q/b"),
    )  # fmt: skip
    answer = ask(estate, "p/one", "10.1.0.2", "35.1.1.1")
    assert answer.verdict is Verdict.REACHABLE
    assert answer.forward[-1].node == "projects/q/zones/r1-a/instances/two"


def test_cloud_nat_gives_an_address_to_the_ranges_that_it_is_for() -> None:
    nat = {
        "name": "nat",
        "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES",
        "natIpAllocateOption": "AUTO_ONLY",
    }
    estate = google(
        network("p/a"),
        subnet("p/a", "10.1.0.0/16", "172.20.0.0/16"),
        default_route("p/a"),
        instance("p/a", "one", "10.1.0.2", aliases=("172.20.1.0/24",)),
        router("p/a", "cr", [], nats=[nat]),
        *open_firewall("p/a"),
    )
    answer = ask(estate, "p/one", "10.1.0.2", "8.8.8.8")
    assert answer.verdict is Verdict.REACHABLE
    assert any("Google chose" in text for text in answer.assumptions)
    assert drop_of(ask(estate, "p/one", "172.20.1.7", "8.8.8.8")) == "NO_EXTERNAL_ADDRESS"


def test_external_ipv6_addresses_are_not_translated() -> None:
    name, fields = instance("p/a", "one", "10.1.0.2")
    fields["networkInterfaces"][0]["ipv6Address"] = "2600:1900:0:1::"
    at = "projects/p/global/gateways/default-internet-gateway"
    estate = google(
        network("p/a"),
        subnet(
            "p/a", "10.1.0.0/16", externalIpv6Prefix="2600:1900:0:1::/64", stackType="IPV4_IPV6"
        ),
        static("p/a", "default-6", "::/0", nextHopGateway=at),
        (name, fields),
        *open_firewall("p/a"),
    )
    answer = ask(estate, "p/one", "2600:1900:0:1::", "2001:4860:4860::8888")
    assert answer.verdict is Verdict.REACHABLE
