"""The account's own questions, answered from the case's exports: each of its four rows, and the way back."""

from pathlib import Path

import pytest

from wayhome.clouds.read import read_estate
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.situation import Situation
from wayhome.network import Protocol, Verdict
from wayhome.trace import Lost

EXPORTS = Path(__file__).parents[2] / "examples" / "the-case" / "exports"
TARGET, TEST = "10.2.0.1", "test-gce-01"


def asked(source: str, destination: str, protocol: Protocol) -> Situation:
    port = "" if protocol is Protocol.ICMP else ":80"
    return Situation.of(
        read_estate(EXPORTS), Question.parse(source, f"{destination}{port}", protocol)
    )


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.ICMP])
def test_the_reply_to_the_pod_is_lost(protocol: Protocol) -> None:
    situation = asked("my-pod", TARGET, protocol)
    assert situation.trace.verdict is Verdict.UNREACHABLE
    assert situation.trace.lost is Lost.REPLY
    assert situation.trace.drop is not None
    assert situation.trace.drop.cause == "PRIVATE_TRAFFIC_TO_INTERNET"
    kinds = [step.kind for hop in situation.trace.forward for step in hop.steps]
    assert "SKIP_GKE_POD_IP_MASQUERADING" in kinds
    assert situation.reverse is not None
    assert situation.reverse.verdict is Verdict.UNREACHABLE
    assert situation.reverse.lost is Lost.FORWARD


@pytest.mark.parametrize(
    ("source", "destination"),
    [("my-pod", TEST), (TEST, TARGET), ("gke-node-02", TARGET), ("default/my-pod", TEST)],
)
@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.ICMP])
def test_every_leg_works_alone(source: str, destination: str, protocol: Protocol) -> None:
    assert asked(source, destination, protocol).works
