"""GKE clusters, by routes and VPC-native, with Pods, agents in every state, NetworkPolicies and Services."""

from ipaddress import IPv4Network
from typing import Any

from hypothesis import strategies as st
from tests.agreement.exports import Exports, Json, item
from tests.agreement.vpcs import WIDE, Vpc, instance
from tests.clouds.read.directory import COMPUTE

POD_RANGES = ("172.16.0.0/16", "172.16.0.0/16", "10.9.0.0/16", "172.25.0.0/16")
LABELS = ({"app": "client"}, {"app": "server"})
LISTS = (
    "nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n  - 10.1.0.0/16\n",
    "nonMasqueradeCIDRs:\n  - 0.0.0.0/0\n",
    "nonMasqueradeCIDRs: []\nmasqLinkLocal: true\n",
    "nonMasqueradeCIDRs:\n  - 10.0.0.0/8\nmasqueradeCIDRs:\n  - 10.2.0.0/16\n",
    "",
)
"""The account's, one that keeps everything, one that keeps nothing, one with an exception, an empty one."""
WRONG_LIST = "nonMasqueradeCIDRs: |\n  - 172.16.0.0/16\n"


@st.composite
def cluster(draw: st.DrawFn, exports: Exports, vpc: Vpc, number: int) -> str | None:
    """A cluster in a network. Returns its Pod range where it is a secondary range of the subnetwork."""
    native, name, zone = draw(st.booleans()), f"gke-{vpc.name}-{number}", f"{vpc.region}-a"
    pods = IPv4Network(draw(st.sampled_from(POD_RANGES)))
    folder = f"gke_{vpc.project}_{zone}_{name}"
    exports.cluster(folder)
    namespaces = [item("Namespace", one) for one in ("default", "kube-system")]
    exports.add_to_cluster(folder, "namespaces", *namespaces)
    blocks = list(pods.subnets(new_prefix=24))[2 * number + 1 :]
    for index in range(draw(st.integers(1, 2))):
        block, host = blocks[index], f"{name}-node-{index}"
        draw(_node(exports, vpc, folder, host, block, number if native else None))
    draw(_agent(exports, folder))
    draw(_policy(exports, folder))
    draw(_service(exports, folder, number))
    exports.files[f"{vpc.project}/clusters.json"].append(
        {
            "name": name, "location": zone, "zone": zone, "status": "RUNNING", "network": vpc.name,
            "clusterIpv4Cidr": str(pods), "nodePools": [{"name": "default-pool"}],
            "currentMasterVersion": draw(st.sampled_from(("1.27.3-gke.1", "1.12.7-gke.10"))),
            "networkPolicy": {"enabled": draw(st.booleans())},
            "networkConfig": {"defaultSnatStatus": {"disabled": draw(st.sampled_from((False, False, True)))}},
            "ipAllocationPolicy": {"useIpAliases": True, "clusterSecondaryRangeName": f"pods-{number}"}
            if native
            else {"useRoutes": True},
            "selfLink": f"https://container.googleapis.com/v1/projects/{vpc.project}/zones/{zone}/clusters/{name}",
        }
    )  # fmt: skip
    return str(pods) if native else None


@st.composite
def _node(  # noqa: PLR0917 (what it is in, and what it is)
    draw: st.DrawFn, exports: Exports, vpc: Vpc, folder: str, host: str, block: IPv4Network, native: int | None
) -> None:  # fmt: skip
    more: dict[str, Any] = {"labels": {"goog-gke-node": ""}, "canIpForward": True}
    if native is not None:
        alias = {"ipCidrRange": str(block), "subnetworkRangeName": f"pods-{native}"}
        more |= {"canIpForward": False, "nic": {"aliasIpRanges": [alias]}}
    machine = draw(instance(exports, vpc, host, **more))
    if native is None:
        exports.add(
            "routes", f"projects/{vpc.project}/global/routes/{host}", network=vpc.link, destRange=str(block),
            priority=1000, tags=[], description="k8s-node-route", nextHopInstance=f"{COMPUTE}{machine}",
        )  # fmt: skip
    labels = {"beta.kubernetes.io/masq-agent-ds-ready": "true"}
    version = {"nodeInfo": {"kubeletVersion": "v1.27.3-gke.1"}}
    spec = {"podCIDR": str(block), "providerID": f"gce://{vpc.project}/{vpc.region}-a/{host}"}
    exports.add_to_cluster(
        folder, "nodes", item("Node", host, labels=labels, spec=spec, status=version)
    )
    for number in range(draw(st.integers(1, 2))):
        address = str(block[5 + number])
        phase = draw(st.sampled_from(("Running",) * 15 + ("Pending",)))
        exports.add_to_cluster(
            folder, "pods",
            item(
                "Pod", f"{host}-pod-{number}", "default", labels=draw(st.sampled_from(LABELS)),
                spec={"nodeName": host, "containers": [{"name": "c", "image": "c"}]},
                status={"phase": phase, "podIP": address, "podIPs": [{"ip": address}]},
            ),
        )  # fmt: skip


