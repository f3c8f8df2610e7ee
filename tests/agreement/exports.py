"""A directory of exports in the making: what strategies write into, and what a shrunk case is kept as."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clouds.read.directory import COMPUTE, estate_of

from wayhome.clouds.estate import Estate

Json = dict[str, Any]

LISTS = (
    "networks", "subnets", "routes", "firewall-rules", "instances", "routers", "vpn-tunnels", "vpn-gateways",
    "target-vpn-gateways", "external-vpn-gateways", "forwarding-rules", "policy-based-routes",
    "interconnect-attachments", "clusters", "addresses", "backend-services", "instance-groups",
    "firewall-policies",
)  # fmt: skip
OF_CLUSTER = (
    "nodes", "pods", "configmaps", "daemonsets", "networkpolicies", "services", "namespaces",
    "egressnatpolicies",
)  # fmt: skip
KINDS = {
    "networks": "network", "subnets": "subnetwork", "routes": "route", "firewall-rules": "firewall",
    "instances": "instance", "vpn-tunnels": "vpnTunnel", "vpn-gateways": "vpnGateway",
    "target-vpn-gateways": "targetVpnGateway", "forwarding-rules": "forwardingRule",
    "routers/status": "routerStatusResponse", "routers": "router", "addresses": "address",
    "backend-services": "backendService", "firewall-policies": "firewallPolicy",
}  # fmt: skip


@dataclass(slots=True)
class Exports:
    """Files by name, everything of each project and cluster exported."""

    files: dict[str, Any] = field(default_factory=dict)

    def project(self, project: str) -> None:
        """A project in which there is nothing yet."""
        link = f"{COMPUTE}projects/{project}"
        self.files[f"{project}/project-info.json"] = {
            "kind": "compute#project", "name": project, "selfLink": link,
            "xpnProjectStatus": "UNSPECIFIED_XPN_PROJECT_STATUS",
        }  # fmt: skip
        self.files |= {f"{project}/{name}.json": [] for name in LISTS}

    def cluster(self, folder: str) -> None:
        """The same of a cluster."""
        for kind in OF_CLUSTER:
            self.files[f"{folder}/{kind}.json"] = {
                "apiVersion": "v1", "kind": "List", "items": [],
            }  # fmt: skip

    def add(self, kind: str, name: str, **fields: Any) -> str:
        """An object of Google's by its full name. Returns its link."""
        parts = name.split("/")
        place = "/".join(parts[:4])
        said = (
            {"zone": place} if "zones" in parts else {"region": place} if "regions" in parts else {}
        )
        one = {
            "kind": f"compute#{KINDS[kind]}", "name": parts[-1], "selfLink": f"{COMPUTE}{name}",
        } | {key: f"{COMPUTE}{value}" for key, value in said.items()} | fields  # fmt: skip
        self.files[f"{parts[1]}/{kind}.json"].append(one)
        return f"{COMPUTE}{name}"

    def about(self, file: str, kind: str, subject: str, content: Json | list[Json]) -> None:
        """An output that does not say what it is about."""
        self.files[file] = content
        said = {"resource": kind, "scope": subject, "state": "exported", "file": file}
        collected = self.files.setdefault("collected.json", {"schema": 1, "collected": []})
        collected["collected"].append(said)

    def add_to_cluster(self, folder: str, kind: str, *items: Json) -> None:
        """Objects as `kubectl get` lists them."""
        self.files[f"{folder}/{kind}.json"]["items"] += items

    def forgettable(self) -> list[str]:
        """The files that whoever exports may forget: `collected.json` would tell that one is gone."""
        told = self.files.get("collected.json", {"collected": []})["collected"]
        return sorted(self.files.keys() - {one["file"] for one in told} - {"collected.json"})

    def forget(self, file: str) -> None:
        """A file is missing."""
        del self.files[file]

    def estate(self, folder: Path) -> Estate:
        """What is read of them."""
        return estate_of(folder, self.files)

    def __repr__(self) -> str:
        """Brief: hypothesis prints it, and what fails is kept as files."""
        return f"exports of {len(self.files)} files"


def item(
    kind: str, name: str, namespace: str = "", labels: Json | None = None, **more: Any
) -> Json:
    """An object of Kubernetes."""
    place = {"namespace": namespace} if namespace else {}
    marks = {"labels": labels} if labels else {}
    version = {"NetworkPolicy": "networking.k8s.io/v1", "DaemonSet": "apps/v1"}.get(kind, "v1")
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name} | place | marks} | more


def layers(*names: str) -> Iterable[Json]:
    """Protocols of a firewall rule, from `tcp:80`."""
    for text in names:
        protocol, _, port = text.partition(":")
        yield {"IPProtocol": protocol} | ({"ports": [port]} if port else {})
