"""Estates of a few objects, written as exports are, without files."""

from collections.abc import Iterable
from typing import Any

import msgspec

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.knowledge import Claim, Knowledge, State
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.clouds.kubernetes.resources.daemon_set import DaemonSet
from wayhome.clouds.kubernetes.resources.egress_nat_policy import EgressNatPolicy
from wayhome.clouds.kubernetes.resources.namespace import Namespace
from wayhome.clouds.kubernetes.resources.network_policy import NetworkPolicy
from wayhome.clouds.kubernetes.resources.node import Node
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.kubernetes.resources.service import Service
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.clouds.table import Table
from wayhome.clouds.values import decode_value
from wayhome.network.evidence import Evidence

CLUSTER = "projects/p/locations/z/clusters/c"
KUBERNETES = (
    ConfigMap, DaemonSet, EgressNatPolicy, Namespace, NetworkPolicy, Node, Pod, Service,
)  # fmt: skip
_TYPES: dict[str, type[Resource]] = {kind.KIND: kind for kind in KUBERNETES}

Json = dict[str, Any]


def cluster(**fields: Any) -> Located[Resource]:
    """The GKE cluster."""
    value = msgspec.convert(
        {"name": "c", "location": "z", "selfLink": f"https://container.googleapis.com/v1/{CLUSTER}"}
        | fields,
        Cluster,
        dec_hook=decode_value,
    )
    return Located(value, Evidence(CLUSTER, "clusters.json", "/0"))


def item(kind: str, name: str, namespace: str = "", **fields: Any) -> Located[Resource]:
    """An object of the cluster; `metadata` in the fields is added to its names."""
    metadata = {"name": name, "namespace": namespace} | fields.pop("metadata", {})
    struct = _TYPES[kind]
    value = msgspec.convert({"metadata": metadata} | fields, struct, dec_hook=decode_value)
    place = f"namespaces/{namespace}/" if namespace else ""
    full = f"{CLUSTER}/k8s/{place}{struct.COLLECTION}/{name}"
    return Located(value, Evidence(full, f"{struct.COLLECTION}.json", "/items/0"))


def estate(*objects: Located[Resource], unknown: Iterable[type[Resource]] = ()) -> Estate:
    """All kinds of the cluster were exported, but the unknown ones."""
    tables: dict[type[Resource], dict[str, Located[Resource]]] = {}
    for one in objects:
        tables.setdefault(type(one.value), {})[one.name] = one
    claims = [
        Claim(kind, CLUSTER, State.EXPORTED) for kind in KUBERNETES if kind not in set(unknown)
    ]
    return Estate(
        tables={kind: Table(found) for kind, found in tables.items()},
        knowledge=Knowledge(tuple(claims)),
    )
