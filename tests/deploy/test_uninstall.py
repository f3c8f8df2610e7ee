"""The Job that Helm waits for, with its command, its rights and a DaemonSet that becomes ready node by node."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from tests.agent.api_agent import Api
from tests.deploy.chart import is_hook, objects, only
from tests.kube.api_server.rbac import rules_of

from wayhome.agent.await_daemonset import Progress, progress
from wayhome.lab.namespaces import NetworkNamespace

HOOKS = [item for item in objects() if is_hook(item)]
NAME = only(HOOKS, "DaemonSet")["metadata"]["name"]
POD = only(HOOKS, "Job")["spec"]["template"]["spec"]
ACCOUNT = f"system:serviceaccount:wayhome:{POD['serviceAccountName']}"
PATH = "/apis/apps/v1/namespaces/wayhome/daemonsets"


class Cluster(Api):
    def allow(self, token: str = "first", *_: Any) -> None:
        self.control("POST", "tokens", token=token, user=ACCOUNT)
        for rule in rules_of(HOOKS, ACCOUNT):
            self.control("POST", "rules", user=ACCOUNT, **asdict(rule))

    def ready(self, ready: int, wanted: int, generation: int = 1) -> None:
        counts = {
            "observedGeneration": generation,
            "numberReady": ready,
            "desiredNumberScheduled": wanted,
        }
        status = {"status": counts}
        self.ask("PATCH", f"{PATH}/{NAME}/status", status, "application/merge-patch+json")


@pytest.fixture
def cluster(netns: NetworkNamespace, tmp_path: Path) -> Iterator[Cluster]:
    server = Cluster(tmp_path)
    server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "wayhome"}})
    yield server
    server.stop()


def job(cluster: Cluster, *more: str) -> subprocess.Popen[str]:
    (container,) = POD["containers"]
    assert container["command"][0] == "wayhome-agent"
    rest: list[str] = [*container["command"][1:], *container["args"]]
    command = [
        sys.executable,
        "-m",
        "wayhome.agent",
        *rest,
        f"--kubeconfig={cluster.agents_kubeconfig()}",
        *more,
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.kernel
def test_the_job_ends_when_every_node_is_clean(cluster: Cluster) -> None:
    daemonset = only(HOOKS, "DaemonSet")
    with job(cluster) as waiting:
        assert waiting.stdout
        assert "404" in waiting.stdout.readline()  # what may pass is tried again
        cluster.ask("POST", PATH, daemonset)
        assert "not yet seen by its controller" in waiting.stdout.readline()
        cluster.ready(1, 3)
        assert "ready on 1 of 3 nodes" in waiting.stdout.readline()
        cluster.ready(3, 3)
        assert "ready on 3 of 3 nodes" in waiting.stdout.readline()
        assert waiting.wait(10) == 0
    calls: Any = cluster.control("GET", "calls")
    assert {(c["verb"], c["resource"], c["code"]) for c in calls if c["user"] == ACCOUNT} == {
        ("get", "daemonsets", 404),
        ("get", "daemonsets", 200),
    }


@pytest.mark.kernel
def test_a_node_that_does_not_answer_makes_it_fail_and_is_counted(cluster: Cluster) -> None:
    cluster.ask("POST", PATH, only(HOOKS, "DaemonSet"))
    cluster.ready(149, 150)
    with job(cluster, "--seconds=1") as waiting:
        _, said = waiting.communicate(timeout=20)
    assert waiting.returncode == 1
    assert "ready on 149 of 150 nodes" in said
    cluster.control("POST", "tokens", token="first", user="nobody")
    with job(cluster, "--seconds=1") as waiting:
        _, said = waiting.communicate(timeout=20)
    assert (waiting.returncode, "403 Forbidden" in said, "Traceback" in said) == (3, True, False)


def test_outside_of_a_pod_it_says_what_is_missing() -> None:
    command = [sys.executable, "-m", "wayhome.agent", "await-daemonset", "wayhome/x"]
    done = subprocess.run(command, capture_output=True, text=True, env={}, check=False)
    assert (done.returncode, "KUBERNETES_SERVICE_HOST" in done.stderr) == (4, True)
    done = subprocess.run([*command[:-1], "x"], capture_output=True, text=True, env={}, check=False)
    assert (done.returncode, "write NAMESPACE/NAME" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, None),
        (None, None),
        ({"observedGeneration": 1, "numberReady": 1, "desiredNumberScheduled": 1}, None),
        ({"observedGeneration": 2, "numberReady": 1, "desiredNumberScheduled": 2}, Progress(1, 2)),
        ({"observedGeneration": 2, "desiredNumberScheduled": 0}, Progress(0, 0)),
        ({"observedGeneration": 2, "numberReady": "all"}, None),
    ],
)
def test_a_status_counts_that_is_about_the_newest_generation(
    status: Any, expected: Progress | None
) -> None:
    assert progress({"metadata": {"generation": 2}, "status": status}) == expected


def test_no_node_wanted_is_nothing_to_wait_for() -> None:
    assert [Progress(0, 0).complete, Progress(1, 2).complete, Progress(2, 2).complete] == [
        True,
        False,
        True,
    ]
