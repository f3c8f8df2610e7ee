"""Audits of clusters that nobody exported with kubectl: what Google's routes and alias ranges tell of their nodes."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.diagnosis.variants import EXPORTS

from wayhome.cli.main import wayhome
from wayhome.clouds.kubernetes.nodes_of_google import nodes_of_google
from wayhome.clouds.read import read_estate
from wayhome.diagnosis.audit.audit import audit
from wayhome.diagnosis.audit.outcome import Severity

DUMP = Path(__file__).parents[2].parent / "shared" / "data" / "gcp-dumps" / "gke1"


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """The case without any output of kubectl."""
    found = tmp_path / "exports"
    shutil.copytree(EXPORTS, found, ignore=shutil.ignore_patterns("gke_*"))
    return found


def test_the_route_to_each_nodes_pods_tells_of_the_node(exports: Path) -> None:
    found = {
        node.value.metadata.name: [str(span) for span in node.value.spec.pod_cidrs]
        for node in nodes_of_google(read_estate(exports))
    }
    assert found == {"gke-node-01": ["172.16.1.0/24"], "gke-node-02": ["172.16.2.0/24"]}


@pytest.mark.skipif(not DUMP.is_dir(), reason=f"{DUMP} is absent")
def test_the_alias_range_of_a_real_vpc_native_clusters_instance_tells_of_the_node() -> None:
    nodes = nodes_of_google(read_estate(DUMP))
    (one,) = [node for node in nodes if "/clusters/gke4/" in node.name]
    assert [str(span) for span in one.value.spec.pod_cidrs] == ["10.56.1.0/24"]
    assert one.value.instance.endswith("/instances/gke-gke4-default-pool-4c934268-yzb0")


def test_where_kubectl_told_of_the_nodes_nothing_is_added() -> None:
    assert nodes_of_google(read_estate(EXPORTS)) == ()


def test_what_masquerades_is_not_known_and_the_command_says_how_to_know(exports: Path) -> None:
    found = audit(read_estate(exports), lambda *_: None)
    (unknown,) = found.of(Severity.UNDETERMINED)
    assert [str(span) for span in unknown.prefixes] == ["10.2.0.1/32"]
    assert "kubectl get daemonsets" in unknown.missing[0].command
    assert not found.of(Severity.REPLY_LOST)


def test_the_command_says_of_whom_it_speaks(exports: Path) -> None:
    result = CliRunner().invoke(wayhome, ["audit", "--from", str(exports)])
    assert result.exit_code == 3
    assert "2 nodes of 1 cluster were not exported with kubectl" in result.stdout


def test_a_destination_that_nobody_answers_is_lost_whatever_masquerades(exports: Path) -> None:
    routes = exports / "destination-project" / "instances.json"
    routes.write_text(routes.read_text().replace('"RUNNING"', '"TERMINATED"'))
    found = audit(read_estate(exports), lambda *_: None)
    (lost,) = found.of(Severity.LOST)
    assert lost.outcome.drop == "INSTANCE_NOT_RUNNING"


def test_without_clusters_it_is_said_what_to_export(exports: Path) -> None:
    (exports / "source-project" / "clusters.json").unlink()
    result = CliRunner().invoke(wayhome, ["audit", "--from", str(exports)])
    assert result.exit_code == 2
    assert "kubectl get nodes -o json" in result.stderr
