"""What is seen of the case over a VPN, before its Cloud Router advertises the Pods' range, after, and when it withdraws it.

The expectations are the account's supposition: the reply is lost because the destination never hears of the Pods. The
addresses too are given here, and not read from the exports that the network is built from.
"""

from ipaddress import IPv4Address

from wayhome.lab.case import Expected, Phase, Row
from wayhome.probe.observation import Leg

KIND = "advertise-range"

MY_POD, NODE_02, TARGET, OFFICE = "my-pod", "gke-node-02", "target-gce-01", "office"
ADDRESSES = {
    MY_POD: IPv4Address("172.16.2.2"),
    NODE_02: IPv4Address("10.1.0.3"),
    TARGET: IPv4Address("10.2.0.1"),
    OFFICE: IPv4Address("192.168.10.7"),
}
# What target-network has for an address that nobody told it of: the default route that every VPC begins with.
TO_THE_INTERNET = "projects/destination-project/global/networks/target-network/internet-gateway"
NOT_THERE = "PRIVATE_TRAFFIC_TO_INTERNET"
# The office has nothing at all.
THE_OFFICE = "projects/source-project/global/externalVpnGateways/office"
NO_ROUTE = "NO_ROUTE"


def _row(source: str, destination: str) -> Row:
    return Row(source, destination, ADDRESSES[destination])


TO_TARGET, TO_OFFICE = _row(MY_POD, TARGET), _row(MY_POD, OFFICE)
NODE_TO_TARGET, NODE_TO_OFFICE = _row(NODE_02, TARGET), _row(NODE_02, OFFICE)
FROM_TARGET, FROM_OFFICE = _row(TARGET, MY_POD), _row(OFFICE, MY_POD)


def _reached(seen_as: str) -> Expected:
    return Expected(reached=True, source_seen=ADDRESSES[seen_as])


def _lost(leg: Leg, place: str, cause: str) -> Expected:
    arrived = ADDRESSES[MY_POD] if leg is Leg.REPLY else None
    return Expected(reached=False, source_seen=arrived, leg=leg, place=place, cause=cause)


_SUBNETS_ONLY = {
    TO_TARGET: _lost(Leg.REPLY, TO_THE_INTERNET, NOT_THERE),
    TO_OFFICE: _lost(Leg.REPLY, THE_OFFICE, NO_ROUTE),
    NODE_TO_TARGET: _reached(NODE_02),
    NODE_TO_OFFICE: _reached(NODE_02),
    FROM_TARGET: _lost(Leg.REQUEST, TO_THE_INTERNET, NOT_THERE),
    FROM_OFFICE: _lost(Leg.REQUEST, THE_OFFICE, NO_ROUTE),
}
_PODS_TOO = {
    **_SUBNETS_ONLY,
    TO_TARGET: _reached(MY_POD),
    TO_OFFICE: _reached(MY_POD),
    FROM_TARGET: _reached(TARGET),
    FROM_OFFICE: _reached(OFFICE),
}

SUBNETS_ONLY = Phase(
    name="subnets-only",
    title="a VPN in place of the peering; its Cloud Routers advertise what they do by default, subnets",
    configmap=None,
    expected=_SUBNETS_ONLY,
    explanation=(
        f"{TARGET} and {OFFICE} answer, and nobody told them where the Pod is: here the account's supposition is right. "
        "The node's address is in a subnet, and comes home."
    ),
)
PODS_TOO = Phase(
    name=KIND,
    title="the Cloud Router advertises the Pods' range too",
    configmap=None,
    expected=_PODS_TOO,
    takes_effect=TO_TARGET,
    change="birdc configure",
    comparison="BIRD announced it to both others, and their kernels have the route",
    explanation="Both see the Pod's own address, and the way is open from the other end too.",
)
WITHDRAWN = Phase(
    name="withdrawn",
    title="the Cloud Router withdraws it",
    configmap=None,
    expected=_SUBNETS_ONLY,
    explanation="The route is gone from both kernels, and as nothing else ever led to the Pods, all is as before.",
)
