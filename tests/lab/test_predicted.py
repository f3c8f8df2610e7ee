"""Where there are no namespaces, what a lab would be held against is shown: by the real command, with the real tracer."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from wayhome.cli import lab_predicted
from wayhome.lab.the_case import the_case

EXPORTS = Path(__file__).parents[2] / "examples/the-case/exports"

REFUSED = """
import sys
from wayhome.lab import namespaces
def refuse(flags):
    raise PermissionError(1, "Operation not permitted")
namespaces.unshare = refuse
namespaces._in_container = lambda: True
namespaces._sysctl = lambda name: None  # that this machine says so too is another case
from wayhome.cli.main import wayhome
wayhome(["lab", *sys.argv[1:]])
"""


def refused(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """`wayhome lab …` where namespaces are refused: it ends with 4, and with the command that works."""
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, *arguments],
        capture_output=True, text=True, check=False,
        env={**os.environ, "WAYHOME_COMMAND": "scripts/demo", "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    first, last = done.stderr.splitlines()
    assert "this machine refuses network namespaces" in first
    assert last.startswith("docker run ")
    assert last.endswith("scripts/demo")
    return done


def test_without_namespaces_the_demo_shows_what_is_predicted_of_each_phase() -> None:
    said = refused("run", "the-case").stdout
    first, *_, last = said.splitlines()
    assert first.startswith("predicted, no kernel: the-case")
    assert last == (
        "predicted, no kernel: 54 of 54 predictions are what the case expects; none was seen"
    )
    before, wrong_key, masquerade = re.split(
        r"^(?:wrong-key|masquerade): ", said, flags=re.MULTILINE
    )
    row = r"my-pod → target-gce-01 +✗ reply lost +✗ reply lost +✗ reply lost +172\.16\.2\.2 \(my-pod\)"
    assert re.search(row, before)
    assert re.search(row, wrong_key)
    assert re.search(
        r"my-pod → target-gce-01 +✓ reached +✓ reached +✓ reached +10\.1\.0\.3 \(gke-node-02\)",
        masquerade,
    )
    death = "✗ my-pod → target-gce-01: the reply to 172.16.2.2 dies at internet-gateway of target-network of"
    assert death in before
    assert death not in masquerade
    assert " ms" not in said
    assert "target-gce-01 sees my-pod's own address" not in said  # nobody has seen it


def test_without_namespaces_the_document_is_that_of_a_run_in_which_nothing_was_seen() -> None:
    found = json.loads(refused("run", "the-case", "--json").stdout)
    assert (found["banner"], found["as_expected"]) == ("predicted, no kernel", None)
    probes = {phase["name"]: phase["probes"] for phase in found["phases"]}
    assert list(probes) == ["before", "wrong-key", "masquerade"]
    assert all(len(each) == 18 for each in probes.values())
    for probe in (one for each in probes.values() for one in each):
        assert probe["reached"] is probe["source_seen"] is probe["milliseconds"] is None
        assert probe["predicted"]["reached"] == probe["expected"]
    assert probes["before"][0]["predicted"] == {
        "reached": False, "source_seen": "172.16.2.2", "leg": "reply",
        "place": "projects/destination-project/global/networks/target-network/internet-gateway",
        "cause": "PRIVATE_TRAFFIC_TO_INTERNET",
    }  # fmt: skip
    assert probes["masquerade"][0]["predicted"]["source_seen"] == "10.1.0.3"


def test_a_prediction_that_the_case_does_not_expect_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The last phase's expectations of the first phase's configuration."""
    case = the_case()
    before, _, masquerade = case.phases
    wrong = replace(masquerade, configmap=before.configmap)
    lab_predicted.show(replace(case, phases=(wrong,)), as_json=False)
    said = " ".join(capsys.readouterr().out.split())
    assert "NOT AS EXPECTED: my-pod → target-gce-01; the case says: reached from 10.1.0.3" in said
    assert "predicted, no kernel: 15 of 18 predictions are what the case expects" in said


def test_without_namespaces_repairs_are_predicted() -> None:
    """The same probes as a run has, in the same order."""
    said = refused("run", "the-case", "--all").stdout
    assert said.startswith("predicted, no kernel: the-case")
    first, last = "predicted, no kernel: ", " are what the case expects; none was seen"
    count, of = (
        said.splitlines()[-1].removeprefix(first).removesuffix(" predictions" + last).split(" of ")
    )
    assert count == of
    found = json.loads(refused("run", "the-case", "--repair", "proxy-vm", "--json").stdout)
    before, repaired = found["phases"]
    assert (before["name"], repaired["name"]) == ("before", "proxy-vm")
    asked, reverse = repaired["probes"]
    assert (asked["address"], asked["reached"], asked["expected"]) == ("10.1.0.5", None, True)
    assert asked["predicted"]["source_seen"] in {"10.1.0.6", "10.1.0.7"}
    assert reverse["predicted"]["leg"] == "request"


def test_without_namespaces_flows_of_exports_are_predicted() -> None:
    exports = str(EXPORTS)
    one = refused("run", "--from", exports, "my-pod", "target-gce-01:80").stdout.splitlines()
    assert one == [
        "predicted, no kernel",
        "Pod default/my-pod: 172.16.2.2 > 10.2.0.1:80 tcp",
        "  predicted  reply lost at internet-gateway of target-network of destination-project: PRIVATE_TRAFFIC_TO_INTERNET",
        f"1 flow of {exports}: nothing was built, and nothing seen",
    ]
    found = json.loads(refused("run", "--from", exports, "--json").stdout)
    assert found["banner"] == "predicted, no kernel"
    assert len(found["flows"]) > 100
    assert {flow["reached"] for flow in found["flows"]} == {None}
    assert {flow["predicted"]["verdict"] for flow in found["flows"]} == {"REACHABLE", "UNREACHABLE"}


def test_without_namespaces_there_is_nothing_to_hold_a_prediction_against() -> None:
    assert refused("check", "--from", str(EXPORTS)).stdout == ""
