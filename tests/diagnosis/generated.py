"""Estates that are not the case: other names, ranges, regions, several clusters and peers, made as exports are.

They are written as files and read as any directory is. A plan says what the estate is like; what is lost in it, and what
repairs it, follows from the plan and from nothing that the repairs could know by name.
"""

import json
import random
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from tests.clouds.read.directory import COMPUTE, estate_of

from wayhome.clouds.estate import Estate

Json = dict[str, Any]
_WORDS = ("amber", "birch", "cedar", "delta", "ember", "flint", "grove", "heron", "iris", "jade")
DAEMON_SET = json.loads(
    (
        Path(__file__).parents[2]
        / "examples/the-case/exports/gke_source-project_asia-northeast1-a_my-gke/daemonsets.json"
    ).read_text()
)
LET_IN = ("tcp", "udp", "icmp")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`native`: alias ranges instead of routes. `lets_in_pods`: the destination's firewall knows the Pods' range.

    `link`: what joins the destination's network with the cluster's: a peering, a VPN with Cloud Routers (bgp) or one of
    the classic kind. `clusters` and `peers` are numbers; what is asked is between the first ones.
    """

    seed: int
    native: bool = False
    lets_in_pods: bool = True
    link: str = "peering"
    clusters: int = 1
    peers: int = 1
    suffix: str = ""
    """Of all names that people choose."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network with one subnetwork and one machine in it."""

    project: str
    name: str
    region: str
    subnet: IPv4Network

    @property
    def full(self) -> str:
        return f"projects/{self.project}/global/networks/{self.name}"

    @property
    def subnet_name(self) -> str:
        return f"projects/{self.project}/regions/{self.region}/subnetworks/{self.name}-subnet"

    @property
    def machine(self) -> str:
        return f"{self.name}-vm"

    @property
    def address(self) -> str:
        return str(self.subnet[10])


@dataclass(frozen=True, kw_only=True)
class Generated:
    """An estate, and what to ask of it."""

    plan: Plan
    home: Network
    there: Network
    pod: str
    cluster: str
    pods: IPv4Network
    estate: Estate


def generate(folder: Path, plan: Plan) -> Generated:
    """Write and read it."""
    choice = random.Random(plan.seed)
    words = choice.sample(_WORDS, 2 + plan.peers)
    regions = choice.sample(("europe-west4", "us-east1", "asia-south1", "us-west2"), 3)
    blocks = choice.sample(range(10, 250), 1 + plan.peers)
    home = Network(
        project=f"{words[0]}-p", name=words[0] + plan.suffix, region=regions[0],
        subnet=IPv4Network(f"10.{blocks[0]}.0.0/20"),
    )  # fmt: skip
    peers = [
        Network(
            project=f"{word}-q", name=word + plan.suffix, region=regions[number % 3],
            subnet=IPv4Network(f"10.{block}.{16 * number}.0/20"),
        )
        for number, (word, block) in enumerate(zip(words[1:], blocks[1:], strict=False))
    ]  # fmt: skip
    files: dict[str, Any] = {}
    pods = [IPv4Network(f"172.{choice.randrange(16, 24) + 8 * n}.0.0/17") for n in range(plan.clusters)]  # fmt: skip
    machines, routes = [machine(home)], []
    for number, block in enumerate(pods):
        made, ways = _cluster(files, plan, home, number, block)
        machines += made
        routes += ways
    secondary = [
        {"rangeName": f"pods-{n}", "ipCidrRange": str(block)} for n, block in enumerate(pods)
    ]
    own = {"secondaryIpRanges": secondary} if plan.native else {}
    add_project(
        files, home, machines=machines, routes=routes, peerings=_links(plan, peers),
        lets_in=pods, subnet=own,
    )  # fmt: skip
    for peer in peers:
        link = [peering(home)] if plan.link == "peering" or peer is not peers[0] else []
        known = [home.subnet, *(pods if plan.lets_in_pods else [])]
        add_project(
            files,
            peer,
            machines=[machine(peer)],
            routes=[],
            peerings=link,
            lets_in=known,
            subnet={},
        )
    if plan.link != "peering":
        _vpn(files, plan, home, peers[0])
    return Generated(
        plan=plan,
        home=home,
        there=peers[0],
        pod=f"team-0/client{plan.suffix}",
        cluster=f"projects/{home.project}/locations/{home.region}-a/clusters/{home.name}-0",
        pods=pods[0],
        estate=estate_of(folder, files),
    )


