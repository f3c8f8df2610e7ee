"""A cluster as an agent in API mode meets it: its rights and no others, the namespace of the Leases, and its Node."""

from contextlib import suppress
from dataclasses import asdict
from typing import Any

from tests.agent.agent_process import TIMEOUT, wait_until
from tests.agent.agent_rights import STATUS_NAMESPACE, agent_rights
from tests.agent.api_agent import USER, Api, ApiAgent

from wayhome.kube.status_lease import NodeStatus, State, from_lease

LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{STATUS_NAMESPACE}/leases"
NODE = "node-a"
POD_RANGE = "10.244.1.0/24"


class Cluster(Api):
    """With the agent's rights, the namespace of the Leases, and a node."""

    def allow(self, *_: Any) -> None:
        super().allow()
        for rule in agent_rights():
            self.control("POST", "rules", user=USER, **asdict(rule))
        self.ask("POST", "/api/v1/namespaces", {"metadata": {"name": STATUS_NAMESPACE}})
        self.node(POD_RANGE)

    def node(self, *ranges: str) -> None:
        """Make or replace the agent's Node."""
        with suppress(OSError):
            self.ask("DELETE", f"/api/v1/nodes/{NODE}")
        spec = {"podCIDRs": list(ranges)} if ranges else {}
        self.ask("POST", "/api/v1/nodes", {"metadata": {"name": NODE}, "spec": spec})

    def status(self) -> NodeStatus | None:
        """What the agent's Lease says."""
        try:
            return from_lease(self.ask("GET", f"{LEASES}/{NODE}"))  # type: ignore[arg-type]
        except OSError:
            return None

    def wait_for(self, state: State, timeout: float = TIMEOUT, **fields: str) -> NodeStatus:
        """What it says as soon as it says that."""

        def found() -> NodeStatus | None:
            status = self.status()
            said = status and {name: getattr(status, name) for name in fields}
            return status if status and status.state == state and said == fields else None

        status: NodeStatus = wait_until(
            found, lambda: f"{state} {fields}, it says {self.status()}", timeout
        )
        return status

    def events(self) -> list[dict[str, Any]]:
        found: Any = self.ask("GET", "/api/v1/namespaces/kube-system/events")
        return list(found["items"])

    def agents_calls(self) -> list[dict[str, Any]]:
        calls: Any = self.control("GET", "calls")
        return [call for call in calls if call["user"] == USER]


def watch(agent: ApiAgent, *arguments: str, module: str = "wayhome.agent") -> None:
    """Start the agent, which tells after a tenth of a second at most."""
    agent.watch(f"--status-namespace={STATUS_NAMESPACE}", "--nodes=20", *arguments, module=module)
