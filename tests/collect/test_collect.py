"""`wayhome collect` as a process, in front of tools that print the case, its secrets, and refusals."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.collect.tools import CONTEXT, EXPORTS, SECRET, install

from wayhome.clouds.gcp.resources.load_balancing import InstanceGroupMembers
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoutes
from wayhome.clouds.gcp.resources.project import ServiceProjects
from wayhome.clouds.knowledge import State
from wayhome.clouds.kubernetes.resources.egress_nat_policy import EgressNatPolicy
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.read import read_estate
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.situation import Situation
from wayhome.network import Verdict


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    return installed_in(tmp_path)


def installed_in(folder: Path) -> dict[str, str]:
    (folder / "bin").mkdir()
    return install(folder / "bin") | {"TOOLS_LOG": str(folder / "log")}


@dataclass(frozen=True)
class Collection:
    """One run of `wayhome collect` over the case, which several tests look at."""

    ran: subprocess.CompletedProcess[str]
    directory: Path
    asked: list[str]
    """The command lines that the tools saw."""


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    folder = tmp_path_factory.mktemp("collection")
    ran = collect(installed_in(folder), str(folder / "exports"), *ALL)
    return Collection(ran, folder / "exports", (folder / "log").read_text().splitlines())


def collect(tools: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wayhome", "collect", *arguments]
    return subprocess.run(
        command, env=tools, capture_output=True, text=True, check=False, timeout=120
    )


ALL = ("--project", "source-project", "--context", CONTEXT, "--run")


def test_what_is_collected_answers_the_accounts_question(collection: Collection) -> None:
    assert collection.ran.returncode == 0, collection.ran.stderr
    estate = read_estate(collection.directory)
    assert not [finding for finding in estate.findings if finding.severity.name == "ERROR"]
    situation = Situation.of(estate, Question.parse("my-pod", "10.2.0.1:80"))
    assert situation.trace.verdict is Verdict.UNREACHABLE
    assert situation.trace.drop is not None
    assert situation.trace.drop.cause == "PRIVATE_TRAFFIC_TO_INTERNET"


def test_the_peers_project_is_asked_too_and_what_follows_from_answers(
    collection: Collection,
) -> None:
    asked = collection.asked
    assert any("networks list --project=destination-project" in line for line in asked)
    assert any(
        "list-routes to-destination --network=my-network --region=asia-northeast1 --direction=INCOMING"
        in line
        for line in asked
    )
    assert any("get-effective-firewalls target-network" in line for line in asked)
    # Nothing but reading.
    verbs = {"list", "describe", "get-effective-firewalls", "list-routes", "get-status", "get"}
    assert all(verbs & set(line.split()) for line in asked)
    assert len(asked) == len(set(asked))


def test_no_secret_reaches_the_disk(collection: Collection) -> None:
    files = [path for path in collection.directory.rglob("*") if path.is_file()]
    assert len(files) > 30
    for path in files:
        assert SECRET not in path.read_text(), path
        assert path.stat().st_mode & 0o077 == 0, path


def test_what_may_not_be_read_is_no_answer(tools: dict[str, str], tmp_path: Path) -> None:
    done = collect(tools | {"REFUSED": "destination-project"}, str(tmp_path / "exports"), *ALL)
    assert done.returncode == 1
    assert "not readable: gcloud compute networks list --project=destination-project" in done.stderr
    assert "403" in done.stderr
    estate = read_estate(tmp_path / "exports")
    assert estate.knows(Network, "projects/destination-project").state is State.NOT_READABLE
    situation = Situation.of(estate, Question.parse("my-pod", "10.2.0.1:80"))
    assert situation.trace.verdict is Verdict.UNDETERMINED
    assert situation.trace.missing


def test_a_cluster_that_does_not_know_a_kind_has_none_of_it(
    tools: dict[str, str], tmp_path: Path
) -> None:
    collect(tools, str(tmp_path / "exports"), "--context", CONTEXT, "--run")
    estate = read_estate(tmp_path / "exports")
    cluster = "projects/source-project/locations/asia-northeast1-a/clusters/my-gke"
    assert estate.knows(EgressNatPolicy, cluster).state is State.EXPORTED
    assert estate.knows(Pod, cluster).state is State.EXPORTED


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    done = collect({"PATH": str(tmp_path)}, str(tmp_path / "exports"), *ALL)
    assert done.returncode == 4
    assert "gcloud is not installed" in done.stderr or "kubectl is not installed" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_run_the_commands_are_printed_and_a_shell_takes_them(
    tools: dict[str, str], tmp_path: Path
) -> None:
    wayhome = tmp_path / "bin" / "wayhome"
    wayhome.write_text(f'#!/bin/sh\nexec {sys.executable} -m wayhome "$@"\n')
    wayhome.chmod(0o755)
    directory = tmp_path / "a folder"
    printed = collect(tools, str(directory), *ALL[:-1])
    assert printed.returncode == 0
    assert not directory.exists()
    lines = [
        line
        for line in printed.stdout.splitlines()
        if "instances list" in line or "get pods" in line or line.startswith("mkdir")
    ]
    subprocess.run(["sh", "-euc", "\n".join(lines)], env=tools, check=True)
    (pods,) = directory.rglob("pods.json")
    assert json.loads(pods.read_text())["items"]
    assert SECRET not in pods.read_text()


def test_nothing_asked_for_is_a_mistake(tools: dict[str, str], tmp_path: Path) -> None:
    done = collect(tools, str(tmp_path / "exports"), "--run")
    assert done.returncode == 2
    assert "--project, --context or --node" in done.stderr


def test_what_a_peering_exchanges_keeps_its_routes(collection: Collection) -> None:
    """gcloud prints a bare array, which is one resource as a whole."""
    ours = read_estate(EXPORTS).all(PeeringRoutes)
    collected = read_estate(collection.directory).all(PeeringRoutes)
    assert ours
    for name, one in ours.items():
        assert collected[name].value == one.value


def test_the_service_projects_of_a_host_are_asked_too(
    tools: dict[str, str], tmp_path: Path
) -> None:
    tools["HOST"] = "source-project"
    collect(tools, str(tmp_path / "exports"), "--project", "source-project", "--run")
    estate = read_estate(tmp_path / "exports")
    listed = estate.all(ServiceProjects)["projects/source-project/service-projects"]
    assert [one.id for one in listed.value.projects] == ["service-project"]
    asked = (tmp_path / "log").read_text()
    assert "instances list --project=service-project" in asked


def test_who_is_in_the_groups_behind_internal_balancers_is_asked_once(
    tools: dict[str, str], tmp_path: Path
) -> None:
    tools["BALANCED"] = "1"
    out = tmp_path / "out"
    done = collect(tools, str(out), "--project", "source-project", "--run")
    assert "Traceback" not in done.stderr
    asked = [
        line for line in (tmp_path / "log").read_text().splitlines() if "source-project" in line
    ]
    assert sum("list-instances g --zone=z1" in line for line in asked) == 1
    group = "projects/source-project/zones/z1/instanceGroups/g"
    members = read_estate(out).get(InstanceGroupMembers, f"{group}/instances")
    assert members is not None
    assert [one.instance.short for one in members.value.members] == ["a"]
