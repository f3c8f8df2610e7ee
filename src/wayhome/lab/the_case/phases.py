"""What is seen in the case's network: as the account found it, with the mistake that it warns of, and repaired.

The expectations are the account's (rows A to D), with the two rows that show what a repair by masquerading does and
does not do: Pods still see each other's own addresses, and nobody outside can open a connection to a Pod. The addresses
too are the account's, and not read from the exports that the network is built from.
"""

from ipaddress import IPv4Address

from wayhome.lab.case import Expected, Phase, Row
from wayhome.lab.the_case.files import CONFIGURATION
from wayhome.probe.observation import Leg

NODE_01, NODE_02 = "gke-node-01", "gke-node-02"
MY_POD, OTHER_POD = "my-pod", "other-pod"
TEST, TARGET = "test-gce-01", "target-gce-01"

ADDRESSES = {
    NODE_01: IPv4Address("10.1.0.2"),
    NODE_02: IPv4Address("10.1.0.3"),
    TEST: IPv4Address("10.1.0.4"),
    TARGET: IPv4Address("10.2.0.1"),
    OTHER_POD: IPv4Address("172.16.1.2"),
    MY_POD: IPv4Address("172.16.2.2"),
}
# The target's VPC has no route to the Pods. What it does have is the default route that every VPC begins with, and that
# leads private addresses nowhere.
TO_THE_INTERNET = "projects/destination-project/global/networks/target-network/internet-gateway"
NOT_THERE = "PRIVATE_TRAFFIC_TO_INTERNET"


def _row(source: str, destination: str) -> Row:
    return Row(source, destination, ADDRESSES[destination])


A = _row(MY_POD, TARGET)
B = _row(MY_POD, TEST)
C = _row(TEST, TARGET)
D = _row(NODE_02, TARGET)
POD_TO_POD = _row(MY_POD, OTHER_POD)
REVERSE = _row(TARGET, MY_POD)


def _reached(seen_as: str) -> Expected:
    return Expected(reached=True, source_seen=ADDRESSES[seen_as])


# What the case saw: only A fails, and it fails on the way home. The reverse cannot even begin.
BEFORE = {
    A: Expected(
        reached=False,
        source_seen=ADDRESSES[MY_POD],
        leg=Leg.REPLY,
        place=TO_THE_INTERNET,
        cause=NOT_THERE,
    ),
    B: _reached(MY_POD),
    C: _reached(TEST),
    D: _reached(NODE_02),
    POD_TO_POD: _reached(MY_POD),
    REVERSE: Expected(
        reached=False, source_seen=None, leg=Leg.REQUEST, place=TO_THE_INTERNET, cause=NOT_THERE
    ),
}

# And what the account's list makes of it: one direction is open.
MASQUERADED = {**BEFORE, A: _reached(NODE_02)}

PHASES = (
    Phase(
        name="before",
        title="the agents hold upstream's defaults; there is no ConfigMap",
        configmap=None,
        expected=BEFORE,
        explanation=(
            f"{TARGET} sees {MY_POD}'s own address, to which target-network has no route but its default one to the internet."
        ),
    ),
    Phase(
        name="wrong-key",
        title="the case's configuration in the ConfigMap, under the key masq.yaml",
        configmap={"masq.yaml": CONFIGURATION},
        expected=BEFORE,
        show_agent="no configuration",
        explanation=(
            "kubelet shows the agents the key config and no other: nothing changes on the nodes, and no agent is told."
        ),
    ),
    Phase(
        name="masquerade",
        title="the same configuration under the key config",
        configmap={"config": CONFIGURATION},
        expected=MASQUERADED,
        takes_effect=A,
        comparison=(
            "the account waited about a minute; upstream's agent took 38, 44, 54, 58 and 109 s on a real kubelet. "
            "Both include kubelet's own delay before it writes the file"
        ),
        explanation=(
            f"{TARGET} still cannot reach {MY_POD}, as expected: masquerading opens one direction only."
        ),
    ),
)
