"""No success through a project of which a file was not understood, though the file decides no step of the flow."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.diagnosis.variants import CLUSTER, EXPORTS, asked

from wayhome.cli.main import wayhome
from wayhome.clouds.read import read_estate
from wayhome.diagnosis.audit.audit import audit
from wayhome.diagnosis.audit.outcome import Severity
from wayhome.diagnosis.damages import Damages
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.situation import Situation
from wayhome.network import Verdict

PODS = "gke_source-project_asia-northeast1-a_my-gke/pods.json"
ROUTERS = "source-project/routers.json"


def truncated(directory: Path, name: str) -> Path:
    exports = directory / "exports"
    shutil.copytree(EXPORTS, exports)
    data = (exports / name).read_bytes()
    (exports / name).write_bytes(data[: len(data) // 2])
    return exports


@pytest.mark.parametrize("source", ["test-gce-01", "gke-node-02"])
@pytest.mark.parametrize(
    ("name", "command"),
    [
        (PODS, "kubectl get pods --all-namespaces -o json"),
        (ROUTERS, "gcloud compute routers list --project=source-project --format=json"),
    ],
)
def test_an_address_of_a_node_may_be_a_damaged_pods_too(
    tmp_path: Path, source: str, name: str, command: str
) -> None:
    """A host port, a second owner: what a file may hold that no step asks for."""
    assert asked(read_estate(EXPORTS), source).verdict is Verdict.REACHABLE
    answer = asked(read_estate(truncated(tmp_path, name)), source)
    assert answer.verdict is Verdict.UNDETERMINED
    (fact,) = answer.situation.trace.missing
    assert name in fact.fact
    assert fact.command == command
    assert fact.likely is Verdict.REACHABLE
    assert fact.unless == f"something in {name} says otherwise"


def test_a_file_of_nobody_knows_what_may_be_of_any_project(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    shutil.copytree(EXPORTS, exports)
    (exports / "something").mkdir()
    (exports / "something" / "unknown.json").write_text('[{"a": ')
    answer = asked(read_estate(exports), "test-gce-01")
    assert answer.verdict is Verdict.UNDETERMINED
    facts = answer.situation.trace.missing
    networks = ("my-network", "target-network")  # here the network itself asks what is not known
    assert [fact.fact for fact in facts] == [f"the firewall rules of {one}" for one in networks]


def test_what_is_damaged_elsewhere_is_nobodys_doubt(tmp_path: Path) -> None:
    """The flow stays in the source's project, and the file is the destination's."""
    name = "destination-project/routers.json"
    answer = asked(read_estate(truncated(tmp_path, name)), "test-gce-01", "gke-node-02")
    assert answer.verdict is Verdict.REACHABLE


def test_a_lost_flow_stays_lost(tmp_path: Path) -> None:
    estate = read_estate(truncated(tmp_path, ROUTERS))
    trace = Situation.of(estate, Question.parse("my-pod", "10.2.0.1:80")).trace
    assert trace.verdict is Verdict.UNREACHABLE
    assert Damages.of(estate).doubted(trace) is trace
    assert trace.at.startswith(CLUSTER)


def test_an_audit_says_it_of_all_classes_that_would_come_home(tmp_path: Path) -> None:
    exports = truncated(tmp_path, ROUTERS)
    sound = audit(read_estate(EXPORTS), lambda *_: None)
    found = audit(read_estate(exports), lambda *_: None)
    assert not sound.of(Severity.UNDETERMINED)
    unknown = found.of(Severity.UNDETERMINED)
    assert unknown
    for finding in unknown:
        assert [ROUTERS in fact.fact for fact in finding.missing] == [True]
    assert [f.destinations for f in found.of(Severity.REPLY_LOST)] == [
        f.destinations for f in sound.of(Severity.REPLY_LOST)
    ]


def test_a_diff_with_a_damaged_state_does_not_end_well(tmp_path: Path) -> None:
    """Nothing changed but a file that is cut: for CI that must not be a success."""
    exports = truncated(tmp_path, ROUTERS)
    done = CliRunner().invoke(wayhome, ["diff", str(EXPORTS), str(exports)])
    assert done.exit_code == 3
    assert f"{exports}: {ROUTERS}: ends in the middle" in done.stderr
    assert "$ gcloud compute routers list --project=source-project --format=json" in done.stdout
