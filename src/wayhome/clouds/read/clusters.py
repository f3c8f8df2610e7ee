"""Which cluster the Kubernetes objects of a file belong to: they do not say it themselves.

1. A folder is called as gcloud calls a context, `gke_PROJECT_LOCATION_CLUSTER`; or `collected.json` names the cluster.
2. The file has Nodes: they are instances (`providerID`), and instances belong to a cluster by their labels, or by
   project, place, node pool, Pod range and name.
3. Otherwise the nearest folder decides in which the clusters of files are known by 1 or 2, if it is one cluster; or
   there is but one cluster in all exports.

Nodes of a cluster that is not exported, and of other clouds, are one cluster a folder, called by its path.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.read.folders import Folders, enclosing
from wayhome.clouds.read.loaded import Loaded
from wayhome.clouds.values import Cidr

_CONTEXT = re.compile(r"gke_(?P<project>[^_]+)_(?P<location>[^_]+)_(?P<name>[^_]+)")
_POOL = "cloud.google.com/gke-nodepool"
_ZONE = re.compile(r"(.+)-[a-z]")


@dataclass(frozen=True, slots=True)
class Clusters:
    """What nodes may belong to: the clusters and instances of the exports, by full name."""

    clusters: Mapping[str, Cluster]
    instances: Mapping[str, Instance]

    def by_file(self, objects: Iterable[Loaded], named: Mapping[str, str]) -> "ClusterOfFile":
        """The clusters of files. `named`: what `collected.json` says of some."""
        fixed = {file: frozenset({cluster}) for file, cluster in named.items()}
        nodes: dict[str, list[Node]] = {}
        for one in objects:
            context = context_of(one.file)
            if context:
                fixed.setdefault(one.file, frozenset({context}))
            elif isinstance(one.resource, Node):
                nodes.setdefault(one.file, []).append(one.resource)
        for file in nodes.keys() - fixed.keys():
            found = {self._of_node(node) for node in nodes[file]}
            fixed[file] = frozenset(one or _unnamed(file) for one in found)
        folders = Folders()
        for file, clusters in fixed.items():
            for cluster in clusters:
                folders.add(file, cluster)
        return ClusterOfFile(fixed, folders, frozenset(self.clusters))

    def _of_node(self, node: Node) -> str:
        """The cluster that a node belongs to; or nothing."""
        if not node.instance:
            return ""
        instance = self.instances.get(node.instance)
        _, project, _, zone, _, name = node.instance.split("/")
        labels = instance.labels if instance else {}
        if {"goog-k8s-cluster-name", "goog-k8s-cluster-location"} <= labels.keys():
            place = labels["goog-k8s-cluster-location"]
            return (
                f"projects/{project}/locations/{place}/clusters/{labels['goog-k8s-cluster-name']}"
            )
        region = _ZONE.fullmatch(zone)
        places = {zone, region[1] if region else zone}
        candidates = [
            full
            for full in self.clusters
            if full.split("/")[1] == project and full.split("/")[3] in places
        ]
        pool = (node.metadata.labels or {}).get(_POOL)
        by_pool = [full for full in candidates if _has_pool(self.clusters[full], pool)]
        candidates = by_pool or candidates
        by_range = [full for full in candidates if _holds(self.clusters[full], node.spec.pod_cidr)]
        candidates = by_range or candidates
        by_name = [
            full for full in candidates if name.startswith(f"gke-{self.clusters[full].name}"[:26])
        ]
        candidates = by_name or candidates
        return candidates[0] if len(candidates) == 1 else ""


@dataclass(frozen=True, slots=True)
class ClusterOfFile:
    """The answer, for any file."""

    fixed: Mapping[str, frozenset[str]]
    folders: Folders
    all_clusters: frozenset[str]

    def of(self, file: str) -> frozenset[str]:
        """The clusters that its objects may belong to; if it is one, they do."""
        if file in self.fixed:
            return self.fixed[file]
        context = context_of(file)
        if context:
            return frozenset({context})
        return self.folders.nearest(file) or self.all_clusters or frozenset({_unnamed(file)})


def context_of(file: str) -> str:
    """The cluster of the nearest folder that is called as a context of gcloud's."""
    for folder in enclosing(file):
        context = _CONTEXT.fullmatch(folder.rpartition("/")[2])
        if context:
            return "projects/{project}/locations/{location}/clusters/{name}".format_map(context)
    return ""


def _unnamed(file: str) -> str:
    """A name for a cluster that no export names."""
    return f"clusters/{next(enclosing(file)) or '.'}"


def _has_pool(cluster: Cluster, pool: str | None) -> bool:
    return any(pool == one.name for one in cluster.node_pools)


def _holds(cluster: Cluster, pod_range: Cidr | None) -> bool:
    ranges = [cluster.cluster_ipv4_cidr]
    ranges += [pool.network_config.pod_ipv4_cidr_block for pool in cluster.node_pools]
    return any(one.prefix.holds(pod_range.prefix) for one in ranges if one and pod_range)