@st.composite
def _agent(draw: st.DrawFn, exports: Exports, folder: str) -> None:
    """None, or one whose list is there, in the wrong place, under the wrong key, wrong, or not there."""
    if draw(st.sampled_from((True, True, False))):
        arguments = draw(st.sampled_from(([], ["--nomasq-all-reserved-ranges"])))
        exports.add_to_cluster(folder, "daemonsets", _daemon_set(arguments))
    if draw(st.booleans()):
        namespace = draw(st.sampled_from(("kube-system", "kube-system", "default")))
        key = draw(st.sampled_from(("config", "config", "ip-masq-agent.yaml")))
        data = {key: draw(st.sampled_from((*LISTS, *LISTS, WRONG_LIST)))}
        exports.add_to_cluster(
            folder, "configmaps", item("ConfigMap", "ip-masq-agent", namespace, data=data)
        )


def _daemon_set(arguments: list[str]) -> Json:
    items = [{"key": "config", "path": "ip-masq-agent"}]
    container = {
        "name": "ip-masq-agent", "image": "k8s.gcr.io/ip-masq-agent-amd64:v2.5.0",
        "args": ["--masq-chain=IP-MASQ", *arguments],
        "volumeMounts": [{"name": "config", "mountPath": "/etc/config"}],
    }  # fmt: skip
    volume = {
        "name": "config", "configMap": {"name": "ip-masq-agent", "optional": True, "items": items},
    }  # fmt: skip
    spec = {
        "containers": [container], "volumes": [volume],
        "nodeSelector": {"beta.kubernetes.io/masq-agent-ds-ready": "true"},
    }  # fmt: skip
    return item("DaemonSet", "ip-masq-agent", "kube-system", spec={"template": {"spec": spec}})


@st.composite
def _policy(draw: st.DrawFn, exports: Exports, folder: str) -> None:
    if not draw(st.sampled_from((True, False, False))):
        return
    direction, verb = draw(st.sampled_from((("ingress", "from"), ("egress", "to"))))
    peer = draw(
        st.one_of(
            st.sampled_from(WIDE).map(lambda cidr: {"ipBlock": {"cidr": cidr}}),
            st.sampled_from(LABELS).map(lambda labels: {"podSelector": {"matchLabels": labels}}),
        )
    )
    ports = draw(st.sampled_from(({}, {"ports": [{"protocol": "TCP", "port": 80}]})))
    rules = draw(st.sampled_from(([], [{verb: [peer]} | ports])))
    spec = {
        "podSelector": draw(st.sampled_from(({}, *({"matchLabels": one} for one in LABELS)))),
        "policyTypes": [direction.capitalize()], direction: rules,
    }  # fmt: skip
    exports.add_to_cluster(
        folder, "networkpolicies", item("NetworkPolicy", "policy", "default", spec=spec)
    )


@st.composite
def _service(draw: st.DrawFn, exports: Exports, folder: str, number: int) -> None:
    if not draw(st.sampled_from((True, False, False))):
        return
    address = f"10.250.{number}.10"
    spec = {
        "type": "ClusterIP", "clusterIP": address, "clusterIPs": [address],
        "selector": draw(st.sampled_from(LABELS)), "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
    }  # fmt: skip
    exports.add_to_cluster(folder, "services", item("Service", "web", "default", spec=spec))
