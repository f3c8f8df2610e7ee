"""VPN tunnels: between two of the networks or to a site, with Cloud Routers or with routes by hand; one, or two that are equal."""

from hypothesis import strategies as st
from tests.agreement.exports import Exports, Json
from tests.agreement.vpc import Vpc
from tests.clouds.read.directory import COMPUTE

SITE = "192.168.7.0/24"
OUTSIDE = "198.51.100."
PAIRS = ((11, 12), (13, 14))
"""The addresses of the two ends of each tunnel."""


@st.composite
def vpn(draw: st.DrawFn, exports: Exports, networks: list[Vpc], pods: list[str]) -> None:
    """Tunnels with two ends, or none. `pods`: ranges that somebody may have announced besides subnetworks."""
    if not draw(st.booleans()):
        return
    here = draw(st.sampled_from(networks))
    others = [one for one in networks if one is not here]
    with_router = draw(st.booleans())
    to_a_site = draw(st.booleans()) or not others
    there = None if to_a_site else draw(st.sampled_from(others))
    learned = [str(there.subnet) if there else SITE]
    back = [str(here.subnet)]
    if with_router and pods and draw(st.booleans()):
        back.append(draw(st.sampled_from(pods)))
    pairs = PAIRS[: draw(st.integers(1, 2))]
    draw(_end(exports, here, pairs, learned, with_router=with_router))
    if there is not None:
        turned = tuple((far, own) for own, far in pairs)
        draw(_end(exports, there, turned, back, with_router=with_router))


@st.composite
def _end(
    draw: st.DrawFn, exports: Exports, vpc: Vpc, pairs: tuple[tuple[int, int], ...], learned: list[str], *, with_router: bool
) -> None:  # fmt: skip
    tunnels = [draw(_tunnel(far)) for _, far in pairs]
    if with_router:
        _by_router(draw(st.booleans()), exports, vpc, [own for own, _ in pairs], tunnels, learned)
        return
    for number, (own, _) in enumerate(pairs):
        gateway = exports.add(
            "target-vpn-gateways", f"{vpc.place}/targetVpnGateways/{vpc.name}-gw-{number}", network=vpc.link,
        )  # fmt: skip
        tunnel = exports.add(
            "vpn-tunnels", _name(vpc, number), targetVpnGateway=gateway, **tunnels[number]
        )
        exports.add(
            "forwarding-rules", f"{vpc.place}/forwardingRules/{vpc.name}-esp-{number}", IPAddress=f"{OUTSIDE}{own}",
            IPProtocol="ESP", target=gateway, loadBalancingScheme="EXTERNAL",
        )  # fmt: skip
        for at, cidr in enumerate(learned):
            exports.add(
                "routes", f"projects/{vpc.project}/global/routes/{vpc.name}-vpn-{number}-{at}", network=vpc.link,
                destRange=cidr, priority=1000, tags=[], nextHopVpnTunnel=tunnel,
            )  # fmt: skip


@st.composite
def _tunnel(draw: st.DrawFn, far: int) -> Json:
    selectors = (["0.0.0.0/0"], ["0.0.0.0/0"], ["10.0.0.0/8", "192.168.0.0/16"])
    return {
        "status": draw(st.sampled_from(("ESTABLISHED",) * 7 + ("NO_INCOMING_PACKETS",))),
        "peerIp": f"{OUTSIDE}{far}", "localTrafficSelector": draw(st.sampled_from(selectors)),
        "remoteTrafficSelector": ["0.0.0.0/0"],
    }  # fmt: skip


def _by_router(  # noqa: PLR0917 (what it is in, and what it is)
    pods: bool, exports: Exports, vpc: Vpc, own: list[int], tunnels: list[Json], learned: list[str]
) -> None:  # fmt: skip
    router = f"{vpc.place}/routers/{vpc.name}-router"
    gateway = exports.add(
        "vpn-gateways", f"{vpc.place}/vpnGateways/{vpc.name}-gw", network=vpc.link,
        vpnInterfaces=[{"id": number, "ipAddress": f"{OUTSIDE}{one}"} for number, one in enumerate(own)],
    )  # fmt: skip
    links = [
        exports.add(
            "vpn-tunnels", _name(vpc, number), router=f"{COMPUTE}{router}", vpnGateway=gateway,
            vpnGatewayInterface=number, **tunnel,
        )
        for number, tunnel in enumerate(tunnels)
    ]  # fmt: skip
    bgp: Json = {"asn": 65001}
    if pods:
        ranges = [{"range": "172.16.0.0/16"}]
        bgp |= {"advertiseMode": "CUSTOM", "advertisedGroups": ["ALL_SUBNETS"], "advertisedIpRanges": ranges}  # fmt: skip
    exports.add(
        "routers", router, network=vpc.link, bgp=bgp,
        interfaces=[{"name": f"if{number}", "linkedVpnTunnel": link} for number, link in enumerate(links)],
        bgpPeers=[{"name": f"peer{number}", "interfaceName": f"if{number}", "peerAsn": 65002} for number in range(len(links))],
    )  # fmt: skip
    best = [
        {"network": vpc.link, "destRange": cidr, "priority": 100, "nextHopVpnTunnel": link}
        for cidr in learned for link in links
    ]  # fmt: skip
    peers = [
        {"name": f"peer{number}", "status": "UP", "linkedVpnTunnel": link} for number, link in enumerate(links)
    ]  # fmt: skip
    exports.files[f"{vpc.project}/routers/{vpc.name}-router.status.json"] = {
        "kind": "compute#routerStatusResponse",
        "result": {"network": vpc.link, "bestRoutes": best, "bgpPeerStatus": peers},
    }  # fmt: skip


def _name(vpc: Vpc, number: int) -> str:
    return f"{vpc.place}/vpnTunnels/{vpc.name}-tunnel-{number}"
