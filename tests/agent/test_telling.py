"""What a real agent tells a cluster, over TLS, with the rights of its manifests and no others."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from tests.agent.agent_process import CASE, get, nft, wait_until
from tests.agent.agent_rights import AGENT_RIGHTS, STATUS_NAMESPACE, granted
from tests.agent.api_agent import USER, Api, ApiAgent
from tests.kube.steps import NAME

from wayhome.kube.status_lease import NodeStatus, State, from_lease
from wayhome.lab.namespaces import NetworkNamespace

pytestmark = pytest.mark.kernel

BAD = "nonMasqueradeCIDRs:\n- 10.0.0.1/8\n"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{STATUS_NAMESPACE}/leases"


class Cluster(Api):
    """With the agent's rights, the namespace of the Leases, and a node."""

    def allow(self, *_: Any) -> None:
        super().allow()
        for rule in AGENT_RIGHTS:
            self.control("POST", "rules", user=USER, **asdict(rule))
        self.ask("POST", "/api/v1/namespaces", {"metadata": {"name": STATUS_NAMESPACE}})

    def status(self) -> NodeStatus | None:
        """What the Lease of node-a says."""
        try:
            return from_lease(self.ask("GET", f"{LEASES}/node-a"))  # type: ignore[arg-type]
        except OSError:
            return None

    def wait_for(self, state: State, **fields: str) -> NodeStatus:
        def found() -> NodeStatus | None:
            status = self.status()
            said = status and {name: getattr(status, name) for name in fields}
            return status if status and status.state == state and said == fields else None

        status: NodeStatus = wait_until(found, lambda: f"{state} {fields}, it says {self.status()}")
        return status

    def events(self) -> list[dict[str, Any]]:
        found: Any = self.ask("GET", "/api/v1/namespaces/kube-system/events")
        return list(found["items"])

    def agents_calls(self) -> list[dict[str, Any]]:
        calls: Any = self.control("GET", "calls")
        return [call for call in calls if call["user"] == USER]


@pytest.fixture
def cluster(netns: NetworkNamespace, tmp_path: Path) -> Iterator[Cluster]:
    server = Cluster(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def agent(cluster: Cluster, tmp_path: Path) -> Iterator[ApiAgent]:
    process = ApiAgent(tmp_path, cluster)
    yield process
    process.kill()


def watch(agent: ApiAgent, *arguments: str) -> None:
    agent.watch(f"--status-namespace={STATUS_NAMESPACE}", "--nodes=20", *arguments)


def test_the_lease_says_what_the_kernel_holds_and_the_event_what_is_wrong(
    cluster: Cluster, agent: ApiAgent
) -> None:
    first = cluster.write({"config": CASE})
    watch(agent)
    status = cluster.wait_for(State.APPLIED, held_version=first, seen_version=first)
    assert status.backend == "nftables"
    assert status.source == f"configmap kube-system/{NAME} config"
    assert status.held_key == "config"

    wrong = cluster.write({"config": BAD})
    status = cluster.wait_for(State.REJECTED, held_version=first, seen_version=wrong)
    assert status.error.startswith("line 2: 10.0.0.1/8 has bits set")
    (event,) = wait_until(cluster.events, lambda: "an Event")
    assert event["message"] == status.error
    assert event["involvedObject"]["resourceVersion"] == wrong

    masq = cluster.write({"masq.yaml": CASE})  # the account's mistake
    status = cluster.wait_for(State.REJECTED, held_version=first, seen_version=masq)
    assert "masq.yaml" in status.error
    wait_until(lambda: len(cluster.events()) == 2, lambda: "another Event")

    second = cluster.write({"config": CASE + "  - 10.2.0.0/16\n"})
    cluster.wait_for(State.APPLIED, held_version=second, error="")

    calls = cluster.agents_calls()
    assert all(granted(call) for call in calls)
    assert 403 not in {call["code"] for call in calls}
    assert {(call["resource"], call["verb"]) for call in calls} == {
        ("configmaps", "list"),
        ("configmaps", "watch"),
        ("leases", "patch"),
        ("leases", "create"),
        ("events", "create"),
    }


def test_kubectl_describe_shows_the_event(cluster: Cluster, agent: ApiAgent) -> None:
    cluster.write({"config": BAD})
    watch(agent)
    wait_until(cluster.events, lambda: "an Event")
    shown = cluster.kubectl("describe", "configmap", NAME, "--namespace", "kube-system")
    assert shown.returncode == 0, shown.stderr
    assert "Rejected" in shown.stdout
    assert "line 2: 10.0.0.1/8 has bits set" in shown.stdout


def test_a_kernel_that_refuses_is_told_and_its_recovery_too(
    cluster: Cluster, agent: ApiAgent
) -> None:
    version = cluster.write({"config": CASE})
    watch(agent)
    cluster.wait_for(State.APPLIED, held_version=version)
    nft("delete table inet wayhome")
    agent.wait_for("repaired")
    assert cluster.wait_for(State.APPLIED, held_version=version).error == ""


def test_metrics_count_what_was_told(cluster: Cluster, agent: ApiAgent) -> None:
    cluster.write({"config": BAD})
    watch(agent, "--metrics-bind-address=127.0.0.1:9696")
    wait_until(cluster.events, lambda: "an Event")
    cluster.wait_for(State.REJECTED)
    wait_until(lambda: 'wayhome_events_total{result="created"} 1' in get("/metrics")[1], lambda: get("/metrics")[1])  # fmt: skip
    text = get("/metrics")[1]
    assert "wayhome_lease_errors_total 0" in text
    assert 'scope="node"' in text


def test_a_cluster_that_grants_no_leases_delays_nothing(agent: ApiAgent, cluster: Cluster) -> None:
    cluster.ask("DELETE", f"/api/v1/namespaces/{STATUS_NAMESPACE}")
    cluster.write({"config": CASE})
    watch(agent)
    agent.wait_for("applied")
    assert "kubectl create namespace" in agent.wait_for("status")["message"]
    cluster.write({"config": CASE + "  - 10.2.0.0/16\n"})
    agent.wait_for("applied")
    assert agent.stop() == 0


def test_an_agent_that_ends_writes_nothing_more(cluster: Cluster, agent: ApiAgent) -> None:
    version = cluster.write({"config": CASE})
    watch(agent)
    before = cluster.wait_for(State.APPLIED, held_version=version)
    calls = Counter(call["resource"] for call in cluster.agents_calls())
    assert agent.stop() == 0
    assert Counter(call["resource"] for call in cluster.agents_calls()) == calls
    assert cluster.status() == before
    assert subprocess.run(["nft", "list", "table", "inet", "wayhome"], check=False, capture_output=True).returncode == 0  # fmt: skip
