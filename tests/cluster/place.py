"""What a scenario makes in a cluster, all of it named with one random suffix, and taken away whatever happens.

| what                                 | name                            |
| ------------------------------------ | ------------------------------- |
| the ConfigMap's namespace            | wayhome-test-SUFFIX             |
| the agents' namespace                | wayhome-test-SUFFIX-agent       |
| the namespace of the Leases          | wayhome-test-SUFFIX-status      |
| ClusterRole, ClusterRoleBinding      | wayhome-test-SUFFIX             |
| admission policy and its binding     | wayhome-test-SUFFIX-status      |
| Nodes, where the cluster has none    | wayhome-test-SUFFIX-a, …        |

The namespaces carry the label `wayhome-test`, by which a person finds what a killed run has left.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.cluster.admin import MERGE_PATCH, Admin, Object, Refused
from tests.cluster.relay import Relay
from tests.cluster.target import Abilities, Target
from tests.deploy.chart import Values, is_hook, objects
from tests.kube.server_process import ENVIRONMENT

from wayhome.lab.namespaces import NetworkNamespace

CONFIGMAP = "ip-masq-agent"
LABEL = "wayhome-test"
GONE_SECONDS = 90
_OF_THE_CLUSTER = (
    "rbac.authorization.k8s.io/v1/clusterrolebindings/{}",
    "rbac.authorization.k8s.io/v1/clusterroles/{}",
    "admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/{}-status",
    "admissionregistration.k8s.io/v1/validatingadmissionpolicies/{}-status",
)
_IN_A_NAMESPACE = (
    "apis/apps/v1/namespaces/{}/daemonsets",
    "api/v1/namespaces/{}/pods",
    "api/v1/namespaces/{}/configmaps",
    "api/v1/namespaces/{}/secrets",
    "api/v1/namespaces/{}/events",
    "api/v1/namespaces/{}/resourcequotas",
    "api/v1/namespaces/{}/serviceaccounts",
    "apis/coordination.k8s.io/v1/namespaces/{}/leases",
    "apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
)


class Place:
    """A part of a cluster. Everything in it is asked for by `admin` and kubectl, as an administrator."""

    def __init__(self, target: Target, folder: Path, namespace: NetworkNamespace) -> None:
        self.target = target
        self.folder = folder
        self.name = f"wayhome-test-{secrets.token_hex(4)}"
        self.agents, self.status = f"{self.name}-agent", f"{self.name}-status"
        self.account = f"system:serviceaccount:{self.agents}:{self.name}"
        self.configmap = f"/api/v1/namespaces/{self.name}/configmaps/{CONFIGMAP}"
        self._relay = Relay(namespace, target.server)
        content = target.at(self._relay.port)
        self.kubeconfig = folder / "admin-kubeconfig"
        self.kubeconfig.write_text(json.dumps(content))
        self.admin = Admin(content)
        self.can = Abilities.of(self.admin)
        self._nodes: list[str] = []

    def make(self) -> None:
        """Its namespaces."""
        for each in self._namespaces:
            labels = {LABEL: self.name, "pod-security.kubernetes.io/enforce": "privileged"}
            self.admin.ask("POST", "/api/v1/namespaces", {"metadata": {"name": each, "labels": labels}})  # fmt: skip

    @property
    def _namespaces(self) -> tuple[str, ...]:
        return self.name, self.agents, self.status

    def rendered(self, **values: Any) -> list[Object]:
        """What the chart makes of this place, but for its hooks and the namespaces."""
        status = {"namespace": self.status, "create": False, **values.pop("status", {})}
        own: Values = {"name": self.name, "configMaps": [f"{self.name}/{CONFIGMAP}"], "status": status}  # fmt: skip
        return [item for item in objects({**own, **values}, self.agents) if not is_hook(item)]

    def apply(self, items: list[Object], *flags: str) -> str:
        """`kubectl apply --server-side`; returns what it says."""
        given = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        return self.kubectl("apply", "--server-side", "--filename=-", *flags, given=given)

    def install(self, *kinds: str, **values: Any) -> None:
        """Apply the chart's objects of these kinds; none named: all but the DaemonSet."""
        items = self.rendered(**values)
        chosen = [i for i in items if i["kind"] in kinds or (not kinds and i["kind"] != "DaemonSet")]  # fmt: skip
        self.apply(chosen, "--validate=false")

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """What it prints; it has to succeed."""
        done = self.tried(*arguments, given=given)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def tried(
        self, *arguments: str, given: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """What comes of kubectl."""
        return self._run(["kubectl", "--kubeconfig", str(self.kubeconfig), *arguments], given)

    def wayhome(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """The command line, which finds the cluster as kubectl does."""
        places = ("--configmap", f"{self.name}/{CONFIGMAP}", "--status-namespace", self.status)
        return self._cluster(*arguments, *places)

    def probe(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`wayhome cluster probe`, which asks for no ConfigMap."""
        return self._cluster("probe", *arguments)

    def _cluster(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        connection = ("--kubeconfig", str(self.kubeconfig))
        return self._run([sys.executable, "-m", "wayhome", "cluster", *arguments, *connection], None)  # fmt: skip

    def _run(self, command: list[str], given: str | None) -> "subprocess.CompletedProcess[str]":
        home = {"HOME": str(self.folder), "COLUMNS": "200"}
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=300, check=False, cwd=self.folder, env=os.environ | ENVIRONMENT | home)  # fmt: skip

    def write(self, data: object, **metadata: object) -> str:
        """Make or replace the ConfigMap; returns its version."""
        item = {"metadata": {"name": CONFIGMAP, "namespace": self.name, **metadata}, "data": data}
        whole = {"apiVersion": "v1", "kind": "ConfigMap", **item}
        there = self.admin.find(self.configmap) is not None
        path = self.configmap if there else self.configmap.rpartition("/")[0]
        made = self.admin.ask("PUT" if there else "POST", path, whole)
        return str(made["metadata"]["resourceVersion"])

    def token(self, account: str = "", bound_to: tuple[str, str] | None = None) -> str:
        """A token of an account of the agents' namespace (the agent's), that ends with a Secret or a Pod of a name."""
        spec: Object = {"expirationSeconds": 3600}
        if bound_to:
            kind, name = bound_to
            spec["boundObjectRef"] = {"apiVersion": "v1", "kind": kind, "name": name}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = f"/api/v1/namespaces/{self.agents}/serviceaccounts/{account or self.name}/token"
        return str(self.admin.ask("POST", path, request)["status"]["token"])

    def as_holder_of(self, token: str) -> Admin:
        """Requests of whoever has this token."""
        return Admin(self.target.at(self._relay.port, {"token": token}))

    def node(self, name: str) -> None:
        """A Node without a machine. Only where there are no others: their DaemonSets would put Pods on it."""
        assert not self.can.nodes
        self._nodes.append(name)
        labels = {LABEL: self.name, "kubernetes.io/os": "linux"}
        item = {"metadata": {"name": name, "labels": labels}, "spec": {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24"]}}  # fmt: skip
        self.admin.ask("POST", "/api/v1/nodes", item)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        ready = {"type": "Ready", "status": "True", "reason": "Test", "message": "", "lastHeartbeatTime": now, "lastTransitionTime": now}  # fmt: skip
        path = f"/api/v1/nodes/{name}/status"
        self.admin.ask("PATCH", path, {"status": {"conditions": [ready]}}, MERGE_PATCH)

    def close(self) -> None:
        """Take everything away. What was never made is not missed."""
        try:
            for name in self._nodes:
                self._remove(f"/api/v1/nodes/{name}")
            for path in _OF_THE_CLUSTER:
                self._remove(f"/apis/{path.format(self.name)}")
            for namespace in self._namespaces:
                self._empty(namespace)
                self._remove(f"/api/v1/namespaces/{namespace}")
            for namespace in self._namespaces:
                self._wait_until_gone(namespace)
        finally:
            self.admin.close()
            self._relay.close()

    def _empty(self, namespace: str) -> None:
        """Without controllers nobody else does it, and a namespace that is forgotten would leave its objects behind."""
        if not self.can.controllers:
            for path in _IN_A_NAMESPACE:
                for item in self.admin.ask("GET", f"/{path.format(namespace)}")["items"]:
                    self._remove(f"/{path.format(namespace)}/{item['metadata']['name']}")

    def _wait_until_gone(self, namespace: str) -> None:
        path = f"/api/v1/namespaces/{namespace}"
        end = time.monotonic() + GONE_SECONDS
        while item := self.admin.find(path):
            if not self.can.controllers:  # then this is ours to say, too
                self.admin.ask("PUT", f"{path}/finalize", {**item, "spec": {"finalizers": []}})
            assert time.monotonic() < end, f"namespace {namespace} is still there: {item['status']}"
            time.sleep(0.2)

    def _remove(self, path: str) -> None:
        try:
            self.admin.ask("DELETE", path, {"gracePeriodSeconds": 0})
        except Refused as refused:
            if refused.code not in (404, 409):  # 409: it is going already
                raise
