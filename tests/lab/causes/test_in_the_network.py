"""Causes that lie between the machines: what the kernel shows of each, and that it is gone with the cause.

What is seen stands here as it is known of the scenario, and is not taken from the tracer.
"""

from dataclasses import dataclass, replace

import pytest
from tests.lab.causes.scenario import NODE_02, SOURCE_PROJECT, TARGET, Make, ask

from wayhome.diagnosis.cause import Cause
from wayhome.lab.compiled import Asked
from wayhome.network import Address
from wayhome.trace import Lost

pytestmark = pytest.mark.kernel

MY_NETWORK = f"{SOURCE_PROJECT}/global/networks/my-network"
TARGET_NETWORK = "projects/destination-project/global/networks/target-network"
NODE_01 = f"{SOURCE_PROJECT}/zones/asia-northeast1-a/instances/gke-node-01"


@dataclass(frozen=True)
class Symptom:
    """A cause, the case that has it, one that lacks it and all else that is against it, and where the packet dies."""

    cause: Cause
    case: str
    without: str
    lost: Lost
    died_at: str
    drop: str
    arrived_at: str | None = None


SYMPTOMS = [
    Symptom(
        Cause.NO_RETURN_ROUTE, "the-case", "repaired-by-exchange",
        Lost.REPLY, f"{TARGET_NETWORK}/internet-gateway", "PRIVATE_TRAFFIC_TO_INTERNET", TARGET,
    ),
    Symptom(
        Cause.DESTINATION_FIREWALL, "firewall-behind-the-route", "repaired-by-exchange",
        Lost.FORWARD, TARGET_NETWORK, "FIREWALL_RULE",
    ),
    Symptom(
        Cause.SOURCE_NOT_ALLOWED, "no-forwarding", "repaired-by-exchange",
        Lost.FORWARD, MY_NETWORK, "FOREIGN_IP_DISALLOWED",
    ),
    Symptom(
        Cause.SOURCE_NOT_ALLOWED, "vpn-selectors", "vpn-advertised",
        Lost.FORWARD, f"{SOURCE_PROJECT}/regions/asia-northeast1/vpnTunnels/to-site",
        "VPN_TUNNEL_LOCAL_SELECTOR_MISMATCH",
    ),
    Symptom(
        Cause.NO_FORWARD_ROUTE, "no-peering", "repaired-by-exchange",
        Lost.FORWARD, f"{MY_NETWORK}/internet-gateway", "PRIVATE_TRAFFIC_TO_INTERNET",
    ),
    Symptom(
        Cause.TRANSITIVE_PEERING, "transitive", "repaired-by-exchange",
        Lost.FORWARD, f"{MY_NETWORK}/internet-gateway", "PRIVATE_TRAFFIC_TO_INTERNET",
    ),
    Symptom(
        Cause.ON_NODE_OVERLAP, "on-node-overlap", "repaired-by-exchange",
        Lost.FORWARD, NODE_02, "UNKNOWN_INTERNAL_ADDRESS",
    ),
    Symptom(
        Cause.CONFIGURATION_NOT_LIVE, "no-agent", "repaired-by-list",
        Lost.REPLY, f"{TARGET_NETWORK}/internet-gateway", "PRIVATE_TRAFFIC_TO_INTERNET", TARGET,
    ),
    Symptom(
        Cause.CONFIGURATION_NOT_LIVE, "node-holds-the-old-list", "node-holds-the-list",
        Lost.REPLY, f"{TARGET_NETWORK}/internet-gateway", "PRIVATE_TRAFFIC_TO_INTERNET", TARGET,
    ),
    Symptom(
        Cause.WRONG_INTERFACE, "wrong-interface", "right-interface",
        Lost.FORWARD, f"{SOURCE_PROJECT}/global/networks/second", "NO_ROUTE",
    ),
    Symptom(
        Cause.NETWORK_POLICY, "policy-ingress", "policy-unenforced",
        Lost.FORWARD, NODE_01, "GKE_NETWORK_POLICY",
    ),
    Symptom(
        Cause.NETWORK_POLICY, "policy-egress", "repaired-by-exchange",
        Lost.FORWARD, NODE_02, "GKE_NETWORK_POLICY",
    ),
    Symptom(
        Cause.NOT_RUNNING, "target-stopped", "repaired-by-exchange",
        Lost.FORWARD, TARGET, "INSTANCE_NOT_RUNNING",
    ),
    Symptom(
        Cause.NOT_RUNNING, "service-empty", "service",
        Lost.FORWARD, NODE_02, "DROPPED_INSIDE_GKE_SERVICE",
    ),
]  # fmt: skip


@pytest.mark.parametrize("symptom", SYMPTOMS, ids=lambda one: one.case)
def test_the_packet_is_seen_to_die(symptom: Symptom, scenario: Make) -> None:
    found = scenario(symptom.case)
    assert found.cause is symptom.cause
    with found.lab() as lab:
        seen = ask(lab, found.asked)
    assert not seen.reached
    assert (seen.lost, seen.died_at, seen.cause) == (symptom.lost, symptom.died_at, symptom.drop)
    assert seen.delivered_to == symptom.arrived_at


@pytest.mark.parametrize("case", sorted({one.without for one in SYMPTOMS}))
def test_without_the_cause_it_comes_home(case: str, scenario: Make) -> None:
    found = scenario(case)
    assert found.cause is None
    with found.lab() as lab:
        assert ask(lab, found.asked).reached


def test_a_firewall_tells_the_pod_from_its_node(scenario: Make) -> None:
    """The account's row d: where the node gets through and its Pod does not, it is the source that decides."""
    found, node = scenario("firewall-behind-the-route"), Address.parse("10.1.0.3")
    with found.lab() as lab:
        (seen,) = lab.ask([Asked(replace(found.asked.flow, source=node), NODE_02)])
    assert (seen.reached, seen.source_seen) == (True, node)
