"""Endpoints of Private Service Connect: who reaches them, and what is not known of what is behind them."""

from typing import Any

import pytest
from tests.clouds.google import (
    Object,
    full_network,
    google,
    instance,
    network,
    open_firewall,
    peering,
    subnet,
)
from tests.clouds.traced import ask, drop_of

from wayhome.clouds.estate import Estate
from wayhome.network import Verdict

ATTACHMENT = "projects/producer/regions/r1/serviceAttachments/db"
ENDPOINT = "projects/p/regions/r1/forwardingRules/db"


def endpoint(address: str = "10.1.0.9", target: str = ATTACHMENT, **fields: Any) -> Object:
    of = {"IPAddress": address, "network": full_network("p/a"), "target": target}
    return ENDPOINT, of | fields


def estate(*more: Object) -> Estate:
    return google(
        network("p/a", peering("q/b")),
        network("q/b", peering("p/a")),
        subnet("p/a", "10.1.0.0/16"),
        subnet("q/b", "10.2.0.0/16"),
        instance("p/a", "one", "10.1.0.2"),
        instance("q/b", "two", "10.2.0.2"),
        *open_firewall("p/a", "q/b"),
        *more,
    )


def test_without_it_nobody_has_the_address() -> None:
    assert drop_of(ask(estate(), "p/one", "10.1.0.2", "10.1.0.9")) == "UNKNOWN_INTERNAL_ADDRESS"


def test_what_the_producer_does_is_not_known() -> None:
    answer = ask(estate(endpoint()), "p/one", "10.1.0.2", "10.1.0.9")
    assert answer.verdict is Verdict.UNDETERMINED
    (missing,) = answer.missing
    assert "serviceAttachments/db" in missing.fact
    assert missing.command.startswith("gcloud compute forwarding-rules describe db --region=r1")
    assert missing.likely is None


def test_an_accepted_connection_very_probably_arrives() -> None:
    answer = ask(estate(endpoint(pscConnectionStatus="ACCEPTED")), "p/one", "10.1.0.2", "10.1.0.9")
    assert [fact.likely for fact in answer.missing] == [Verdict.REACHABLE]


@pytest.mark.parametrize("status", ["PENDING", "REJECTED", "CLOSED", "NEEDS_ATTENTION"])
def test_one_that_is_not_accepted_takes_nothing(status: str) -> None:
    answer = ask(estate(endpoint(pscConnectionStatus=status)), "p/one", "10.1.0.2", "10.1.0.9")
    assert drop_of(answer) == "PSC_CONNECTION_NOT_ACCEPTED"


def test_peers_do_not_reach_it() -> None:
    found = estate(endpoint(pscConnectionStatus="ACCEPTED"))
    assert (
        drop_of(ask(found, "q/two", "10.2.0.2", "10.1.0.9"))
        == "PSC_ENDPOINT_ACCESSED_FROM_PEERED_NETWORK"
    )
    assert ask(found, "q/two", "10.2.0.2", "10.1.0.2").verdict is Verdict.REACHABLE


def test_the_one_of_googles_apis_lies_in_no_subnet() -> None:
    answer = ask(estate(endpoint("10.77.0.1", "all-apis")), "p/one", "10.1.0.2", "10.77.0.1", 443)
    assert answer.verdict is Verdict.UNDETERMINED
    assert [fact.likely for fact in answer.missing] == [Verdict.REACHABLE]