def _cluster(
    files: dict[str, Any], plan: Plan, home: Network, number: int, pods: IPv4Network
) -> tuple[list[Json], list[Json]]:
    """A cluster of two nodes: its exports, its machines, and its routes if it has any."""
    name, zone = f"{home.name}-{number}", f"{home.region}-a"
    blocks = list(pods.subnets(new_prefix=24))[:2]
    nodes, machines, routes = [], [], []
    for place, block in enumerate(blocks):
        node = f"{name}-node-{place}"
        address = str(home.subnet[20 + 10 * number + place])
        more: Json = {"canIpForward": True}
        if plan.native:
            alias = {"ipCidrRange": str(block), "subnetworkRangeName": f"pods-{number}"}
            more = {"aliases": [alias]}
        machines.append(_instance(home, node, address, tags=[f"{name}-node"], **more))
        if not plan.native:
            hop = f"{COMPUTE}projects/{home.project}/zones/{zone}/instances/{node}"
            routes.append(
                route(home, f"{node}-route", str(block), 1000,
                       description="k8s-node-route", nextHopInstance=hop)
            )  # fmt: skip
        spec = {"podCIDR": str(block), "providerID": f"gce://{home.project}/{zone}/{node}"}
        labels = {"beta.kubernetes.io/masq-agent-ds-ready": "true"}
        info = {"nodeInfo": {"kubeletVersion": "v1.27.3-gke.1"}}
        nodes.append(item("Node", node, labels=labels, spec=spec, status=info))
    namespace = f"team-{number}"
    pod_list = [
        pod(
            namespace,
            label + plan.suffix,
            f"{name}-node-{place}",
            str(blocks[place][5 + place]),
            {"app": label},
        )
        for place, label in enumerate(("client", "server"))
    ]
    system = pod("kube-system", f"agent-{number}", f"{name}-node-0", str(home.subnet[20 + 10 * number]), {})  # fmt: skip
    system["spec"]["hostNetwork"] = True
    pod_list.append(system)
    folder = f"gke_{home.project}_{zone}_{name}"
    lists = {
        "nodes": nodes,
        "pods": pod_list,
        "configmaps": [],
        "networkpolicies": [],
        "services": [],
        "namespaces": [item("Namespace", one) for one in (namespace, "kube-system")],
    }
    for kind, items in lists.items():
        files[f"{folder}/{kind}.json"] = {"apiVersion": "v1", "kind": "List", "items": items}
    files[f"{folder}/daemonsets.json"] = DAEMON_SET
    policy = {"useIpAliases": True, "clusterSecondaryRangeName": f"pods-{number}"}
    files.setdefault(f"{home.project}/clusters.json", []).append(
        {
            "name": name, "location": zone, "zone": zone, "status": "RUNNING",
            "network": home.name, "clusterIpv4Cidr": str(pods), "currentMasterVersion": "1.27.3-gke.1",
            "networkPolicy": {"enabled": True},
            "ipAllocationPolicy": policy if plan.native else {"useRoutes": True},
            "selfLink": f"https://container.googleapis.com/v1/projects/{home.project}/zones/{zone}/clusters/{name}",
        }
    )  # fmt: skip
    return machines, routes


