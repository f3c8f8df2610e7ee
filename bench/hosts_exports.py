"""Exports of two peered networks with many instances, for a lab that is kept up; everybody may ask everybody."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROJECT, REGION = "crowd", "europe-west4"
_URL = f"https://www.googleapis.com/compute/v1/projects/{PROJECT}"
_NETWORKS = ("one", "two")


def write(folder: Path, instances: int) -> None:
    """Write them: half of the instances in each network."""
    files = {
        "project-info": {"kind": "compute#project", "name": PROJECT, "selfLink": _URL},
        "networks": [_network(name) for name in _NETWORKS],
        "subnets": [_subnet(number) for number in range(len(_NETWORKS))],
        "routes": [_default(name) for name in _NETWORKS],
        "firewall-rules": [_rule(name) for name in _NETWORKS],
        "instances": list(_instances(instances)),
    }
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def _of(name: str) -> str:
    return f"{_URL}/global/networks/{name}"


def _network(name: str) -> dict[str, Any]:
    (peer,) = (other for other in _NETWORKS if other != name)
    return {
        "kind": "compute#network",
        "name": name,
        "selfLink": _of(name),
        "autoCreateSubnetworks": False,
        "routingConfig": {"routingMode": "GLOBAL"},
        "subnetworks": [_subnet_link(name)],
        "peerings": [
            {
                "name": f"to-{peer}",
                "network": _of(peer),
                "state": "ACTIVE",
                "exchangeSubnetRoutes": True,
            }
        ],
    }


def _subnet_link(network: str) -> str:
    return f"{_URL}/regions/{REGION}/subnetworks/{network}"


def _subnet(number: int) -> dict[str, Any]:
    name = _NETWORKS[number]
    return {
        "kind": "compute#subnetwork",
        "name": name,
        "selfLink": _subnet_link(name),
        "network": _of(name),
        "region": f"{_URL}/regions/{REGION}",
        "ipCidrRange": f"10.{number}.0.0/16",
        "purpose": "PRIVATE",
    }


def _default(network: str) -> dict[str, Any]:
    return {
        "kind": "compute#route",
        "name": f"default-{network}",
        "selfLink": f"{_URL}/global/routes/default-{network}",
        "network": _of(network),
        "destRange": "0.0.0.0/0",
        "priority": 1000,
        "nextHopGateway": f"{_URL}/global/gateways/default-internet-gateway",
    }


def _rule(network: str) -> dict[str, Any]:
    return {
        "kind": "compute#firewall",
        "name": f"allow-{network}",
        "selfLink": f"{_URL}/global/firewalls/allow-{network}",
        "network": _of(network),
        "direction": "INGRESS",
        "priority": 1000,
        "sourceRanges": ["10.0.0.0/8"],
        "allowed": [{"IPProtocol": "tcp"}, {"IPProtocol": "icmp"}],
    }


def _instances(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        network = number % len(_NETWORKS)
        host = number // len(_NETWORKS) + 2
        zone = f"{_URL}/zones/{REGION}-a"
        yield {
            "kind": "compute#instance",
            "name": f"host-{number}",
            "selfLink": f"{zone}/instances/host-{number}",
            "zone": zone,
            "status": "RUNNING",
            "networkInterfaces": [
                {
                    "name": "nic0",
                    "network": _of(_NETWORKS[network]),
                    "subnetwork": _subnet_link(_NETWORKS[network]),
                    "networkIP": f"10.{network}.{host // 250}.{host % 250}",
                }
            ],
        }
