"""GKE clusters, by routes and VPC-native, with agents in every state."""

from ipaddress import IPv4Network
from typing import Any

from hypothesis import strategies as st
from tests.agreement.exports import Exports, Json, item
from tests.agreement.instances import instance
from tests.agreement.vpc import Vpc
from tests.agreement.workloads import NAMESPACES, pod, policies, services
from tests.clouds.read.directory import COMPUTE

POD_RANGES = ("172.16.0.0/16", "172.16.0.0/16", "10.9.0.0/16", "172.25.0.0/16")
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
    namespaces = [item("Namespace", one, labels=labels) for one, labels in NAMESPACES.items()]
    exports.add_to_cluster(folder, "namespaces", *namespaces)
    blocks = list(pods.subnets(new_prefix=24))[2 * number + 1 :]
    for index in range(draw(st.integers(1, 2))):
        block, host = blocks[index], f"{name}-node-{index}"
        draw(_node(exports, vpc, folder, host, block, number if native else None))
    draw(_agent(exports, folder))
    draw(policies(exports, folder))
    draw(services(exports, folder, number))
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
        draw(pod(exports, folder, host, number, block))


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