def add_project(
    files: dict[str, Any], of: Network, *, machines: list[Json], routes: list[Json], peerings: list[Json],
    lets_in: list[IPv4Network], subnet: Json,
) -> None:  # fmt: skip
    link, region = f"{COMPUTE}{of.full}", f"{COMPUTE}projects/{of.project}/regions/{of.region}"
    network = {
        "kind": "compute#network", "name": of.name, "selfLink": link, "autoCreateSubnetworks": False,
        "routingConfig": {"routingMode": "GLOBAL"}, "peerings": peerings,
    }  # fmt: skip
    subnetwork = {
        "kind": "compute#subnetwork", "name": f"{of.name}-subnet", "network": link, "region": region,
        "ipCidrRange": str(of.subnet), "selfLink": f"{COMPUTE}{of.subnet_name}",
    } | subnet  # fmt: skip
    gateway = f"{COMPUTE}projects/{of.project}/global/gateways/default-internet-gateway"
    rule = {
        "kind": "compute#firewall", "name": f"{of.name}-allow", "network": link, "direction": "INGRESS",
        "priority": 1000, "allowed": [{"IPProtocol": one} for one in LET_IN],
        "sourceRanges": [str(one) for one in (of.subnet, *lets_in)],
        "selfLink": f"{COMPUTE}projects/{of.project}/global/firewalls/{of.name}-allow",
    }  # fmt: skip
    default = route(of, f"{of.name}-default", "0.0.0.0/0", 1000, nextHopGateway=gateway)
    for name, content in (
        ("networks", [network]),
        ("subnets", [subnetwork]),
        ("instances", machines),
        ("routes", [*routes, default]),
        ("firewall-rules", [rule]),
        ("routers", []),
        ("vpn-tunnels", []),
        ("forwarding-rules", []),
        ("policy-based-routes", []),
        ("interconnect-attachments", []),
    ):
        files[f"{of.project}/{name}.json"] = content
    files[f"{of.project}/effective-firewalls.json"] = {"firewalls": [rule]}


def _links(plan: Plan, peers: list[Network]) -> list[Json]:
    return [peering(peer) for peer in peers if plan.link == "peering" or peer is not peers[0]]


def peering(to: Network) -> Json:
    return {
        "name": f"to-{to.name}", "network": f"{COMPUTE}{to.full}", "state": "ACTIVE",
        "exchangeSubnetRoutes": True, "exportCustomRoutes": False, "importCustomRoutes": False,
    }  # fmt: skip


def _vpn(files: dict[str, Any], plan: Plan, home: Network, there: Network) -> None:
    """Two tunnels that name each other's outside addresses; with Cloud Routers, or with routes by hand."""
    outside = {home.name: "203.0.113.11", there.name: "203.0.113.12"}
    for one, other in ((home, there), (there, home)):
        region = f"{COMPUTE}projects/{one.project}/regions/{one.region}"
        tunnel = f"{one.name}-tunnel"
        common = {
            "kind": "compute#vpnTunnel", "name": tunnel, "region": region, "status": "ESTABLISHED",
            "peerIp": outside[other.name], "selfLink": f"{region}/vpnTunnels/{tunnel}",
            "localTrafficSelector": ["0.0.0.0/0"], "remoteTrafficSelector": ["0.0.0.0/0"],
        }  # fmt: skip
        if plan.link == "bgp":
            _with_router(files, one, other, outside[one.name], common)
        else:
            _by_hand(files, one, other, outside[one.name], common)


