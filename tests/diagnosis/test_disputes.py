"""Two files disagree about an object: no verdict rests on the one that happens to be read first."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.diagnosis.variants import EXPORTS

from wayhome.cli.main import wayhome
from wayhome.clouds.read import read_estate
from wayhome.diagnosis.audit.audit import audit
from wayhome.diagnosis.audit.outcome import Severity
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.situation import Situation
from wayhome.network import Verdict

QUESTION = Question.parse("test-gce-01", "10.2.0.1:80")
RULES = "destination-project/firewall-rules.json"
NETWORKS = "networks.json"


def asked(
    directory: Path, changes: dict[str, dict[str, Any]], question: Question = QUESTION
) -> Situation:
    """The case with second files; `changes`: by file, the fields that all of its objects have otherwise."""
    exports = directory / "exports"
    shutil.copytree(EXPORTS, exports)
    for name, fields in changes.items():
        objects = [one | fields for one in json.loads((EXPORTS / name).read_text())]
        path = exports / name
        path.with_name(f"old-{path.name}").write_text(json.dumps(objects))
    return Situation.of(read_estate(exports), question)


def test_a_rule_that_is_disabled_in_one_of_two_files(tmp_path: Path) -> None:
    trace = asked(tmp_path, {RULES: {"disabled": True}}).trace
    assert trace.verdict is Verdict.UNDETERMINED
    fact = trace.missing[0]
    assert fact.fact.endswith(
        "destination-project/firewall-rules.json or destination-project/old-firewall-rules.json"
    )
    assert fact.command.startswith("gcloud compute firewall-rules list --filter=name=")
    assert fact.command.endswith("--project=destination-project --format=json")


def test_what_decides_the_same_in_both_is_said_and_is_certain(tmp_path: Path) -> None:
    trace = asked(tmp_path, {RULES: {"description": "another"}}).trace
    assert trace.verdict is Verdict.REACHABLE
    assert not [
        text for text in trace.assumptions if "old-firewall" in text
    ]  # not a field that we use
    trace = asked(tmp_path / "b", {RULES: {"priority": 900}}).trace
    assert trace.verdict is Verdict.REACHABLE
    assert [
        text for text in trace.assumptions if "old-firewall-rules.json has it otherwise" in text
    ]


def test_what_the_flow_does_not_meet_is_not_mentioned(tmp_path: Path) -> None:
    rules = "source-project/firewall-rules.json"
    trace = asked(tmp_path, {rules: {"priority": 900}}).trace
    assert trace.verdict is Verdict.REACHABLE
    assert not [text for text in trace.assumptions if "otherwise" in text]


@pytest.mark.parametrize("both", [True, False])
def test_only_two_objects_together_make_the_difference(tmp_path: Path, both: bool) -> None:
    """A side that exports in one file and a side that imports in the other: together they exchange the Pods' routes."""
    sides = ["source-project", "destination-project"] if both else ["source-project"]
    flags = {"exportCustomRoutes": True, "importCustomRoutes": True}
    exports = tmp_path / "exports"
    shutil.copytree(EXPORTS, exports)
    for project in sides:
        networks = json.loads((EXPORTS / project / NETWORKS).read_text())
        for network in networks:
            network["peerings"] = [peering | flags for peering in network["peerings"]]
        (exports / project / f"old-{NETWORKS}").write_text(json.dumps(networks))
    trace = Situation.of(read_estate(exports), Question.parse("my-pod", "10.2.0.1:80")).trace
    assert trace.verdict is (Verdict.UNDETERMINED if both else Verdict.UNREACHABLE)
    assert len(trace.missing) == (2 if both else 0)


def test_many_disputed_objects_are_not_tried_in_all_combinations(tmp_path: Path) -> None:
    routes = "source-project/routes.json"
    exports = tmp_path / "exports"
    shutil.copytree(EXPORTS, exports)
    file = exports / routes
    template = json.loads(file.read_text())[0]
    link = template["selfLink"]
    for prefix, priority in (("a", 1), ("b", 2)):
        many = [
            template | {"name": f"r{n}", "selfLink": f"{link}{n}", "destRange": f"192.0.2.{n}/32",
                        "priority": priority}
            for n in range(40)
        ]  # fmt: skip
        file.with_name(f"{prefix}-routes.json").write_text(json.dumps(many))
    estate = read_estate(exports)
    assert len(estate.disputed) == 40
    assert Situation.of(estate, QUESTION).trace.verdict is Verdict.REACHABLE


def test_many_disputed_objects_on_the_way_are_tried_first(tmp_path: Path) -> None:
    """Forty instances nobody asks about, and one rule that decides: it is found, and named alone."""
    exports = tmp_path / "exports"
    shutil.copytree(EXPORTS, exports)
    file = exports / "source-project/routes.json"
    template = json.loads(file.read_text())[0]
    for prefix, priority in (("a", 1), ("b", 2)):
        many = [
            template | {"name": f"r{n}", "selfLink": f"{template['selfLink']}{n}",
                        "destRange": f"192.0.2.{n}/32", "priority": priority}
            for n in range(40)
        ]  # fmt: skip
        file.with_name(f"{prefix}-routes.json").write_text(json.dumps(many))
    rules = exports / RULES
    disabled = [one | {"disabled": True} for one in json.loads(rules.read_text())]
    rules.with_name("old.json").write_text(json.dumps(disabled))
    trace = Situation.of(read_estate(exports), QUESTION).trace
    assert trace.verdict is Verdict.UNDETERMINED
    (fact,) = trace.missing
    assert "destination-project/old.json" in fact.fact


def with_old(directory: Path, name: str, fields: dict[str, Any]) -> Path:
    exports = directory / "exports"
    shutil.copytree(EXPORTS, exports)
    objects = [one | fields for one in json.loads((EXPORTS / name).read_text())]
    path = exports / name
    path.with_name(f"old-{path.name}").write_text(json.dumps(objects))
    return exports


def test_an_audit_knows_what_is_the_same_in_both_versions_alone(tmp_path: Path) -> None:
    """The source's rules let a Pod to the instances of its own network; in the old file they are disabled."""
    rules = "source-project/firewall-rules.json"
    exports = with_old(tmp_path, rules, {"disabled": True})
    sound = audit(read_estate(EXPORTS), lambda *_: None)
    found = audit(read_estate(exports), lambda *_: None)
    unknown = found.of(Severity.UNDETERMINED)
    assert unknown
    for finding in unknown:
        assert finding.missing
        for fact in finding.missing:
            assert fact.fact.startswith("which file is right about projects/source-project/")
    lost = found.of(Severity.REPLY_LOST)
    assert [one.destinations for one in lost] == [
        one.destinations for one in sound.of(Severity.REPLY_LOST)
    ]
    for finding in unknown:
        for source, flow in finding.examples:
            if not source.stand_in:
                question = Question(source.at, str(flow.destination), flow.protocol, flow.port)
                trace = Situation.of(read_estate(exports), question).trace
                assert trace.verdict is Verdict.UNDETERMINED, flow


def test_a_diff_does_not_take_one_of_two_files_for_the_truth(tmp_path: Path) -> None:
    exports = with_old(tmp_path, "source-project/firewall-rules.json", {"disabled": True})
    done = CliRunner().invoke(wayhome, ["diff", str(EXPORTS), str(exports)])
    assert done.exit_code == 3
    assert "which file is right about firewall rule" in done.stdout
