"""The account's network with its cluster in an API server: real Pods' networks, a real agent, and exec that runs there."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.kube.api_server.rights import ADMIN_TOKEN
from tests.kube.api_server.writes import MERGE_PATCH
from tests.kube.server_process import ENVIRONMENT, ServerProcess

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.read import read_estate
from wayhome.lab.agents import agents_in, without_agents
from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.node_names import NodeNames
from wayhome.lab.programs import Program
from wayhome.lab.the_case.files import EXPORTS
from wayhome.lab.the_case.phases import ADDRESSES, MY_POD, NODE_02, TARGET
from wayhome.probe.server import LISTENING

REPAIR = "nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n  - 10.1.0.0/16\n"
IMAGE = "registry.example/wayhome-agent:1"
BIN = Path(sys.executable).parent
POD = f"default/{MY_POD}"
AGENT = "wayhome-agent-x7k2p"
HELD = "the kernel holds"


class CaseCluster:
    """my-pod on gke-node-02, whose agent runs from a file; the target greets and answers HTTP."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held = ExitStack()
        estate = read_estate(EXPORTS)
        compiled = compile_estate(estate)
        described = without_agents(compiled, agents_in(estate, compiled))
        self.network = self._held.enter_context(BuiltNetwork(described, folder))
        self.node = NodeNames.of(described).find
        self.server = ServerProcess(folder, "--namespace", "wayhome")
        self._held.callback(self.server.stop)
        server = (sys.executable, "-m", "wayhome.probe.server")
        target = self.network.start(
            Program(self.node(TARGET), "server", (*server, "--greeting-port", "23"))
        )
        self.config = folder / "config" / "ip-masq-agent"
        self.config.parent.mkdir()
        flags = (f"--config={self.config}", "--state=", f"--query-socket={folder / 'query'}")
        agent = Program(
            self.node(NODE_02), "agent", (sys.executable, "-m", "wayhome.agent", *flags)
        )
        self.agent = self.network.start(agent)
        target.wait_until(lambda text: LISTENING in text, 20)
        self.agent.wait_until(lambda text: HELD in text, 20)
        self.pod("default", MY_POD, "main", "web:1", MY_POD)
        self.pod("wayhome", AGENT, "wayhome-agent", IMAGE, NODE_02, hostNetwork=True)

    def close(self) -> None:
        self._held.close()

    def pod(
        self, namespace: str, name: str, container: str, image: str, where: str, **spec: object
    ) -> None:
        """A Pod whose programs run in the network of `where`; on gke-node-02, as the API has it."""
        containers = [{"name": container, "image": image}]
        labels = {"app.kubernetes.io/name": "wayhome-agent"} if namespace == "wayhome" else {}
        metadata = {"name": name, "labels": labels}
        item = {"metadata": metadata, "spec": {"nodeName": NODE_02, "containers": containers, **spec}}  # fmt: skip
        self.server.ask("POST", f"/api/v1/namespaces/{namespace}/pods", item)
        status = {
            "phase": "Running",
            "podIPs": [{"ip": str(ADDRESSES[where])}],
            "containerStatuses": [{"name": container, "state": {"running": {}}}],
        }
        self.status(namespace, name, status)
        self.place(namespace, name, where)

    def place(self, namespace: str, name: str, where: str, **more: object) -> None:
        descriptor = self.network.namespace(self.node(where)).descriptor
        enter = ["nsenter", f"--net=/proc/{os.getpid()}/fd/{descriptor}", "--"]
        path = {"PATH": f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin"}
        self.server.control(
            "POST", "containers", **{"namespace": namespace, "pod": name, "prefix": enter, "environment": path, **more},
        )  # fmt: skip

    def status(self, namespace: str, name: str, status: Mapping[str, object]) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/status"
        self.server.ask("PATCH", path, {"status": status}, MERGE_PATCH)

    def limited(self, resource: str, *verbs: str, namespace: str = "") -> tuple[str, str]:
        """Grant something to a user who may do nothing else; returns the option that is that user."""
        rule = {"verbs": list(verbs), "resources": [resource], "namespace": namespace}
        self.server.control("POST", "rules", user="limited", **rule)
        self.server.control("POST", "tokens", token="limited-token", user="limited")
        kubeconfig = self.folder / "limited"
        admin = self.server.kubeconfig.read_text()
        kubeconfig.write_text(admin.replace(ADMIN_TOKEN, "limited-token"))
        return "--kubeconfig", str(kubeconfig)

    def configure(self, text: str) -> None:
        number = self.agent.text().count(HELD)
        new = self.folder / "new"
        new.write_text(text)
        new.rename(self.config)
        self.agent.wait_until(lambda log: log.count(HELD) > number, 20)

    def probe(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "wayhome", "cluster", "probe", "--seconds", "1"]
        return subprocess.run(
            [*command, "--kubeconfig", str(self.server.kubeconfig), *arguments],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            env=ENVIRONMENT,
        )

    def document(self, *arguments: str) -> tuple[int, Any]:
        done = self.probe("--json", *arguments)
        return done.returncode, json.loads(done.stdout)

    def ephemeral(self, name: str = MY_POD) -> list[Any]:
        item: Any = self.server.ask("GET", f"/api/v1/namespaces/default/pods/{name}")
        found: list[Any] = item["spec"].get("ephemeralContainers") or []
        return found
