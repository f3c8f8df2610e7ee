"""A cluster for the operator's commands: the tests' API server as a process, and agents as far as Leases show them."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.kube.api_server.writes import APPLY_PATCH, MERGE_PATCH
from tests.kube.server_process import ENVIRONMENT, ServerProcess

from wayhome.kube.status_lease import NodeStatus, State

CONFIG = "nonMasqueradeCIDRs:\n  - 10.0.0.0/8\n"
BROKEN = "nonMasqueradeCIDRs:\n  - 10.0.0.1/8\n"
REJECTION = "line 2: 10.0.0.1/8 has bits set after its prefix length; write 10.0.0.0/8"
CONFIGMAP = "/api/v1/namespaces/kube-system/configmaps/ip-masq-agent"


class World:
    """The server, what stands in it, and the command line as a process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = ServerProcess(
            folder, "--namespace", "wayhome-status", "--namespace", "wayhome"
        )

    def node(self, name: str, *, ready: bool = True, system: str = "linux", **spec: object) -> None:
        labels = {"kubernetes.io/os": system, **_texts(spec.pop("labels", {}))}
        item = {"metadata": {"name": name, "labels": labels}, "spec": spec}
        self.server.ask("POST", "/api/v1/nodes", item)
        condition = {"type": "Ready", "status": "True" if ready else "Unknown"}
        status = {"conditions": [condition], "nodeInfo": {"operatingSystem": system}}
        self.server.ask("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, MERGE_PATCH)

    def daemon_set(
        self, name: str, image: str, *arguments: str, namespace: str = "kube-system", **spec: Any
    ) -> None:
        container = {"name": name, "image": image, "args": list(arguments)}
        labels = spec.pop("labels", {})
        pod = {"containers": [container], "nodeSelector": {"kubernetes.io/os": "linux"}, **spec}
        item = {
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"template": {"spec": pod}},
        }
        self.server.ask("POST", f"/apis/apps/v1/namespaces/{namespace}/daemonsets", item)

    def wayhome(self, *arguments: str) -> None:
        self.daemon_set(
            "wayhome-agent",
            "registry.example/wayhome:1",
            "--configmap=kube-system/ip-masq-agent",
            *arguments,
            namespace="wayhome",
        )

    def upstream(self) -> None:
        volume = {"name": "config", "configMap": {"name": "ip-masq-agent"}}
        self.daemon_set(
            "ip-masq-agent",
            "registry.k8s.io/networking/ip-masq-agent:v2.12.6",
            volumes=[volume],
        )

    def put(self, text: str, *, manager: str = "kubectl-create", **query: str) -> str:
        """Write the ConfigMap as somebody; returns its version."""
        body = {"data": {"config": text}}
        path = f"{CONFIGMAP}?fieldManager={manager}"
        if self.configmap() is None:
            item = {"metadata": {"name": "ip-masq-agent"}, **body}
            made = self.server.ask("POST", path.replace("/ip-masq-agent", "", 1), item)
        else:
            made = self.server.ask("PATCH", path, body, MERGE_PATCH)
        assert isinstance(made, dict)
        return str(made["metadata"]["resourceVersion"])

    def apply(self, manager: str, item: Mapping[str, object]) -> None:
        path = f"{CONFIGMAP}?fieldManager={manager}&force=true"
        self.server.ask("PATCH", path, item, APPLY_PATCH)

    def configmap(self) -> dict[str, Any] | None:
        found = self.server.ask("GET", "/api/v1/configmaps")
        assert isinstance(found, dict)
        for item in found["items"]:
            if (item["metadata"]["namespace"], item["metadata"]["name"]) == (
                "kube-system",
                "ip-masq-agent",
            ):
                assert isinstance(item, dict)
                return item
        return None

    def lease(self, status: NodeStatus) -> None:
        """As an agent writes it."""
        status_ = status.to_patch()
        path = "/apis/coordination.k8s.io/v1/namespaces/wayhome-status/leases"
        try:
            self.server.ask("POST", path, status.to_lease("wayhome-status"))
        except OSError:
            self.server.ask("PATCH", f"{path}/{status.node}", status_, MERGE_PATCH)

    def holds(self, node: str, text: str | None, version: str, **more: Any) -> None:
        """A node's agent says what its kernel holds; None: the defaults."""
        digest = (
            f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
            if text is not None
            else "defaults"
        )
        now = datetime.now(UTC)
        facts: dict[str, Any] = {
            "held_version": version,
            "held_digest": digest,
            "held_key": "config",
            "seen_version": version,
            "applied_at": now - timedelta(seconds=12),
            "renewed_at": now,
            "state": State.APPLIED if text is not None else State.DEFAULTS,
            "pod": f"wayhome/wayhome-agent-{node}",
        }
        self.lease(NodeStatus(node=node, **(facts | more)))

    def agents_pod(self, name: str, node: str, script: str) -> None:
        """The Pod of a node's agent, whose `wayhome-agent` is this shell script."""
        programs = self.folder / f"{name}-programs"
        programs.mkdir()
        program = programs / "wayhome-agent"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        container = {"name": "wayhome-agent", "image": "wayhome"}
        item = {
            "metadata": {"name": name, "namespace": "wayhome"},
            "spec": {"nodeName": node, "containers": [container]},
        }
        self.server.ask("POST", "/api/v1/namespaces/wayhome/pods", item)
        state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        running = [{"name": container["name"], "state": state}]
        status = {"status": {"phase": "Running", "containerStatuses": running}}
        path = f"/api/v1/namespaces/wayhome/pods/{name}/status"
        self.server.ask("PATCH", path, status, MERGE_PATCH)
        environment = {"PATH": f"{programs}:{os.environ['PATH']}"}
        self.server.control(
            "POST", "containers", namespace="wayhome", pod=name, environment=environment
        )

    def command(self, *arguments: str, columns: int = 200) -> list[str]:
        return [
            sys.executable,
            "-m",
            "wayhome",
            "cluster",
            *arguments,
            "--kubeconfig",
            str(self.server.kubeconfig),
        ]

    def run(
        self, *arguments: str, given: str | None = None, columns: int = 200
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=self.folder,
            env=ENVIRONMENT | {"COLUMNS": str(columns)},
        )

    def start(self, *arguments: str, columns: int = 200) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=ENVIRONMENT | {"COLUMNS": str(columns)},
        )

    def document(self, *arguments: str) -> dict[str, Any]:
        done = self.run(*arguments, "--json")
        found = json.loads(done.stdout or "null")
        assert isinstance(found, dict), done.stderr
        assert found["schema"] == 1
        assert found["exit_code"] == done.returncode
        return found

    def conditions(self, *arguments: str) -> dict[str, str]:
        """Of each node, as `status` says it."""
        return {
            row["node"]: row["condition"] for row in self.document("status", *arguments)["nodes"]
        }

    def stop(self) -> None:
        self.server.stop()


def _texts(value: object) -> dict[str, str]:
    return value if isinstance(value, dict) else {}
