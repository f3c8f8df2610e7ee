"""Any estate compiles: references that lead nowhere, peerings with oneself and in circles, addresses that repeat."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.clouds.google import KINDS, Object, google

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.gcp.derive.cross_check import cross_check
from wayhome.clouds.gcp.derive.effective import effective_routes
from wayhome.network import Address, Flow, Protocol, Verdict
from wayhome.trace import trace

NETWORKS = [f"projects/{p}/global/networks/{n}" for p in "pq" for n in "ab"]
CIDRS = ["10.1.0.0/16", "10.1.2.0/24", "10.2.0.0/16", "8.8.0.0/16", "0.0.0.0/0", "fd00::/64", "10.1.0.2/32"]  # fmt: skip
ADDRESSES = ["10.1.0.2", "10.1.0.3", "10.2.0.2", "8.8.8.8"]
INSTANCES = [f"projects/{p}/zones/r1-a/instances/{i}" for p in "pq" for i in "xy"]
TUNNELS = [f"projects/{p}/regions/r1/vpnTunnels/{t}" for p in "pq" for t in "tu"]
RULES = [f"projects/{p}/regions/r1/forwardingRules/f" for p in "pq"]
ROUTERS = [f"projects/{p}/regions/r1/routers/{r}" for p in "pq" for r in "cd"]
GATEWAYS = [f"projects/{p}/regions/r1/vpnGateways/g" for p in "pq"]

network, cidr, address = (st.sampled_from(pool) for pool in (NETWORKS, CIDRS, ADDRESSES))
flag = st.booleans()


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Fields of which each may be absent."""
    return st.fixed_dictionaries({}, optional=fields)


def lists(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, max_size=3)


peering = some(
    state=st.sampled_from(["ACTIVE", "ACTIVE", "INACTIVE"]), exportCustomRoutes=flag,
    importCustomRoutes=flag, importSubnetRoutesWithPublicIp=flag, exchangeSubnetRoutes=flag,
    stackType=st.sampled_from(["IPV4_ONLY", "IPV4_IPV6"]),
).flatmap(lambda fields: st.tuples(st.sampled_from("mn"), network).map(
    lambda pair: fields | {"name": pair[0], "network": pair[1]}))  # fmt: skip
networks = some(
    peerings=lists(peering),
    routingConfig=st.sampled_from([{"routingMode": mode} for mode in ("GLOBAL", "REGIONAL")]),
    IPv4Range=st.just("10.240.0.0/16"),
    subnetworks=st.just(["projects/p/regions/r1/subnetworks/s"]),
)
hop = st.one_of(
    st.sampled_from(INSTANCES).map(lambda name: {"nextHopInstance": name}),
    st.sampled_from(TUNNELS).map(lambda name: {"nextHopVpnTunnel": name}),
    st.sampled_from([*RULES, *ADDRESSES]).map(lambda name: {"nextHopIlb": name}),
    address.map(lambda text: {"nextHopIp": text}),
    st.just({"nextHopGateway": "projects/p/global/gateways/default-internet-gateway"}),
    st.sampled_from("mn").map(lambda name: {"nextHopPeering": name}),
    network.map(lambda name: {"nextHopNetwork": name}),
    st.just({}),
)
routes = st.tuples(
    hop, st.fixed_dictionaries({"network": network, "destRange": cidr}),
    some(priority=st.sampled_from([0, 1000]), tags=st.just(["t"])),
).map(lambda parts: parts[0] | parts[1] | parts[2])  # fmt: skip
interface = st.tuples(
    st.fixed_dictionaries({"network": network}),
    some(
        name=st.just("nic0"), networkIP=address,
        aliasIpRanges=st.just([{"ipCidrRange": "10.1.2.0/24"}]),
        accessConfigs=address.map(lambda text: [{"natIP": text}]),
    ),
).map(lambda parts: parts[0] | parts[1])  # fmt: skip
instances = some(
    networkInterfaces=lists(interface), canIpForward=flag, tags=st.just({"items": ["t"]}),
    status=st.sampled_from(["RUNNING", "TERMINATED"]),
    labels=st.just({"goog-gke-node": ""}),
)  # fmt: skip
tunnels = some(
    status=st.sampled_from(["ESTABLISHED", "FAILED"]), router=st.sampled_from(ROUTERS),
    vpnGateway=st.sampled_from(GATEWAYS), peerIp=address,
    localTrafficSelector=lists(cidr), remoteTrafficSelector=lists(cidr),
)  # fmt: skip
gateways = st.tuples(network, address).map(
    lambda pair: {"network": pair[0], "vpnInterfaces": [{"id": 0, "ipAddress": pair[1]}]}
)
routers = st.tuples(
    st.fixed_dictionaries({"network": network}),
    some(
        bgpPeers=lists(some(interfaceName=st.just("i"), enable=st.sampled_from(["TRUE", "FALSE"]))
                       .map(lambda fields: {"name": "b"} | fields)),
        interfaces=st.sampled_from(TUNNELS).map(lambda name: [{"name": "i", "linkedVpnTunnel": name}]),
        nats=st.just([{"name": "n", "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES"}]),
    ),
).map(lambda parts: parts[0] | parts[1])  # fmt: skip
balancers = some(
    network=network, IPAddress=address, backendService=st.just("projects/p/regions/r1/backendServices/s"),
    loadBalancingScheme=st.sampled_from(["INTERNAL", "EXTERNAL", "INTERNAL_MANAGED"]),
)  # fmt: skip
subnets = st.tuples(network, cidr).map(lambda pair: {"network": pair[0], "ipCidrRange": pair[1]})

POOLS: list[tuple[list[str], st.SearchStrategy[dict[str, Any]]]] = [
    (NETWORKS, networks),
    ([f"projects/{p}/global/routes/{r}" for p in "pq" for r in "1234"], routes),
    (INSTANCES, instances),
    (TUNNELS, tunnels),
    (GATEWAYS, gateways),
    (ROUTERS, routers),
    (RULES, balancers),
    ([f"projects/{p}/regions/r1/subnetworks/{s}" for p in "pq" for s in "st"], subnets),
]


@st.composite
def estates(draw: st.DrawFn) -> list[Object]:
    found: list[Object] = []
    for names, fields in POOLS:
        found += [(name, draw(fields)) for name in names if draw(flag)]
    return found


@given(estates(), st.sets(st.sampled_from(KINDS)))
@settings(max_examples=150, deadline=None)
def test_any_estate_compiles_and_every_question_ends(
    objects: list[Object], missing: set[Any]
) -> None:
    estate = google(*objects, missing=missing)
    routes = effective_routes(estate)
    list(cross_check(estate, routes))
    network = compile_estate(estate, routes)
    for node in network.nodes:
        for own in node.addresses[:1]:
            for destination in ADDRESSES:
                flow = Flow(own, Address.parse(destination), Protocol.TCP, 80)
                if own.family is flow.destination.family:
                    assert trace(network, flow, node.name).verdict in Verdict
