"""Where Google's health checks and proxies ask from: past every route, within one network, and under its firewalls."""

from pathlib import Path

import pytest

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.endpoints import EndpointError
from wayhome.clouds.read import read_estate
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.question import Question
from wayhome.network import Address, Network, Verdict

EXPORTS = Path(__file__).parents[2] / "examples" / "the-case" / "exports"
OTHER = "projects/destination-project/global/networks/target-network"
OWN = "projects/source-project/global/networks/my-network"
SPECIAL = ["35.191.0.1", "130.211.3.255", "35.199.192.1", "35.235.240.9"]


@pytest.fixture(scope="module")
def network() -> Network:
    return compile_estate(read_estate(EXPORTS))


def why(source: str, destination: str) -> Answer:
    return Answer.to(read_estate(EXPORTS), Question.parse(source, destination))


@pytest.mark.parametrize("address", SPECIAL)
def test_each_network_has_their_addresses_for_itself(network: Network, address: str) -> None:
    owners = [node.name for node in network.owners(Address.parse(address))]
    assert sorted(owners) == [f"{OTHER}/special-paths", f"{OWN}/special-paths"]


@pytest.mark.parametrize("address", ["8.8.8.8", "130.211.4.0", "35.192.0.1"])
def test_their_neighbours_are_on_the_internet(network: Network, address: str) -> None:
    assert [node.name for node in network.owners(Address.parse(address))] == ["internet/hosts"]


@pytest.mark.parametrize("address", SPECIAL)
def test_they_ask_under_the_firewall_and_the_repair_lets_in_their_range(address: str) -> None:
    answer = why(address, "target-gce-01:22")
    assert answer.situation.trace.drop is not None
    assert answer.situation.trace.drop.cause == "FIREWALL_RULE"
    (opened,) = [one for one in answer.repairs if one.works]
    assert opened.proposal.kind == "open-firewall"
    (rule,) = opened.proposal.changes.created
    (span,) = rule.value.source_ranges  # type: ignore[attr-defined]
    assert span.prefix.contains(*Address.parse(address))
    assert span.prefix.length < 32


def test_they_ask_in_the_network_of_the_destination() -> None:
    answer = why("35.191.0.1", "my-pod:80")
    assert answer.situation.asked.source.node == f"{OWN}/special-paths"


def test_the_reply_goes_to_them_before_any_route_is_asked() -> None:
    estate = read_estate(EXPORTS)
    refused = Answer.to(estate, Question.parse("35.235.240.9", "target-gce-01:22"))
    (opened,) = [one for one in refused.repairs if one.works]
    assert opened.after is not None
    last = opened.after.trace.reply[-1]
    assert last.node == f"{OTHER}/special-paths"


@pytest.mark.parametrize("address", SPECIAL)
def test_nobody_asks_them(address: str) -> None:
    trace = why("test-gce-01", f"{address}:80").situation.trace
    assert trace.verdict is Verdict.UNREACHABLE
    assert trace.drop is not None
    assert (trace.drop.cause, "nobody asks them" in trace.drop.detail) == ("NO_ROUTE", True)


def test_health_checks_find_nothing_but_subnets() -> None:
    trace = why("35.191.0.1", "my-pod:80").situation.trace  # route-based: a Pod is in no subnet
    assert trace.verdict is Verdict.UNREACHABLE
    assert trace.drop is not None
    assert trace.drop.cause == "NO_ROUTE"


@pytest.mark.parametrize("address", ["35.199.192.1", "35.235.240.9"])
def test_whether_others_get_further_is_not_known(address: str) -> None:
    trace = why(address, "my-pod:53").situation.trace
    assert trace.verdict is Verdict.UNDETERMINED
    assert "from which region" in trace.missing[0].fact


def test_what_is_in_no_exported_network_they_do_not_ask() -> None:
    with pytest.raises(
        EndpointError, match=r"35\.191\.0\.1 is one of the addresses from which Google's"
    ):
        why("35.191.0.1", "10.99.0.1:80")
