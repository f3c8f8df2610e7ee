"""What is to be tried of each repair: found by the diagnosis, of any estate, and of none by its name."""

from pathlib import Path

import pytest
from tests.diagnosis.variants import asked, repairs, the_case, with_narrow_firewall
from tests.golden.corpus import golden

from wayhome.clouds.read import read_estate
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.question import Question
from wayhome.lab.prediction import predict_ways
from wayhome.lab.repairs.demonstration import (
    AS_EXPORTED,
    Demonstration,
    NotShownError,
    demonstrations,
)
from wayhome.lab.the_case.repairs import CLAIMS, REPAIRS
from wayhome.network import Protocol as FlowProtocol
from wayhome.probe.observation import Protocol

EVERYTHING = tuple(Protocol)
KINDS = {
    "masquerade", "exchange-routes", "export-only", "import-only", "proxy-vm", "proxy-pod",
    "vpc-native", "shared-vpc", "public-path",
}  # fmt: skip


def of_the_case(*kinds: str) -> dict[str, Demonstration]:
    answer = Answer.to(the_case(), REPAIRS.question)
    return {one.kind: one for one in demonstrations(answer, EVERYTHING, kinds)}


def test_the_case_has_every_repair_that_the_account_names_and_itself() -> None:
    assert of_the_case().keys() == {AS_EXPORTED, *KINDS}
    assert CLAIMS.repairs.keys() == KINDS


def test_controls_are_those_that_the_account_saw_fail_or_that_do_half() -> None:
    controls = {kind for kind, one in of_the_case().items() if one.control}
    assert controls == {"export-only", "import-only", "proxy-pod"}


def test_one_kind_comes_with_the_network_as_exported() -> None:
    assert of_the_case("proxy-pod").keys() == {AS_EXPORTED, "proxy-pod"}


def test_what_opens_a_port_or_stands_between_is_tried_as_asked_and_the_rest_in_every_way() -> None:
    tried = {kind: one.asked.protocols for kind, one in of_the_case().items()}
    narrow = {kind for kind, protocols in tried.items() if protocols == (Protocol.HTTP,)}
    assert narrow == {"proxy-vm", "proxy-pod", "public-path", "vpc-native", "shared-vpc"}
    assert {tried[kind] for kind in tried.keys() - narrow} == {EVERYTHING}


def test_a_proxy_is_asked_instead_and_the_reverse_is_still_the_targets() -> None:
    shown = of_the_case("proxy-vm")["proxy-vm"]
    assert (shown.asked.row.source, shown.asked.row.destination) == ("my-pod", "target-gce-01")
    assert str(shown.asked.row.address) == "10.1.0.5"
    assert (shown.reverse.row.source, str(shown.reverse.row.address)) == (
        "target-gce-01",
        "172.16.2.2",
    )
    assert [proxy.host.rpartition("/")[2][-1] for proxy in shown.proxies] == ["1", "2"]
    (balancer,) = shown.balancers
    assert {one.node for one in balancer.backends} == {proxy.host for proxy in shown.proxies}


@pytest.mark.parametrize("kind", [AS_EXPORTED, *sorted(KINDS)])
def test_what_is_claimed_of_the_case_is_what_is_predicted(kind: str) -> None:
    """Two sources: the account with what the project says besides, and the tracer."""
    shown = of_the_case(kind)[kind]
    for ask, claimed in (
        (shown.asked, CLAIMS.of_asked(shown)),
        (shown.reverse, CLAIMS.of_reverse(shown)),
    ):
        for how in ask.protocols:
            assert set(predict_ways(shown.network, ask.flow(how), ask.at)) == set(claimed)


def test_another_estate_has_what_its_own_diagnosis_proposes() -> None:
    answer = asked(with_narrow_firewall(the_case(), "10.1.0.0/16"))
    shown = {one.kind: one for one in demonstrations(answer, ())}
    proposed = {one.proposal.kind for one in answer.repairs if one.after is not None}
    assert shown.keys() == {AS_EXPORTED, *proposed}
    assert repairs(answer)["exchange-routes"].proposal.with_ == ("open-firewall",)
    assert shown["exchange-routes"].asked.protocols == (Protocol.HTTP,)


def test_a_flow_that_works_has_nothing_but_itself() -> None:
    answer = asked(the_case(), source="test-gce-01")
    assert [one.kind for one in demonstrations(answer, ())] == [AS_EXPORTED]


def test_servers_are_where_flows_are_delivered_behind_translation(tmp_path: Path) -> None:
    estate = read_estate(golden("host-port", tmp_path))
    answer = Answer.to(estate, Question.parse("test-gce-01", "gke-node-01:9090"))
    (shown,) = demonstrations(answer, ())
    (there, port), (back, _) = shown.servers
    assert (there.rpartition("/")[2], port) != ("gke-node-01", 9090)
    assert back == shown.asked.at
    assert shown.reverse.at == there


def test_what_cannot_be_shown_is_said() -> None:
    udp = Question.parse("my-pod", "target-gce-01:53", FlowProtocol.UDP)
    with pytest.raises(NotShownError, match="by TCP or ICMP"):
        list(demonstrations(Answer.to(the_case(), udp), ()))
    with pytest.raises(NotShownError, match=r"nobody in the exports has the address 10\.2\.9\.9"):
        list(demonstrations(asked(the_case(), destination="10.2.9.9:80"), ()))
