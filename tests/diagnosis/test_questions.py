"""Questions that nobody can answer: what is wrong with them, and what to write instead."""

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from tests.diagnosis.variants import CLUSTER, EXPORTS, asked, the_case

from wayhome.cli.main import wayhome
from wayhome.clouds.endpoints import EndpointError
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.located import Located
from wayhome.clouds.read import read_estate
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.question import Question


@pytest.mark.parametrize(
    ("source", "destination", "said"),
    [
        ("", "10.2.0.1", "a name is empty; write that of a Pod, a node or an instance"),
        (" ", "10.2.0.1", "a name is empty"),
        ("my-pod", "", "a name is empty"),
        ("my-pod", ":80", "a name is empty"),
        ("my-pod", "[]:80", "a name is empty"),
        ("my-pod", "10.2.0.1:", "no port stands behind the colon of 10.2.0.1:; write 10.2.0.1"),
        ("my-pod", "10.2.0.1:0", "0 is no port; write a number from 1 to 65535"),
        ("my-pod", "10.2.0.1:65536", "65536 is no port"),
        ("my-pod", "10.2.0.0/24", "10.2.0.0/24 is a prefix; write one address of it"),
        ("172.16.0.0/16", "10.2.0.1", "172.16.0.0/16 is a prefix"),
        ("my-pod", "127.0.0.1:80", "127.0.0.1 is this host, a group of hosts, or all of them"),
        ("my-pod", "0.0.0.0", "0.0.0.0 is this host"),
        ("my-pod", "224.0.0.1", "224.0.0.1 is this host, a group of hosts"),
        ("my-pod", "255.255.255.255", "255.255.255.255 is this host"),
        ("my-pod", "[::1]:80", "::1 is this host"),
        ("my-pdo", "10.2.0.1", "my-pdo is no Pod, node or instance of the exports"),
    ],
)
def test_a_question(source: str, destination: str, said: str) -> None:
    done = CliRunner().invoke(wayhome, ["why", source, destination, "--from", str(EXPORTS)])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"wayhome: {said}")
    assert done.stdout == ""


def test_a_pod_that_has_no_address_yet_names_its_phase() -> None:
    estate = the_case()
    pod = estate.all(Pod)[f"{CLUSTER}/k8s/namespaces/default/pods/my-pod"]
    status = msgspec.structs.replace(pod.value.status, phase="Pending", pod_ip=None)
    value = msgspec.structs.replace(pod.value, status=status)
    pending = estate.with_changes(changed=[Located(value, pod.evidence)])
    with pytest.raises(EndpointError, match="no address in the exports; its phase is Pending"):
        asked(pending)


@pytest.mark.parametrize("command", ["why", "audit", "diff", "routes"])
def test_an_answer_that_cannot_be_written_is_no_answer(command: str) -> None:
    """A full disk is not the exit code of a verdict."""
    arguments = {
        "why": ["my-pod", "10.2.0.1:80", "--from", str(EXPORTS)],
        "audit": ["--from", str(EXPORTS)],
        "diff": [str(EXPORTS), str(EXPORTS)],
        "routes": ["--from", str(EXPORTS)],
    }[command]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "wayhome", command, *arguments],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 4
    assert done.stderr == "wayhome: the output could not be written: No space left on device\n"


def test_an_address_of_a_nodes_pods_that_nobody_exported_says_what_to_export(
    tmp_path: Path,
) -> None:
    exports = tmp_path / "exports"
    shutil.copytree(EXPORTS, exports, ignore=shutil.ignore_patterns("gke_*"))
    estate = read_estate(exports)
    with pytest.raises(EndpointError, match=r"gke-node-02's Pods: export them: kubectl get pods"):
        Answer.to(estate, Question.parse("172.16.2.2", "10.2.0.1:80"))
