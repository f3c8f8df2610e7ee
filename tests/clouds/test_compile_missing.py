"""What was not exported is no success and no empty network."""

from tests.clouds.google import (
    default_route,
    google,
    instance,
    network,
    open_firewall,
    peering,
    subnet,
)
from tests.clouds.traced import ask, drop_of

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.resource import Resource
from wayhome.network import Verdict


def test_an_address_in_a_subnet_whose_instances_were_not_exported_is_unknown() -> None:
    estate = google(
        network("p/a"), subnet("p/a", "10.1.0.0/16"), default_route("p/a"),
        instance("p/a", "one", "10.1.0.2"), *open_firewall("p/a"), missing=[Instance],
    )  # fmt: skip
    answer = ask(estate, "p/one", "10.1.0.2", "10.1.0.77")
    assert (answer.verdict, answer.likely) == (Verdict.UNDETERMINED, Verdict.UNREACHABLE)
    assert "gcloud compute instances list --project=p" in answer.missing[0].command


def test_firewall_rules_that_were_not_exported_are_no_open_firewall() -> None:
    estate = google(
        network("p/a"), subnet("p/a", "10.1.0.0/16"),
        instance("p/a", "one", "10.1.0.2"), instance("p/a", "two", "10.1.0.3"),
        missing=[FirewallRule],
    )  # fmt: skip
    answer = ask(estate, "p/one", "10.1.0.2", "10.1.0.3")
    assert answer.verdict is Verdict.UNDETERMINED
    assert "firewall-rules list --project=p" in answer.missing[0].command


def test_an_instance_in_a_network_of_another_project_that_is_not_exported() -> None:
    estate = google(
        instance("host/shared", "one", "10.1.0.2"), instance("host/shared", "two", "10.1.0.3")
    )
    answer = ask(estate, "host/one", "10.1.0.2", "10.1.0.3")
    assert answer.verdict is Verdict.UNDETERMINED
    assert "networks describe shared --project=host" in answer.missing[0].command


def test_subnetworks_that_were_not_exported_are_no_empty_network() -> None:
    def estate(*missing: type[Resource]) -> Estate:
        return google(
            network("p/a", peering("q/b")),
            network("q/b", peering("p/a")),
            subnet("p/a", "10.1.0.0/16"),
            instance("p/a", "one", "10.1.0.2"),
            instance("q/b", "two", "10.2.0.2"),
            *open_firewall("p/a", "q/b"),
            missing=missing,
        )

    # Of the destination's network not even the subnetworks' routes are there.
    answer = ask(estate(Subnetwork), "p/one", "10.1.0.2", "10.2.0.2")
    assert (answer.verdict, answer.likely) == (Verdict.UNDETERMINED, Verdict.UNREACHABLE)
    assert drop_of(ask(estate(), "p/one", "10.1.0.2", "10.2.0.2")) == "NO_ROUTE"
