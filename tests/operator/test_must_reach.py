"""`wayhome cluster apply --must-reach` in the account's network: real packets decide whether a change stays.

The agent here reads a file, as upstream's: it says nothing to the cluster, and a kubelet brings it the ConfigMap.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.agent_process import wait_until
from tests.kube.server_process import ENVIRONMENT
from tests.operator.case_cluster import POD, REPAIR, CaseCluster

from wayhome.lab.the_case.phases import NODE_02

pytestmark = pytest.mark.kernel

MUST = ("--must-reach", f"{POD}=10.2.0.1:80")
HARM = "nonMasqueradeCIDRs:\n  - 10.0.0.0/8\nresyncInterval: 1s\n"
CONFIGMAP = "/api/v1/namespaces/kube-system/configmaps"


class Kubelet:
    """Brings the ConfigMap to the file, after a second: of that, only that it is late matters."""

    def __init__(self, case: CaseCluster) -> None:
        self._case = case
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        shown: str | None = None
        while not self._stop.wait(1.0):
            text = config(self._case)
            if text is not None and text != shown:
                shown = text
                self._case.configure(text)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)


def config(case: CaseCluster) -> str | None:
    found = case.server.ask("GET", CONFIGMAP)
    assert isinstance(found, dict)
    texts = [item["data"]["config"] for item in found["items"]]
    return str(texts[0]) if texts else None


@pytest.fixture
def case(tmp_path: Path) -> Iterator[CaseCluster]:
    cluster = CaseCluster(tmp_path)
    container = {
        "name": "ip-masq-agent",
        "image": "registry.k8s.io/networking/ip-masq-agent:v2.12.6",
    }
    volume = {"name": "config", "configMap": {"name": "ip-masq-agent"}}
    spec = {"template": {"spec": {"containers": [container], "volumes": [volume]}}}
    daemon_set = {"metadata": {"name": "ip-masq-agent"}, "spec": spec}
    cluster.server.ask("POST", "/apis/apps/v1/namespaces/kube-system/daemonsets", daemon_set)
    cluster.server.ask("POST", "/api/v1/nodes", {"metadata": {"name": NODE_02}})
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    path = f"/api/v1/nodes/{NODE_02}/status"
    cluster.server.ask("PATCH", path, ready, "application/merge-patch+json")
    kubelet = Kubelet(cluster)
    yield cluster
    kubelet.stop()
    cluster.close()


def apply(case: CaseCluster, text: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "wayhome", "cluster", "apply", "-", "--yes", *arguments,
         "--kubeconfig", str(case.server.kubeconfig)],
        input=text,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        env=ENVIRONMENT,
        cwd=case.folder,
    )  # fmt: skip


def test_what_must_be_reached_is_the_proof_where_agents_say_nothing(case: CaseCluster) -> None:
    done = apply(case, REPAIR, *MUST)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{POD} -> 10.2.0.1:80: not reached before the change" in done.stdout
    assert f"{POD} -> 10.2.0.1:80: not reached before the change, reached now" in done.stdout
    assert done.stdout.splitlines()[-4].startswith("applied")
    assert config(case) == REPAIR


def test_a_change_after_which_it_is_not_reached_is_taken_back(case: CaseCluster) -> None:
    assert apply(case, REPAIR, *MUST).returncode == 0
    done = apply(case, HARM, *MUST)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "reached before the change, not reached now: no answer within" in done.stdout
    assert config(case) == REPAIR
    wait_until(
        lambda: case.document(POD, "10.2.0.1:80", "--protocol", "tcp")[0] == 0,
        lambda: "the old configuration in the kernel again",
        30,
    )


def test_what_cannot_be_tried_ends_it_before_anything_is_written(case: CaseCluster) -> None:
    done = apply(case, REPAIR, "--must-reach", "default/nobody=10.2.0.1:80")
    assert done.returncode == 3
    assert 'cannot be tried: the API server says 404 NotFound: pods "nobody"' in " ".join(
        done.stdout.split()
    )
    assert config(case) is None
    assert apply(case, REPAIR, "--must-reach", "my-pod=10.2.0.1").returncode == 2
