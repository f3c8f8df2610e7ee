"""VPC networks as they are exported: subnetworks that may overlap, instances, peerings with every flag, routes, rules."""

from ipaddress import IPv4Network, IPv6Network
from typing import Any

from hypothesis import strategies as st
from tests.agreement.exports import Exports, Json, layers
from tests.agreement.instances import TAGS, instance
from tests.agreement.vpc import Vpc
from tests.agreement.wide import WIDE, WIDE6
from tests.clouds.read.directory import COMPUTE

REGIONS = ("europe-west4", "us-east1")
SUBNETS = ("10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24", "10.1.0.0/25", "44.7.0.0/28")
"""Of different networks, two may be the same or overlap; the last one is public, and used as if it were private."""
ORDERS = ("AFTER_CLASSIC_FIREWALL", "BEFORE_CLASSIC_FIREWALL")
LAYERS = (("all",), ("tcp",), ("tcp:80",), ("icmp",), ("udp", "tcp:1-1023"), ("58",))


@st.composite
def vpcs(draw: st.DrawFn, exports: Exports) -> list[Vpc]:
    """One to three networks, each with a subnetwork, instances, routes and rules, and the peerings between them."""
    found = [draw(_vpc(exports, number)) for number in range(draw(st.integers(1, 3)))]
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
            networkFirewallPolicyEnforcementOrder=draw(st.sampled_from(ORDERS)),
        )  # fmt: skip
    return found


@st.composite
def _vpc(draw: st.DrawFn, exports: Exports, number: int) -> Vpc:
    cidr = draw(st.sampled_from(SUBNETS))
    both = (IPv6Network(f"fd20:{number}::/64"), IPv6Network(f"2600:1900:{number}::/64"))
    ipv6 = draw(st.sampled_from((None, None, None, *both)))
    region = draw(st.sampled_from(REGIONS))
    vpc = Vpc(f"p-vpc-{number}", number, region, IPv4Network(cidr), ipv6=ipv6)
    exports.project(vpc.project)
    for machine in range(draw(st.integers(1, 2))):
        draw(instance(exports, vpc, f"vm-{vpc.name}-{machine}"))
    return vpc


def subnetwork(exports: Exports, vpc: Vpc, secondary: list[str], *, google_access: bool) -> None:
    """The subnetwork, when it is known which Pod ranges it has."""
    exports.add(
        "subnets", f"{vpc.place}/subnetworks/{vpc.name}", network=vpc.link, ipCidrRange=str(vpc.subnet),
        secondaryIpRanges=[{"rangeName": f"pods-{n}", "ipCidrRange": cidr} for n, cidr in enumerate(secondary)],
        privateIpGoogleAccess=google_access, **_second_family(vpc),
    )  # fmt: skip


def _second_family(vpc: Vpc) -> Json:
    if vpc.ipv6 is None:
        return {"stackType": "IPV4_ONLY"}
    said: Json = {"stackType": "IPV4_IPV6", "ipv6CidrRange": str(vpc.ipv6)}
    if vpc.ipv6.is_private:
        return said | {"ipv6AccessType": "INTERNAL", "internalIpv6Prefix": str(vpc.ipv6)}
    return said | {"ipv6AccessType": "EXTERNAL", "externalIpv6Prefix": str(vpc.ipv6)}


@st.composite
def _peering(draw: st.DrawFn, to: Vpc, *, active: bool) -> dict[str, Any]:
    flags = (
        "exportCustomRoutes", "importCustomRoutes", "exportSubnetRoutesWithPublicIp",
        "importSubnetRoutesWithPublicIp",
    )  # fmt: skip
    return {
        "name": f"to-{to.name}", "network": to.link, "state": "ACTIVE" if active else "INACTIVE",
        "exchangeSubnetRoutes": True, "stackType": draw(st.sampled_from(("IPV4_IPV6", "IPV4_IPV6", "IPV4_ONLY"))),
    } | {flag: draw(st.booleans()) for flag in flags}  # fmt: skip


@st.composite
def routes(draw: st.DrawFn, exports: Exports, vpc: Vpc) -> None:
    """Static routes, of which some are equal, some have tags, and some lead back."""
    machines = sorted(vpc.machines)
    gateway = f"{COMPUTE}projects/{vpc.project}/global/gateways/default-internet-gateway"
    balanced = [{"nextHopIlb": vpc.balancer}] if vpc.balancer else []
    hops = st.one_of(
        st.sampled_from(machines).map(lambda m: {"nextHopInstance": f"{COMPUTE}{m}"}),
        st.sampled_from(machines).map(lambda m: {"nextHopIp": vpc.machines[m]}),
        st.sampled_from([{"nextHopGateway": gateway}, *balanced, *balanced]),
    )
    if draw(st.sampled_from((True, True, False))):
        exports.add(
            "routes", f"projects/{vpc.project}/global/routes/{vpc.name}-default", network=vpc.link,
            destRange="0.0.0.0/0", priority=1000, tags=[], nextHopGateway=gateway,
        )  # fmt: skip
    if vpc.ipv6 and draw(st.booleans()):
        exports.add(
            "routes", f"projects/{vpc.project}/global/routes/{vpc.name}-default-6", network=vpc.link,
            destRange="::/0", priority=1000, tags=[], nextHopGateway=gateway,
        )  # fmt: skip
    for number in range(draw(st.integers(0, 2))):
        same = {
            "destRange": draw(st.sampled_from(WIDE)), "priority": draw(st.sampled_from((100, 1000))),
            "tags": draw(st.sampled_from(([], [], [], ["web"]))),
        }  # fmt: skip
        for equal in range(draw(st.sampled_from((1, 1, 2)))):
            exports.add(
                "routes", f"projects/{vpc.project}/global/routes/{vpc.name}-{number}-{equal}", network=vpc.link,
                **same, **draw(hops),
            )  # fmt: skip


@st.composite
def firewalls(draw: st.DrawFn, exports: Exports, vpc: Vpc) -> None:
    """Mostly one rule that lets all in, and others before and behind it."""
    name = f"projects/{vpc.project}/global/firewalls/{vpc.name}"
    if draw(st.sampled_from((True, True, True, False))):
        for all_of in ("0.0.0.0/0", "::/0"):
            exports.add(
                "firewall-rules", f"{name}-open{all_of[:1]}".replace(":", "6"), network=vpc.link, direction="INGRESS",
                priority=5000, allowed=list(layers("all")), sourceRanges=[all_of], disabled=False,
            )  # fmt: skip
    for number in range(draw(st.integers(0, 3))):
        direction = draw(st.sampled_from(("INGRESS", "INGRESS", "EGRESS")))
        wide = draw(st.sampled_from((WIDE, WIDE6) if vpc.ipv6 else (WIDE,)))
        ranges = draw(st.lists(st.sampled_from(wide), min_size=1, max_size=2, unique=True))
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
