"""Every case of the corpus is answered as it says, and as text the same is said."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.golden.corpus import CASES, differences, exports_of

from wayhome.cli.main import wayhome
from wayhome.diagnosis.cause import Cause

EXIT = {"REACHABLE": 0, "UNREACHABLE": 1, "AMBIGUOUS": 3, "UNDETERMINED": 3}


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_a_case(folder: Path, tmp_path: Path) -> None:
    case = json.loads((folder / "case.json").read_text())
    exports = exports_of(case, folder, tmp_path)
    command = ["why", *case["ask"], "--from", str(exports)]
    done = CliRunner().invoke(wayhome, [*command, "--json"], catch_exceptions=False)
    if "error" in case["expect"]:
        assert done.exit_code == 2
        assert case["expect"]["error"] in done.stderr
        return
    answer = json.loads(done.stdout)
    assert differences(case["expect"], answer) == []
    assert done.exit_code == EXIT[answer["verdict"]]
    if answer["cause"]:
        assert answer["because"]
        assert answer["confirm"]
        assert answer["deciding"]
    if answer["verdict"] in {"UNREACHABLE", "AMBIGUOUS"}:
        assert answer["repairs"] or answer["not_possible"]
    text = CliRunner().invoke(wayhome, command, catch_exceptions=False).stdout
    cause = f" ({answer['cause']})" if answer["cause"] else ""
    assert text.startswith(f"{answer['verdict']}{cause}")
    assert "projects/" not in text.replace("=projects/", "")


def test_every_cause_is_found_in_some_case() -> None:
    expected = [json.loads((folder / "case.json").read_text())["expect"] for folder in CASES]
    assert {one["cause"] for one in expected if one.get("cause")} == set(map(str, Cause))
