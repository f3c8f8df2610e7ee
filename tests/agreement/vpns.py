"""VPN tunnels: between two of the networks or to a site, with Cloud Routers or with routes by hand."""

from hypothesis import strategies as st
from tests.agreement.exports import Exports
from tests.agreement.vpc import Vpc
from tests.clouds.read.directory import COMPUTE

SITE = "192.168.7.0/24"
OUTSIDE = "198.51.100."


@st.composite
def vpn(draw: st.DrawFn, exports: Exports, networks: list[Vpc], pods: list[str]) -> None:
    """One tunnel with two ends, or none. `pods`: ranges that somebody may have announced besides subnetworks."""
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
    draw(_end(exports, here, ("11", "12"), learned, with_router=with_router))
    if there is not None:
        draw(_end(exports, there, ("12", "11"), back, with_router=with_router))


@st.composite
def _end(
    draw: st.DrawFn, exports: Exports, vpc: Vpc, outside: tuple[str, str], learned: list[str], *, with_router: bool
) -> None:  # fmt: skip
    own, far = (f"{OUTSIDE}{number}" for number in outside)
    selector = draw(
        st.sampled_from((["0.0.0.0/0"], ["0.0.0.0/0"], ["10.0.0.0/8", "192.168.0.0/16"]))
    )
    fields = {
        "status": draw(st.sampled_from(("ESTABLISHED",) * 7 + ("NO_INCOMING_PACKETS",))), "peerIp": far,
        "localTrafficSelector": selector, "remoteTrafficSelector": ["0.0.0.0/0"],
    }  # fmt: skip
    tunnel = f"{vpc.place}/vpnTunnels/{vpc.name}-tunnel"
    if with_router:
        _by_router(draw(st.booleans()), exports, vpc, own, tunnel, fields, learned)
    else:
        gateway = exports.add(
            "target-vpn-gateways",
            f"{vpc.place}/targetVpnGateways/{vpc.name}-gw",
            network=vpc.link,
        )
        exports.add("vpn-tunnels", tunnel, targetVpnGateway=gateway, **fields)
        exports.add(
            "forwarding-rules", f"{vpc.place}/forwardingRules/{vpc.name}-esp", IPAddress=own,
            IPProtocol="ESP", target=gateway, loadBalancingScheme="EXTERNAL",
        )  # fmt: skip
        for number, cidr in enumerate(learned):
            exports.add(
                "routes", f"projects/{vpc.project}/global/routes/{vpc.name}-vpn-{number}", network=vpc.link,
                destRange=cidr, priority=1000, tags=[], nextHopVpnTunnel=f"{COMPUTE}{tunnel}",
            )  # fmt: skip


def _by_router(  # noqa: PLR0917 (what it is in, and what it is)
    pods: bool, exports: Exports, vpc: Vpc, own: str, tunnel: str, fields: dict[str, object], learned: list[str]
) -> None:  # fmt: skip
    router = f"{vpc.place}/routers/{vpc.name}-router"
    gateway = exports.add(
        "vpn-gateways", f"{vpc.place}/vpnGateways/{vpc.name}-gw", network=vpc.link,
        vpnInterfaces=[{"id": 0, "ipAddress": own}],
    )  # fmt: skip
    link = exports.add(
        "vpn-tunnels", tunnel, router=f"{COMPUTE}{router}", vpnGateway=gateway, vpnGatewayInterface=0, **fields,
    )  # fmt: skip
    bgp: dict[str, object] = {"asn": 65001}
    if pods:
        ranges = [{"range": "172.16.0.0/16"}]
        bgp |= {"advertiseMode": "CUSTOM", "advertisedGroups": ["ALL_SUBNETS"], "advertisedIpRanges": ranges}  # fmt: skip
    exports.add(
        "routers", router, network=vpc.link, bgp=bgp,
        interfaces=[{"name": "if0", "linkedVpnTunnel": link}],
        bgpPeers=[{"name": "peer0", "interfaceName": "if0", "peerAsn": 65002}],
    )  # fmt: skip
    best = [
        {"network": vpc.link, "destRange": cidr, "priority": 100, "nextHopVpnTunnel": link} for cidr in learned
    ]  # fmt: skip
    exports.files[f"{vpc.project}/routers/{vpc.name}-router.status.json"] = {
        "kind": "compute#routerStatusResponse",
        "result": {
            "network": vpc.link, "bestRoutes": best,
            "bgpPeerStatus": [{"name": "peer0", "status": "UP", "linkedVpnTunnel": link}],
        },
    }  # fmt: skip
