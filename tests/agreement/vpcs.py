"""VPC networks as they are exported: subnetworks that may overlap, instances, peerings with every flag, routes, rules."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

from hypothesis import strategies as st
from tests.agreement.exports import Exports, layers
from tests.clouds.read.directory import COMPUTE

REGIONS = ("europe-west4", "us-east1")
SUBNETS = ("10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24", "10.1.0.0/25", "44.7.0.0/28")
"""Of different networks, two may be the same or overlap; the last one is public, and used as if it were private."""
TAGS = ("web", "db")
WIDE = ("0.0.0.0/0", "10.0.0.0/8", "172.16.0.0/12", "10.1.0.0/24", "10.2.0.0/24", "10.1.0.2/32", "172.16.1.0/24", "192.168.7.0/24")  # fmt: skip
LAYERS = (("all",), ("tcp",), ("tcp:80",), ("icmp",), ("udp", "tcp:1-1023"))


@dataclass(slots=True)
class Vpc:
    """One network and what is drawn for it so far. `machines` are instances by name, with an address."""

    project: str
    name: str
    region: str
    subnet: IPv4Network
    machines: dict[str, str] = field(default_factory=dict)
    used: int = 2

    @property
    def full(self) -> str:
        return f"projects/{self.project}/global/networks/{self.name}"

    @property
    def link(self) -> str:
        return f"{COMPUTE}{self.full}"

    @property
    def place(self) -> str:
        return f"projects/{self.project}/regions/{self.region}"

    def instance(self, name: str) -> str:
        """The full name of an instance."""
        return f"projects/{self.project}/zones/{self.region}-a/instances/{name}"

    def next_address(self) -> str:
        self.used += 1
        return str(self.subnet[self.used - 1])


@st.composite
def vpcs(draw: st.DrawFn, exports: Exports) -> list[Vpc]:
    """One to three networks, each with a subnetwork, instances, routes and rules, and the peerings between them."""
    found = [draw(_vpc(exports, f"vpc-{number}")) for number in range(draw(st.integers(1, 3)))]
    pairs = [(a, b) for i, a in enumerate(found) for b in found[i + 1 :]]
    sides: dict[str, list[dict[str, Any]]] = {vpc.name: [] for vpc in found}
    for one, other in pairs:
        both = draw(st.sampled_from((True, True, True, False)))
        if draw(st.sampled_from((True, True, True, False))):
            sides[one.name].append(draw(_peering(other, active=both)))
            if both:
                sides[other.name].append(draw(_peering(one, active=True)))
    for vpc in found:
        exports.add(
            "networks", vpc.full, autoCreateSubnetworks=False, peerings=sides[vpc.name],
            routingConfig={"routingMode": draw(st.sampled_from(("GLOBAL", "REGIONAL")))},
        )  # fmt: skip
    return found


@st.composite
def _vpc(draw: st.DrawFn, exports: Exports, name: str) -> Vpc:
    cidr = draw(st.sampled_from(SUBNETS))
    vpc = Vpc(f"p-{name}", name, draw(st.sampled_from(REGIONS)), IPv4Network(cidr))
    exports.project(vpc.project)
    for number in range(draw(st.integers(1, 2))):
        draw(instance(exports, vpc, f"vm-{name}-{number}"))
    return vpc


@st.composite
def instance(draw: st.DrawFn, /, exports: Exports, vpc: Vpc, name: str, **more: Any) -> str:
    """A machine with an address of the subnetwork. Returns its full name."""
    address = vpc.next_address()
    nic = {
        "name": "nic0", "network": vpc.link, "networkIP": address,
        "subnetwork": f"{COMPUTE}{vpc.place}/subnetworks/{vpc.name}",
    }  # fmt: skip
    nic |= more.pop("nic", {})
    fields = {
        "status": draw(st.sampled_from(("RUNNING",) * 15 + ("TERMINATED",))),
        "canIpForward": draw(st.booleans()),
        "tags": {"items": sorted(draw(st.sets(st.sampled_from(TAGS))))},
        "networkInterfaces": [nic],
    }
    vpc.machines[name] = address
    exports.add("instances", vpc.instance(name), **(fields | more))
    return vpc.instance(name)


def subnetwork(exports: Exports, vpc: Vpc, secondary: list[str]) -> None:
    """The subnetwork, when it is known which Pod ranges it has."""
    exports.add(
        "subnets", f"{vpc.place}/subnetworks/{vpc.name}", network=vpc.link, ipCidrRange=str(vpc.subnet),
        secondaryIpRanges=[{"rangeName": f"pods-{n}", "ipCidrRange": cidr} for n, cidr in enumerate(secondary)],
    )  # fmt: skip


@st.composite
def _peering(draw: st.DrawFn, to: Vpc, *, active: bool) -> dict[str, Any]:
    flags = (
        "exportCustomRoutes", "importCustomRoutes", "exportSubnetRoutesWithPublicIp",
        "importSubnetRoutesWithPublicIp",
    )  # fmt: skip
    return {
        "name": f"to-{to.name}", "network": to.link, "state": "ACTIVE" if active else "INACTIVE",
        "exchangeSubnetRoutes": True,
    } | {flag: draw(st.booleans()) for flag in flags}  # fmt: skip


@st.composite
def routes(draw: st.DrawFn, exports: Exports, vpc: Vpc) -> None:
    """Static routes, of which some are equal, some have tags, and some lead back."""
    machines = sorted(vpc.machines)
    gateway = f"{COMPUTE}projects/{vpc.project}/global/gateways/default-internet-gateway"
    hops = st.one_of(
        st.sampled_from(machines).map(lambda m: {"nextHopInstance": f"{COMPUTE}{vpc.instance(m)}"}),
        st.sampled_from(machines).map(lambda m: {"nextHopIp": vpc.machines[m]}),
        st.just({"nextHopGateway": gateway}),
    )
    if draw(st.booleans()):
        exports.add(
            "routes", f"projects/{vpc.project}/global/routes/{vpc.name}-default", network=vpc.link,
            destRange="0.0.0.0/0", priority=1000, tags=[], nextHopGateway=gateway,
        )  # fmt: skip
    for number in range(draw(st.integers(0, 2))):
        exports.add(
            "routes", f"projects/{vpc.project}/global/routes/{vpc.name}-{number}", network=vpc.link,
            destRange=draw(st.sampled_from(WIDE)), priority=draw(st.sampled_from((100, 1000))),
            tags=draw(st.sampled_from(([], [], [], ["web"]))), **draw(hops),
        )  # fmt: skip


@st.composite
def firewalls(draw: st.DrawFn, exports: Exports, vpc: Vpc) -> None:
    """Mostly one rule that lets all in, and others before and behind it."""
    name = f"projects/{vpc.project}/global/firewalls/{vpc.name}"
    if draw(st.sampled_from((True, True, True, False))):
        exports.add(
            "firewall-rules", f"{name}-open", network=vpc.link, direction="INGRESS", priority=5000,
            allowed=list(layers("all")), sourceRanges=["0.0.0.0/0"], disabled=False,
        )  # fmt: skip
    for number in range(draw(st.integers(0, 3))):
        direction = draw(st.sampled_from(("INGRESS", "INGRESS", "EGRESS")))
        ranges = draw(st.lists(st.sampled_from(WIDE), min_size=1, max_size=2, unique=True))
        side: dict[str, Any] = {"destinationRanges": ranges}
        if direction == "INGRESS":
            by_tag = draw(st.sampled_from((False, False, True)))
            side = (
                {"sourceTags": [draw(st.sampled_from(TAGS))]}
                if by_tag
                else {"sourceRanges": ranges}
            )
        tags = draw(st.sampled_from(([], [], ["web"], ["db"])))
        exports.add(
            "firewall-rules", f"{name}-{number}", network=vpc.link, direction=direction,
            priority=draw(st.sampled_from((100, 1000, 1000, 65000))),
            disabled=draw(st.sampled_from((False, False, False, True))), **side,
            **{draw(st.sampled_from(("allowed", "denied"))): list(layers(*draw(st.sampled_from(LAYERS))))},
            **({"targetTags": tags} if tags else {}),
        )  # fmt: skip
