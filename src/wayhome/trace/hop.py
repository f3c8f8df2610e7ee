"""What a trace consists of: hops, one for each node that a packet meets, each with the steps that were taken there.

The kinds of steps are the names of Google's Connectivity Tests wherever those have one, so that the two can be compared.
"""

from dataclasses import dataclass

from wayhome.network import Drop, Evidence, NodeKind

APPLY_ROUTE = "APPLY_ROUTE"
DELIVER = "DELIVER"
DROP = "DROP"
NAT = "NAT"
OPAQUE = "VIEWER_PERMISSION_MISSING"
PROXY_CONNECTION = "PROXY_CONNECTION"
SKIP_MASQUERADING = "SKIP_GKE_POD_IP_MASQUERADING"

START = {
    NodeKind.POD: "START_FROM_GKE_POD",
    NodeKind.INSTANCE: "START_FROM_INSTANCE",
    NodeKind.INTERNET: "START_FROM_INTERNET",
}
START_ELSEWHERE = "START_FROM_PRIVATE_NETWORK"
ARRIVE = {
    NodeKind.POD: "ARRIVE_AT_GKE_POD",
    NodeKind.INSTANCE: "ARRIVE_AT_INSTANCE",
    NodeKind.TUNNEL: "ARRIVE_AT_VPN_TUNNEL",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to the packet, and the object that decided it, where one did."""

    kind: str
    detail: str = ""
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """A node that the packet met; `entered` and `left` are the names of its ports, where it did either.

    `led_to` is the port to which its route led: `left`, but where the packet was dropped on its way out.
    """

    node: str
    steps: tuple[Step, ...]
    entered: str | None = None
    left: str | None = None
    led_to: str | None = None


def dropped(drop: Drop) -> Step:
    """The step that ends a packet."""
    detail = f"{drop.cause}: {drop.detail}" if drop.detail else drop.cause
    return Step(DROP, detail, drop.evidence)
