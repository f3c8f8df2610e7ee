"""The DaemonSet on real kubelets: `WAYHOME_TEST_IMAGE` names the agent's image, as the nodes can pull it or have it.

Here the agents are in the nodes' own network: they keep real rules of real nodes while this runs, and the last step
takes them away. So it is asked for by name, and never where the nodes hold rules of an agent already.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from tests.agent.agent_process import CASE, wait_until
from tests.cluster.conftest import one_at_a_time, reached
from tests.cluster.place import Place
from tests.deploy.chart import objects, only

from wayhome.kube.status_lease import NodeStatus, State, from_lease
from wayhome.lab.namespaces import NetworkNamespace

pytestmark = pytest.mark.kernel

IMAGE = "WAYHOME_TEST_IMAGE"
ROLLOUT_SECONDS = 240
REPORTED = 60.0
STATE_FOLDER = "/var/lib/wayhome-test"
BAD = "nonMasqueradeCIDRs:\n  - 10.0.0.1/8\n"


@pytest.fixture
def cluster(netns: NetworkNamespace, tmp_path: Any) -> Iterator[Place]:
    if not os.environ.get(IMAGE):
        pytest.skip(f"{IMAGE} names no image of the agent (docs/development.md)")
    with one_at_a_time():
        made = Place(reached(), tmp_path, netns)
        try:
            made.make()
            if not made.can.nodes:
                pytest.skip("this API server has no nodes, and so no kubelet")
            no_other_agent(made)
            yield made
        finally:
            made.close()


def no_other_agent(place: Place) -> None:
    """Two agents on a node would take the rules away from each other."""
    document = json.loads(place.wayhome("status", "--json").stdout)
    if document["agents"]:
        pytest.skip(f"this cluster has agents already: {document['agents']}")


def image() -> dict[str, str]:
    """The chart's values for the image's reference."""
    reference, at, digest = os.environ[IMAGE].partition("@")
    repository, colon, tag = reference.rpartition(":")
    if not colon or "/" in tag:  # that colon is a port's
        repository, tag = reference, "latest"
    found = {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"}
    return found | ({"digest": digest} if at else {})


def test_installed_changed_probed_and_uninstalled(cluster: Place) -> None:
    values = {"image": image(), "nodes": 20, "stateFolder": STATE_FOLDER}
    cluster.install(**values)
    cluster.install("DaemonSet", **values)
    rolled_out(cluster, cluster.name)
    try:
        first = cluster.write({"config": CASE})
        done = cluster.wayhome("status", "--wait")
        assert done.returncode == 0, done.stdout + done.stderr
        held = reported(cluster, State.APPLIED, first)
        assert len(held) == scheduled(cluster)
        wrong = cluster.write({"config": BAD})
        done = cluster.wayhome("status", "--wait")
        assert done.returncode == 1, done.stdout + done.stderr
        assert "line 2: 10.0.0.1/8" in done.stdout
        assert {each.seen_version for each in reported(cluster, State.REJECTED, first)} == {wrong}
        again = cluster.write({"config": CASE + "  - 10.2.0.0/16\n"})
        reported(cluster, State.APPLIED, again)
        probed(cluster)
    finally:
        uninstalled(cluster, values)


def rolled_out(place: Place, name: str) -> None:
    where = ("--namespace", place.agents, f"--timeout={ROLLOUT_SECONDS}s")
    place.kubectl("rollout", "status", f"daemonset/{name}", *where)


def scheduled(place: Place) -> int:
    path = f"/apis/apps/v1/namespaces/{place.agents}/daemonsets/{place.name}"
    return int(place.admin.ask("GET", path)["status"]["desiredNumberScheduled"])


def reported(place: Place, state: State, version: str) -> list[NodeStatus]:
    """What the Leases say as soon as all say that, of what the kernels hold."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{place.status}/leases"

    def found() -> list[NodeStatus]:
        statuses = [from_lease(item) for item in place.admin.ask("GET", path)["items"]]
        alike = all((s.state, s.held_version) == (state, version) for s in statuses)
        return statuses if alike and len(statuses) == scheduled(place) else []

    statuses: list[NodeStatus] = wait_until(
        found, lambda: f"{state} {version}: {place.admin.ask('GET', path)['items']}", REPORTED
    )
    return statuses


def probed(place: Place) -> None:
    """From a Pod of its own, through an ephemeral container, to the API server: the one address that is there for sure."""
    service = place.admin.ask("GET", "/api/v1/namespaces/default/services/kubernetes")["spec"]
    host = f"[{service['clusterIP']}]" if ":" in service["clusterIP"] else service["clusterIP"]
    container = {"name": "pod", "image": os.environ[IMAGE], "command": ["sleep", "infinity"]}
    spec = {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0, "nodeSelector": {"kubernetes.io/os": "linux"}, "containers": [container]}  # fmt: skip
    place.admin.ask("POST", f"/api/v1/namespaces/{place.name}/pods", {"metadata": {"name": "probed"}, "spec": spec})  # fmt: skip
    ready = ("--for=condition=Ready", f"--timeout={ROLLOUT_SECONDS}s", "--namespace", place.name)
    place.kubectl("wait", "pod/probed", *ready)
    target = f"{host}:{service['ports'][0]['port']}"
    done = place.probe("--protocol", "tcp", "--json", f"{place.name}/probed", target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["exit_code"] == 0


def uninstalled(place: Place, values: dict[str, Any]) -> None:
    """As `helm uninstall` does it: the agents first, then what removes their rules from every node."""
    place.kubectl("delete", "daemonset", place.name, "--namespace", place.agents, "--wait")
    hooks = objects({**values, "name": place.name}, place.agents)
    clean = only([i for i in hooks if i["metadata"]["name"] == f"{place.name}-clean"], "DaemonSet")
    place.apply([clean], "--validate=false")
    rolled_out(place, f"{place.name}-clean")
