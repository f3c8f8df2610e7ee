"""What a node does with its Pods' addresses where no agent runs: GKE's own rules, kubelet's, or nobody knows whose."""

import re

from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.kubernetes.agent_lists import read_by_nobody
from wayhome.clouds.kubernetes.cluster_facts import ClusterFacts
from wayhome.clouds.kubernetes.masquerading_answer import (
    UNSEEN,
    Basis,
    Masquerading,
    NotLive,
    fallback_policy,
)
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.located import Located
from wayhome.network.missing import Missing
from wayhome.policy import Action, Entry, Origin, Policy, Settings
from wayhome.prefixes import Prefix

KUBELET_RANGE = "10.0.0.0/8"
KUBELET_UNTIL = (1, 14)


def without_agent(found: ClusterFacts, node: Located[Node]) -> Masquerading:
    """What a node does on which no agent runs."""
    not_live = tuple(read_by_nobody(found, (), Settings(all_reserved_ranges=True)))
    gke = found.gke
    if gke is None:
        return _not_gke(node, not_live)
    version = version_of(node, gke)
    if gke.value.network_config.default_snat_status.disabled:
        return Masquerading(
            basis=Basis.SNAT_DISABLED,
            policies=(None,),
            evidence=(gke.at("networkConfig", "defaultSnatStatus", "disabled"),),
            not_live=not_live,
        )
    if version is None:
        return Masquerading(
            basis=Basis.UNKNOWN,
            policies=(fallback_policy(), _kubelet_policy()),
            missing=Missing(
                f"the version of {node.value.metadata.name}", "kubectl get nodes -o json"
            ),
            not_live=not_live,
        )
    if version < KUBELET_UNTIL:
        return Masquerading(
            basis=Basis.KUBELET,
            policies=(_kubelet_policy(),),
            evidence=(node.at("status", "nodeInfo", "kubeletVersion"),),
            not_live=not_live,
        )
    return Masquerading(
        basis=Basis.NODE_DEFAULTS,
        policies=(fallback_policy(),),
        evidence=(gke.evidence,),
        not_live=not_live,
    )


def _not_gke(node: Located[Node], not_live: tuple[NotLive, ...]) -> Masquerading:
    return Masquerading(
        basis=Basis.UNKNOWN,
        policies=(fallback_policy(), *UNSEEN),
        missing=Missing(
            f"what translates the addresses of Pods on {node.value.metadata.name}: its cluster is not among the "
            "clusters in the exports, and no agent runs in it",
            "gcloud container clusters list --format=json",
        ),
        not_live=not_live,
    )


def _kubelet_policy() -> Policy:
    return Policy((Entry(Prefix.parse(KUBELET_RANGE), Action.KEEP, Origin("non-masquerade-cidr")),))


def version_of(node: Located[Node], cluster: Located[Cluster]) -> tuple[int, int] | None:
    """The node's Kubernetes version, major and minor."""
    said = (
        node.value.status.node_info.kubelet_version,
        cluster.value.current_node_version,
    )
    for text in said:
        if match := re.match(r"v?(\d+)\.(\d+)", text):
            return int(match[1]), int(match[2])
    return None
