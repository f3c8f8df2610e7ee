"""Five estates that are not the case: which repairs work in each, and which are not even proposed.

What a repair is good for follows from the estate: each kind works somewhere here and is not proposed elsewhere.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.diagnosis.generated import Generated, Plan, generate

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.subnetwork import SecondaryRange, Subnetwork
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.metadata import LabelSelector, Metadata
from wayhome.clouds.kubernetes.resources.network_policy import (
    IngressRule,
    NetworkPolicy,
    NetworkPolicySpec,
    PolicyPeer,
)
from wayhome.clouds.located import Located
from wayhome.clouds.values import Cidr
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.cause import Cause
from wayhome.diagnosis.gcloud import made
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.replay import Replay

PLANS = {
    "one peer": Plan(seed=1),
    "three peers, two clusters": Plan(seed=2, clusters=2, peers=3),
    "VPC-native": Plan(seed=3, native=True, lets_in_pods=False, peers=2),
    "VPN and Cloud Routers": Plan(seed=4, link="bgp", peers=2),
    "classic VPN": Plan(seed=5, link="classic", clusters=2),
}
EVERYWHERE = {"masquerade", "proxy-vm", "public-path"}
REBUILDS = {"vpc-native", "shared-vpc"}
WORKING = {
    "one peer": EVERYWHERE | REBUILDS | {"exchange-routes"},
    "three peers, two clusters": EVERYWHERE | REBUILDS | {"exchange-routes"},
    "VPC-native": EVERYWHERE | {"open-firewall"},
    "VPN and Cloud Routers": EVERYWHERE | REBUILDS | {"advertise-range"},
    "classic VPN": EVERYWHERE | {"shared-vpc", "add-route"},
}
CONTROLS = {
    "one peer": {"export-only", "import-only", "proxy-pod"},
    "three peers, two clusters": {"export-only", "import-only", "proxy-pod"},
    "VPC-native": {"proxy-pod"},
    "VPN and Cloud Routers": {"proxy-pod"},
    "classic VPN": {"proxy-pod"},
}

Make = Callable[[str], Generated]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda name: generate(tmp_path, PLANS[name])


def asked(one: Generated, estate: Estate | None = None, destination: str = "") -> Answer:
    where = f"{destination or one.there.address}:443"
    return Answer.to(estate or one.estate, Question.parse(one.pod, where))


def by_kind(answer: Answer) -> dict[str, Replay]:
    return {one.proposal.kind: one for one in answer.repairs}


@pytest.mark.parametrize("name", PLANS)
def test_what_works_and_what_does_not(make: Make, name: str) -> None:
    answer = asked(make(name))
    assert {one.proposal.kind for one in answer.repairs if one.works} == WORKING[name]
    assert {one.proposal.kind for one in answer.repairs if not one.works} == CONTROLS[name]
    assert answer.not_possible == ()


@pytest.mark.parametrize("name", PLANS)
def test_where_a_repair_was_made_nothing_is_left_to_repair(make: Make, name: str) -> None:
    one = make(name)
    for repair in asked(one).repairs:
        if repair.works:
            assert repair.after is not None
            again = Answer.to(repair.after.estate, repair.after.question)
            assert again.situation.works
            assert again.repairs == ()


@pytest.mark.parametrize("name", PLANS)
def test_every_repair_says_how_it_is_made_and_undone(make: Make, name: str) -> None:
    for repair in asked(make(name)).repairs:
        if repair.works:
            assert repair.proposal.commands
            assert repair.proposal.undo
            assert repair.reasons


def test_a_machine_that_is_answered_needs_no_repair(make: Make) -> None:
    one = make("one peer")
    question = Question.parse(one.home.machine, f"{one.there.address}:443")
    assert Answer.to(one.estate, question).repairs == ()


def changed_instance(estate: Estate, name: str, **fields: object) -> Estate:
    (instance,) = (
        one for full, one in estate.all(Instance).items() if full.rpartition("/")[2] == name
    )
    value = msgspec.structs.replace(instance.value, **fields)
    return estate.with_changes(changed=[Located(value, instance.evidence)])


@pytest.mark.parametrize("name", PLANS)
def test_a_machine_that_is_stopped_is_started_with_what_else_is_needed(
    make: Make, name: str
) -> None:
    one = make(name)
    estate = changed_instance(one.estate, one.there.machine, status="TERMINATED")
    answer = asked(one, estate)
    if name == "VPC-native":  # its firewall refuses the packet before anybody is asked
        assert answer.found is not None
        assert answer.found.cause is Cause.DESTINATION_FIREWALL
        assert by_kind(answer)["open-firewall"].proposal.with_ == ("start",)
        return
    assert answer.found is not None
    assert answer.found.cause is Cause.NOT_RUNNING
    found = by_kind(answer)
    start = found["start"].proposal.with_
    # Alone it is not enough: the reply is still lost.
    assert start == {"bgp": ("advertise-range",), "classic": ("add-route",)}.get(one.plan.link, ())
    assert found["start"].works is bool(start)
    assert found["masquerade"].proposal.with_ == ("start",)
    assert found["masquerade"].works


def test_forwarding_is_allowed_where_the_fabric_refuses_the_pods_address(make: Make) -> None:
    one = make("one peer")
    node = f"{one.home.name}-0-node-0"
    estate = changed_instance(one.estate, node, can_ip_forward=False)
    answer = asked(one, estate, one.home.address)
    assert answer.found is not None
    assert answer.found.cause is Cause.SOURCE_NOT_ALLOWED
    found = by_kind(answer)
    assert found["allow-forwarding"].works
    assert "allow-forwarding" not in by_kind(asked(one))


def policy(one: Generated, namespace: str, spec: NetworkPolicySpec) -> Estate:
    value = NetworkPolicy(metadata=Metadata(name="closed", namespace=namespace), spec=spec)
    name = f"{one.cluster}/k8s/namespaces/{namespace}/networkpolicies/closed"
    return one.estate.with_changes(created=[made(name, value)])


@pytest.mark.parametrize("direction", ["Egress", "Ingress"])
def test_a_policy_more_lets_the_flow_pass(make: Make, direction: str) -> None:
    one = make("VPC-native")
    who = "client" if direction == "Egress" else "server"
    selector = LabelSelector(match_labels={"app": who})
    estate = policy(
        one, "team-0", NetworkPolicySpec(pod_selector=selector, policy_types=(direction,))
    )
    answer = Answer.to(estate, Question.parse("client", "server:443"))
    assert answer.found is not None
    assert answer.found.cause is Cause.NETWORK_POLICY
    repair = by_kind(answer)["allow-by-policy"]
    assert repair.works
    assert "allow-by-policy" not in by_kind(asked(one))


def test_a_list_that_forgot_the_pods_is_told_of_them(make: Make) -> None:
    """The destination's policy knows the client by its labels, and sees its node instead."""
    one = make("one peer")
    client = PolicyPeer(pod_selector=LabelSelector(match_labels={"app": "client"}))
    spec = NetworkPolicySpec(
        pod_selector=LabelSelector(match_labels={"app": "server"}),
        policy_types=("Ingress",),
        ingress=(IngressRule(from_=(client,)),),
    )
    estate = policy(one, "team-0", spec)
    listed = ConfigMap(
        metadata=Metadata(name="ip-masq-agent", namespace="kube-system"),
        data={"config": "nonMasqueradeCIDRs:\n  - 10.0.0.0/8\n"},
    )
    name = f"{one.cluster}/k8s/namespaces/kube-system/configmaps/ip-masq-agent"
    answer = Answer.to(
        estate.with_changes(created=[made(name, listed)]), Question.parse("client", "server:443")
    )
    assert answer.found is not None
    assert answer.found.cause is Cause.POD_RANGE_NOT_LISTED
    repair = by_kind(answer)["fix-configuration"]
    assert repair.works
    assert str(one.pods) in repair.proposal.commands[0]
    # It stands before what would work around it.
    assert answer.repairs[0] == repair


