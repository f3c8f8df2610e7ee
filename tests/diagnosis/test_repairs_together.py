"""Repairs that need another one, firewalls alone, and configurations that have no effect."""

import pytest
from tests.diagnosis.variants import (
    LIST,
    asked,
    repairs,
    the_case,
    with_config_map,
    with_narrow_firewall,
)

from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule, ProtocolAndPorts
from wayhome.clouds.values import Cidr, NetworkReference
from wayhome.diagnosis.cause import Cause
from wayhome.diagnosis.gcloud import made


def test_a_second_failure_behind_the_first_is_found_and_repaired_with_it() -> None:
    """The destination's rules hold the nodes' range: exchanged routes alone would not be enough."""
    answer = asked(with_narrow_firewall(the_case(), "10.1.0.0/16"))
    assert answer.found is not None
    assert answer.found.cause is Cause.DESTINATION_FIREWALL
    found = repairs(answer)
    assert found["masquerade"].works
    assert found["masquerade"].proposal.with_ == ()
    exchanged = found["exchange-routes"]
    assert exchanged.works
    assert exchanged.proposal.with_ == ("open-firewall",)
    assert len(exchanged.proposal.commands) == 3
    assert "gcloud compute firewall-rules create" in exchanged.proposal.commands[2]
    assert "delete" in exchanged.proposal.undo[0]
    # The firewall alone lets the packet in, and the reply is still lost.
    assert not found["open-firewall"].works


def test_masquerading_where_the_firewall_knows_only_pods_needs_the_firewall_too() -> None:
    answer = asked(with_narrow_firewall(the_case(), "172.16.0.0/16"))
    masquerade = repairs(answer)["masquerade"]
    assert masquerade.works
    assert masquerade.proposal.with_ == ("open-firewall",)
    (_, rule) = masquerade.proposal.changes.created
    assert isinstance(rule.value, FirewallRule)
    assert rule.value.source_ranges == ("10.1.0.0/16",)


def test_the_opened_rule_is_no_wider_than_what_was_asked() -> None:
    answer = asked(with_narrow_firewall(the_case(), "10.9.0.0/16"), "test-gce-01")
    opened = repairs(answer)["open-firewall"]
    assert opened.works
    (rule,) = opened.proposal.changes.created
    assert isinstance(rule.value, FirewallRule)
    (allowed,) = rule.value.allowed
    assert (allowed.ip_protocol, allowed.ports) == ("tcp", ("80",))
    assert rule.value.source_ranges == ("10.1.0.0/16",)


@pytest.mark.parametrize(
    ("key", "namespace", "problem"),
    [
        ("masq.yaml", "kube-system", "has the key masq.yaml and not config"),
        ("config", "default", "no agent reads the ConfigMap default/ip-masq-agent"),
    ],
)
def test_a_configuration_that_is_not_live_is_the_cause_and_is_put_in_its_place(
    key: str, namespace: str, problem: str
) -> None:
    answer = asked(with_config_map(the_case(), key, LIST, namespace))
    assert answer.found is not None
    assert answer.found.cause is Cause.CONFIGURATION_NOT_LIVE
    assert problem in answer.found.because
    fixed = repairs(answer)["fix-configuration"]
    assert fixed.works
    (command,) = fixed.proposal.commands
    assert "--from-file=config=/dev/stdin" in command


def test_a_live_configuration_is_no_cause() -> None:
    answer = asked(with_config_map(the_case(), "config", LIST))
    assert answer.found is None
    assert answer.situation.works
    assert answer.repairs == ()


def test_what_the_source_does_not_let_out_is_let_out_to_that_destination_alone() -> None:
    estate = the_case()
    network = NetworkReference("projects/source-project/global/networks/my-network")
    denied = FirewallRule(
        name="deny-out",
        network=network,
        direction="EGRESS",
        priority=900,
        denied=(ProtocolAndPorts(ip_protocol="all"),),
        destination_ranges=(Cidr("10.2.0.0/16"),),
    )
    name = "projects/source-project/global/firewalls/deny-out"
    answer = asked(estate.with_changes(created=[made(name, denied)]), "test-gce-01")
    opened = repairs(answer)["open-firewall"]
    assert opened.works
    (rule,) = opened.proposal.changes.created
    assert isinstance(rule.value, FirewallRule)
    assert (rule.value.direction, rule.value.priority) == ("EGRESS", 899)
    assert rule.value.destination_ranges == ("10.2.0.1/32",)
    assert "--direction=EGRESS" in opened.proposal.commands[0]
    assert "--destination-ranges=10.2.0.1/32" in opened.proposal.commands[0]
