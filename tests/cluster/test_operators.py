"""`wayhome cluster status` and `cluster apply` with a real agent, in front of any API server.

The agent's DaemonSet is an object and nothing more: its Pods would be for Nodes that only these tests have.
"""

import os
import shlex
import subprocess
from collections.abc import Iterator

import pytest
from tests.agent.agent_process import CASE, CASE_RANGES, DEFAULTS
from tests.cluster.agent import ClusterAgent, agents
from tests.cluster.place import CONFIGMAP, LABEL, Place

from wayhome.kube.status_lease import State

pytestmark = pytest.mark.kernel

BAD = "nonMasqueradeCIDRs:\n  - 10.0.0.1/8\n"
OTHER = "nonMasqueradeCIDRs: [192.168.7.0/24]\n"
OTHER_RANGE = "192.168.7.0/24"


@pytest.fixture
def deployed(place: Place) -> Iterator[ClusterAgent]:
    if place.can.nodes:
        pytest.skip(
            "this cluster has nodes: a Node without a machine would be given Pods there; test_daemonset.py is for it"
        )
    place.install()
    place.install("DaemonSet", nodeSelector={LABEL: place.name})
    with agents(place) as (one,):
        yield one


def test_the_status_says_who_holds_what_and_waits_for_it(
    place: Place, deployed: ClusterAgent
) -> None:
    version = place.write({"config": CASE})
    done = place.wayhome("status", "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"1 of 1 nodes on version {version}" in done.stdout
    assert deployed.kept() == set(CASE_RANGES)

    place.write({"config": BAD})
    done = place.wayhome("status", "--wait")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 rejected: line 2: 10.0.0.1/8 has bits set" in done.stdout
    assert deployed.kept() == set(CASE_RANGES)


def test_an_apply_is_in_the_kernel_when_it_ends_and_its_own_command_undoes_it(
    place: Place, deployed: ClusterAgent
) -> None:
    deployed.holds(*DEFAULTS)
    (place.folder / "case").write_text(CASE)
    (place.folder / "other").write_text(OTHER)
    dry = place.wayhome("apply", "case", "--dry-run")
    assert dry.returncode == 0, dry.stdout + dry.stderr
    assert place.admin.find(place.configmap) is None
    first = place.wayhome("apply", "case", "--yes")
    assert first.returncode == 0, first.stdout + first.stderr
    assert deployed.kept() == set(CASE_RANGES)

    second = place.wayhome("apply", "other", "--yes", "--canary", deployed.node)
    assert second.returncode == 0, second.stdout + second.stderr
    assert deployed.kept() == {OTHER_RANGE}
    item = place.admin.ask("GET", place.configmap)
    assert item["data"] == {"config": OTHER}
    assert set(item["metadata"]["annotations"]) == {"wayhome/nodes"}

    undo(place, second.stdout)
    deployed.holds(*CASE_RANGES)
    undo(place, first.stdout)
    assert place.admin.find(place.configmap) is None


def undo(place: Place, output: str) -> None:
    """Do what the command line says undoes it, as it stands there."""
    command = output.partition("this undoes it:\n")[2].splitlines()[0]
    environment = os.environ | {"HOME": str(place.folder)}
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=60, check=False, env=environment)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_argo_cd_keeps_is_refused_with_the_patch_for_its_source(
    place: Place, deployed: ClusterAgent
) -> None:
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CONFIGMAP, "namespace": place.name}, "data": {"config": CASE}}  # fmt: skip
    place.apply([item], "--validate=false", "--field-manager=argocd-controller")
    deployed.says(State.APPLIED)
    (place.folder / "other").write_text(OTHER)
    done = place.wayhome("apply", "other", "--yes")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Argo CD" in done.stdout + done.stderr
    assert "192.168.7.0/24" in done.stdout + done.stderr
    assert place.admin.ask("GET", place.configmap)["data"] == {"config": CASE}
    assert deployed.kept() == set(CASE_RANGES)