def with_subnet_there(one: Generated, cidr: str) -> Estate:
    subnet = one.estate.all(Subnetwork)[one.there.subnet_name]
    secondary = SecondaryRange(range_name="taken", ip_cidr_range=Cidr(cidr))
    value = msgspec.structs.replace(subnet.value, secondary_ip_ranges=(secondary,))
    return one.estate.with_changes(changed=[Located(value, subnet.evidence)])


def test_what_overlaps_there_is_refused_by_the_cloud(make: Make) -> None:
    one = make("three peers, two clusters")
    repair = by_kind(asked(one, with_subnet_there(one, str(one.pods))))
    assert repair["exchange-routes"].proposal.refused
    assert not repair["exchange-routes"].works
    assert repair["masquerade"].works


def test_a_new_range_keeps_clear_of_everything_exported(make: Make) -> None:
    """Of a private range where only the last piece is left, that piece is taken; where none is, nothing is proposed."""
    one = make("one peer")
    before = by_kind(asked(one))["vpc-native"]
    (subnet,) = (c for c in before.proposal.changes.changed if isinstance(c.value, Subnetwork))
    assert isinstance(subnet.value, Subnetwork)
    taken = subnet.value.secondary_ip_ranges[0].ip_cidr_range
    estate = with_subnet_there(one, str(taken))
    after = by_kind(asked(one, estate))["vpc-native"]
    assert after.works
    assert f"=pods={taken}" not in "".join(after.proposal.commands)
    assert str(taken) not in "".join(after.proposal.commands)


def test_what_breaks_is_said_and_counts(make: Make) -> None:
    answer = asked(make("one peer"))
    broken = {one.proposal.kind: one.side_effects.broken for one in answer.repairs}
    assert broken["masquerade"] == ()
    assert any("client to" in words for words in broken["vpc-native"])
    kinds = [one.proposal.kind for one in answer.repairs if one.works]
    assert kinds == [
        "masquerade",
        "exchange-routes",
        "proxy-vm",
        "public-path",
        "vpc-native",
        "shared-vpc",
    ]


def test_an_exchange_opens_what_was_closed(make: Make) -> None:
    answer = asked(make("three peers, two clusters"))
    found = by_kind(answer)
    assert found["masquerade"].side_effects.opened == ()
    assert "classes of Pods and instances" in found["masquerade"].side_effects.compared


@pytest.mark.parametrize("name", ["one peer", "three peers, two clusters", "VPC-native"])
def test_networks_that_are_no_peers_are_peered(make: Make, name: str) -> None:
    one = make(name)
    alone = [
        Located(msgspec.structs.replace(network.value, peerings=()), network.evidence)
        for network in one.estate.all(Network).values()
    ]
    answer = asked(one, one.estate.with_changes(changed=alone))
    found = by_kind(answer)
    assert answer.found is not None
    assert answer.found.cause is Cause.NO_FORWARD_ROUTE
    assert found["peer-networks"].works
    assert found["peer-networks"].proposal.refused == ()
    assert not found["peer-one-side"].works
