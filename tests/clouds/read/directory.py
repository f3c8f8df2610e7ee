"""Directories of exports, made for a test."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wayhome.clouds.estate import Estate
from wayhome.clouds.read import read_estate

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
DUMPS = ROOT / "../shared/data/gcp-dumps"
COMPUTE = "https://www.googleapis.com/compute/v1/"

Json = dict[str, Any]


def estate_of(folder: Path, files: Mapping[str, Any]) -> Estate:
    """What is read of a directory with these files: bytes as they are, everything else as JSON."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            content if isinstance(content, bytes) else json.dumps(content, indent=2).encode()
        )
    return read_estate(folder)


def network(name: str = "n", project: str = "p", **fields: Any) -> Json:
    """A network."""
    return {
        "kind": "compute#network",
        "name": name,
        "selfLink": f"{COMPUTE}projects/{project}/global/networks/{name}",
        "autoCreateSubnetworks": False,
        "routingConfig": {"routingMode": "REGIONAL"},
    } | fields


def route(name: str = "r", project: str = "p", **fields: Any) -> Json:
    """A route to the internet gateway; other fields replace or add."""
    return {
        "kind": "compute#route",
        "name": name,
        "network": f"{COMPUTE}projects/{project}/global/networks/n",
        "destRange": "0.0.0.0/0",
        "priority": 1000,
        "nextHopGateway": f"{COMPUTE}projects/{project}/global/gateways/default-internet-gateway",
        "selfLink": f"{COMPUTE}projects/{project}/global/routes/{name}",
    } | fields


def instance(name: str = "i", project: str = "p", zone: str = "z", **fields: Any) -> Json:
    """An instance with one interface."""
    return {
        "kind": "compute#instance",
        "name": name,
        "zone": f"{COMPUTE}projects/{project}/zones/{zone}",
        "status": "RUNNING",
        "networkInterfaces": [
            {
                "name": "nic0",
                "network": f"{COMPUTE}projects/{project}/global/networks/n",
                "networkIP": "10.0.0.2",
            }
        ],
        "selfLink": f"{COMPUTE}projects/{project}/zones/{zone}/instances/{name}",
    } | fields


def kubernetes(kind: str, name: str, namespace: str = "", **fields: Any) -> Json:
    """An object of the core API group."""
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name} | place} | fields


def node(name: str, project: str = "p", zone: str = "z") -> Json:
    """A node that is an instance."""
    spec = {"podCIDR": "172.16.1.0/24", "providerID": f"gce://{project}/{zone}/{name}"}
    return kubernetes("Node", name, spec=spec)


def listed(*items: Json) -> Json:
    """What `kubectl get … -o json` prints."""
    return {
        "apiVersion": "v1",
        "items": list(items),
        "kind": "List",
        "metadata": {"resourceVersion": ""},
    }


def cluster(name: str = "c", project: str = "p", zone: str = "z", **fields: Any) -> Json:
    """A zonal cluster."""
    return {
        "name": name,
        "location": zone,
        "network": "n",
        "clusterIpv4Cidr": "172.16.0.0/16",
        "nodePools": [{"name": "default-pool"}],
        "selfLink": (
            f"https://container.googleapis.com/v1/projects/{project}/zones/{zone}/clusters/{name}"
        ),
    } | fields


def problems(estate: Estate) -> list[str]:
    """The findings, as they are printed."""
    return [str(finding) for finding in estate.findings]
