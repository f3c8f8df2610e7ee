"""A large estate as `gcloud … --format=json` prints it, the same each time.

Eight hubs with 25 spokes each: 208 networks, 200 peerings that exchange custom routes both ways. 10,000 subnets,
100,000 routes (a copy of each subnet's, and static ones through 2,080 instances, of which a tenth are stopped), 5,000
firewall rules, half of them for tags and from tags. Each project's objects are in files of their own, so that every
network has its part of everything.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HUBS, SPOKES = 8, 25
NETWORKS = HUBS * (SPOKES + 1)
SUBNETS, ROUTES, RULES, INSTANCES = 10_000, 100_000, 5_000, 10
"""The last one is for each network."""
REGIONS = ("europe-west4", "us-east4", "asia-east1")

_URL = "https://www.googleapis.com/compute/v1/projects"
_STATICS = ROUTES - SUBNETS


def write(folder: Path, hubs: int = HUBS, pod_ranges: int = 0) -> None:
    """Write the estate's files: of all hubs, or of the first ones with their spokes, a part in proportion.

    `pod_ranges`, in proportion too: one cluster in each network, whose nodes are instances with a Pod range each.
    """
    for number in range(hubs * (SPOKES + 1)):
        project = _project(number)
        subnets = list(_subnets(number))
        files = {
            "networks": [_network(number, subnets)],
            "subnets": subnets,
            "routes": [*_copies(number, subnets), *_statics(number)],
            "firewall-rules": list(_rules(number)),
            "instances": list(_instances(number)),
        }
        for name, content in files.items():
            (folder / f"{project}.{name}.json").write_text(json.dumps(content, indent=1))
        if pod_ranges:
            _write_cluster(folder / f"gke_{project}_{REGIONS[0]}_main", number, pod_ranges)


def _write_cluster(folder: Path, number: int, pod_ranges: int) -> None:
    """All kinds of objects, so that nothing is unknown; there are no Pods, but the nodes have ranges for them."""
    folder.mkdir()
    for kind in ("ConfigMap", "DaemonSet", "Namespace", "NetworkPolicy", "Pod", "Service"):
        listed = {"apiVersion": "v1", "kind": f"{kind}List", "items": []}
        (folder / f"{kind}.json").write_text(json.dumps(listed))
    cluster = {
        "name": "main",
        "location": REGIONS[0],
        "selfLink": f"https://container.googleapis.com/v1/projects/{_project(number)}/locations/{REGIONS[0]}/clusters/main",
        "currentMasterVersion": "1.30.5-gke.1",
        "networkConfig": {"network": f"projects/{_project(number)}/global/networks/net-{number}"},
    }
    (folder / "clusters.json").write_text(json.dumps([cluster]))
    nodes = {
        "apiVersion": "v1",
        "kind": "List",
        "items": list(_nodes(number, _share(pod_ranges, number))),
    }
    (folder / "nodes.json").write_text(json.dumps(nodes))


def _nodes(number: int, count: int) -> Iterator[dict[str, Any]]:
    """Instances but the first, which is stopped; each has the range of the first route through it."""
    for index in range(1, count + 1):
        region = REGIONS[index % len(REGIONS)]
        yield {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": f"vm-{index}"},
            "spec": {
                "podCIDR": _static(number, index),
                "podCIDRs": [_static(number, index)],
                "providerID": f"gce://{_project(number)}/{region}-a/vm-{index}",
            },
            "status": {"nodeInfo": {"kubeletVersion": "v1.30.5-gke.1"}},
        }


def start(number: int) -> tuple[str, str]:
    """An instance of a network, by its full name, and its address."""
    return f"projects/{_project(number)}/zones/{REGIONS[1]}-a/instances/vm-1", _address(number, 1)


def _share(total: int, number: int) -> int:
    """A network's part of what there is in all."""
    return total * (number + 1) // NETWORKS - total * number // NETWORKS


def _project(number: int) -> str:
    return f"project-{number}"


def _of(number: int, path: str) -> str:
    return f"{_URL}/{_project(number)}/{path}"


def _name(number: int) -> str:
    return _of(number, f"global/networks/net-{number}")


def _hub(number: int) -> int:
    return number - number % (SPOKES + 1)