def _with_router(
    files: dict[str, Any], one: Network, other: Network, outside: str, tunnel: Json
) -> None:
    region, link = tunnel["region"], f"{COMPUTE}{one.full}"
    router, gateway = f"{region}/routers/{one.name}-router", f"{region}/vpnGateways/{one.name}-gw"
    files[f"{one.project}/vpn-tunnels.json"] = [tunnel | {"router": router, "vpnGateway": gateway, "vpnGatewayInterface": 0}]  # fmt: skip
    files[f"{one.project}/vpn-gateways.json"] = [
        {
            "kind": "compute#vpnGateway", "name": f"{one.name}-gw", "network": link, "region": region,
            "selfLink": gateway, "vpnInterfaces": [{"id": 0, "ipAddress": outside}],
        }
    ]  # fmt: skip
    files[f"{one.project}/routers.json"] = [
        {
            "kind": "compute#router", "name": f"{one.name}-router", "network": link, "region": region,
            "selfLink": router, "bgp": {"asn": 65001},
            "interfaces": [{"name": "if0", "linkedVpnTunnel": tunnel["selfLink"]}],
            "bgpPeers": [{"name": "peer0", "interfaceName": "if0", "peerAsn": 65002}],
        }
    ]  # fmt: skip
    learned = {
        "network": link, "destRange": str(other.subnet), "priority": 100,
        "nextHopVpnTunnel": tunnel["selfLink"],
    }  # fmt: skip
    peer = {"name": "peer0", "status": "UP", "linkedVpnTunnel": tunnel["selfLink"]}
    files[f"{one.project}/routers/{one.name}-router.status.json"] = {
        "kind": "compute#routerStatusResponse",
        "result": {"network": link, "bestRoutes": [learned], "bgpPeerStatus": [peer]},
    }


def _by_hand(
    files: dict[str, Any], one: Network, other: Network, outside: str, tunnel: Json
) -> None:
    region = tunnel["region"]
    gateway = f"{region}/targetVpnGateways/{one.name}-gw"
    files[f"{one.project}/vpn-tunnels.json"] = [tunnel | {"targetVpnGateway": gateway}]
    files[f"{one.project}/target-vpn-gateways.json"] = [
        {
            "kind": "compute#targetVpnGateway", "name": f"{one.name}-gw",
            "network": f"{COMPUTE}{one.full}", "region": region, "selfLink": gateway,
        }
    ]  # fmt: skip
    files[f"{one.project}/forwarding-rules.json"] = [
        {
            "kind": "compute#forwardingRule", "name": f"{one.name}-esp", "region": region,
            "IPAddress": outside, "IPProtocol": "ESP", "target": gateway,
            "loadBalancingScheme": "EXTERNAL", "selfLink": f"{region}/forwardingRules/{one.name}-esp",
        }
    ]  # fmt: skip
    files[f"{one.project}/routes.json"].append(
        route(
            one,
            f"{one.name}-over-vpn",
            str(other.subnet),
            1000,
            nextHopVpnTunnel=tunnel["selfLink"],
        )
    )


def machine(of: Network) -> Json:
    return _instance(of, of.machine, of.address, tags=[of.name])


def _instance(
    of: Network, name: str, address: str, *, tags: list[str], aliases: list[Json] | None = None, **more: Any
) -> Json:  # fmt: skip
    zone = f"{COMPUTE}projects/{of.project}/zones/{of.region}-a"
    nic = {
        "name": "nic0", "network": f"{COMPUTE}{of.full}", "networkIP": address,
        "subnetwork": f"{COMPUTE}{of.subnet_name}",
    }  # fmt: skip
    labels = {"goog-gke-node": ""} if "-node-" in name else {}
    return {
        "kind": "compute#instance", "name": name, "zone": zone, "status": "RUNNING",
        "selfLink": f"{zone}/instances/{name}", "tags": {"items": tags}, "labels": labels,
        "networkInterfaces": [nic | ({"aliasIpRanges": aliases} if aliases else {})],
    } | more  # fmt: skip


def route(of: Network, name: str, destination: str, priority: int, **more: Any) -> Json:
    return {
        "kind": "compute#route", "name": name, "network": f"{COMPUTE}{of.full}",
        "destRange": destination, "priority": priority,
        "selfLink": f"{COMPUTE}projects/{of.project}/global/routes/{name}",
    } | more  # fmt: skip


def pod(namespace: str, name: str, node: str, address: str, labels: Json) -> Json:
    return item(
        "Pod", name, namespace, labels=labels,
        spec={"nodeName": node, "containers": [{"name": name, "image": name}]},
        status={"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    )  # fmt: skip


def item(kind: str, name: str, namespace: str = "", labels: Json | None = None, **more: Any) -> Json:  # fmt: skip
    place = {"namespace": namespace} if namespace else {}
    marks = {"labels": labels} if labels else {}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name} | place | marks} | more
