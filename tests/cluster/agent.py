"""The agent as its DaemonSet starts it, in a network of its own, with a service account's token and no other right."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.agent.agent_process import AgentProcess, get, kept, wait_until
from tests.cluster.place import CONFIGMAP, Place
from tests.cluster.relay import Relay
from tests.deploy.chart import agent_of, only

from wayhome.kube.status_lease import NodeStatus, State, from_lease
from wayhome.lab.namespaces import NetworkNamespace

PATIENCE = 60.0
"""Seconds after which a back-off has ended that had few failures."""


class ClusterAgent(AgentProcess):
    """One agent; `relay` is its way to the API server."""

    def __init__(self, place: Place, letter: str) -> None:
        self.node = f"{place.name}-{letter}"
        folder = place.folder / letter
        folder.mkdir()
        super().__init__(folder)
        self._place = place
        self._namespace = NetworkNamespace.create()
        self.relay = Relay(self._namespace, place.target.server)
        self.token = folder / "token"
        self.token.write_text(place.token())
        self._kubeconfig = folder / "kubeconfig"
        user = {"tokenFile": str(self.token)}
        self._kubeconfig.write_text(json.dumps(place.target.at(self.relay.port, user)))
        if not place.can.nodes:
            place.node(self.node)

    def watch(self) -> None:
        """Start it, with the flags of the chart's DaemonSet."""
        flags = agent_of(only(self._place.rendered(nodes=20), "DaemonSet"))["args"]
        command = [sys.executable, "-m", "wayhome.agent", *flags, f"--state={self.state}"]
        command += ["--log-format=json", f"--kubeconfig={self._kubeconfig}"]
        pod = {"NODE_NAME": self.node, "POD_NAME": f"{self.node}-pod", "POD_NAMESPACE": self._place.agents}  # fmt: skip
        with self.log.open("ab") as log, self._namespace.entered():
            self.process = subprocess.Popen(command, stderr=log, stdout=log, env=os.environ | pod)

    def look(self) -> None:
        """Tell it to ask again now, and not when its back-off ends."""
        assert self.process
        self.process.send_signal(signal.SIGHUP)

    def holds(self, *ranges: str, timeout: float = PATIENCE) -> None:
        """Wait until its kernel keeps these and no others."""
        wait_until(
            lambda: self.kept() == set(ranges),
            lambda: f"{ranges}, it keeps {self.kept()}:\n{self.log.read_text()}",
            timeout,
        )

    def kept(self) -> set[str] | None:
        with self._namespace.entered():
            return kept()

    def metrics(self) -> str:
        with self._namespace.entered():
            return get("/metrics")[1]

    def says(self, state: State, **fields: str) -> NodeStatus:
        """What its Lease says as soon as it says that."""

        def found() -> NodeStatus | None:
            status = self.status()
            said = status and {name: getattr(status, name) for name in fields}
            return status if status and status.state == state and said == fields else None

        status: NodeStatus = wait_until(
            found,
            lambda: f"{state} {fields}, it says {self.status()}:\n{self.log.read_text()}",
            PATIENCE,
        )
        return status

    def status(self) -> NodeStatus | None:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self._place.status}/leases/{self.node}"
        item = self._place.admin.find(path)
        return from_lease(item) if item else None

    def close(self) -> None:
        self.kill()
        self.relay.close()
        self._namespace.close()


@contextmanager
def agents(place: Place, letters: str = "a") -> Iterator[list[ClusterAgent]]:
    """Agents that watch."""
    made: list[ClusterAgent] = []
    try:
        for letter in letters:
            made.append(ClusterAgent(place, letter))
            made[-1].watch()
        yield made
    finally:
        for each in made:
            each.close()


def events(place: Place) -> list[dict[str, Any]]:
    """About the ConfigMap."""
    items = place.admin.ask("GET", f"/api/v1/namespaces/{place.name}/events")["items"]
    return [item for item in items if item["involvedObject"]["name"] == CONFIGMAP]