def _network(number: int, subnets: list[dict[str, Any]]) -> dict[str, Any]:
    hub = _hub(number)
    peers = range(hub + 1, hub + 1 + SPOKES) if number == hub else (hub,)
    return {
        "kind": "compute#network",
        "name": f"net-{number}",
        "selfLink": _name(number),
        "autoCreateSubnetworks": False,
        "routingConfig": {"routingMode": "GLOBAL"},
        "subnetworks": [subnet["selfLink"] for subnet in subnets],
        "peerings": [
            {
                "name": f"to-{peer}",
                "network": _name(peer),
                "state": "ACTIVE",
                "exchangeSubnetRoutes": True,
                "exportCustomRoutes": True,
                "importCustomRoutes": True,
            }
            for peer in peers
        ],
    }


def _subnets(number: int) -> Iterator[dict[str, Any]]:
    for index in range(_share(SUBNETS, number)):
        region = REGIONS[index % len(REGIONS)]
        yield {
            "kind": "compute#subnetwork",
            "name": f"s-{index}",
            "selfLink": _of(number, f"regions/{region}/subnetworks/s-{index}"),
            "network": _name(number),
            "region": _of(number, f"regions/{region}"),
            "ipCidrRange": f"10.{number}.{index}.0/24",
        }


def _address(number: int, instance: int) -> str:
    return f"10.{number}.{instance}.2"


def _copies(number: int, subnets: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for index, subnet in enumerate(subnets):
        yield _route(number, f"default-route-{index}", subnet["ipCidrRange"], 0) | {
            "nextHopNetwork": _name(number)
        }


def _statics(number: int) -> Iterator[dict[str, Any]]:
    for index in range(_share(_STATICS, number)):
        route = _route(number, f"pods-{index}", _static(number, index), 1000)
        instance = f"vm-{index % INSTANCES}"
        region = REGIONS[index % INSTANCES % len(REGIONS)]
        yield route | {"nextHopInstance": _of(number, f"zones/{region}-a/instances/{instance}")}


def _static(number: int, index: int) -> str:
    first = (number * 512 + index) * 16  # in 172.16.0.0/12, then on
    octets = (172, 16 + (first >> 16), first >> 8 & 255, first & 255)
    return f"{'.'.join(map(str, octets))}/28"


def _route(number: int, name: str, cidr: str, priority: int) -> dict[str, Any]:
    return {
        "kind": "compute#route",
        "id": "5567157631748206080",
        "creationTimestamp": "2026-11-24T00:00:00.000-07:00",
        "name": name,
        "description": "",
        "network": _name(number),
        "destRange": cidr,
        "priority": priority,
        "selfLink": _of(number, f"global/routes/{name}"),
    }


def _instances(number: int) -> Iterator[dict[str, Any]]:
    for index in range(INSTANCES):
        region = REGIONS[index % len(REGIONS)]
        yield {
            "kind": "compute#instance",
            "name": f"vm-{index}",
            "selfLink": _of(number, f"zones/{region}-a/instances/vm-{index}"),
            "zone": _of(number, f"zones/{region}-a"),
            "status": "TERMINATED" if index == 0 else "RUNNING",
            "canIpForward": True,
            "tags": {"items": [f"tag-{index}", "node"]},
            "networkInterfaces": [
                {
                    "name": "nic0",
                    "network": _name(number),
                    "subnetwork": _of(number, f"regions/{region}/subnetworks/s-{index}"),
                    "networkIP": _address(number, index),
                }
            ],
        }


def _rules(number: int) -> Iterator[dict[str, Any]]:
    for index in range(_share(RULES, number)):
        rule: dict[str, Any] = {
            "kind": "compute#firewall",
            "name": f"rule-{index}",
            "selfLink": _of(number, f"global/firewalls/rule-{index}"),
            "network": _name(number),
            "direction": "INGRESS",
            "priority": 1000 + index,
            "sourceRanges": [f"10.{(number + index) % 256}.0.0/16"],
            "allowed": [{"IPProtocol": "tcp", "ports": [str(8000 + index), "80"]}],
        }
        if index % 2:
            rule["targetTags"] = [f"tag-{index % INSTANCES}"]
            rule["sourceTags"] = ["node"]
        yield rule
