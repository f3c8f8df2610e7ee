"""docs/lab.md has a row for every cause, with scenarios that are diagnosed so."""

import json
import re

from tests.golden.corpus import ROOT

from wayhome.diagnosis.cause import Cause

PAGE = (ROOT / "docs/lab.md").read_text()
_ROW = re.compile(r"^\| `([a-z-]+)` \| (.+?) \| .+ \| (.+?) \|$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")


def test_every_cause_has_a_row_with_its_scenarios() -> None:
    rows = _ROW.findall(PAGE)
    assert [cause for cause, _, _ in rows] == list(map(str, Cause))
    for cause, scenarios, shown_by in rows:
        for name in _CODE.findall(scenarios):
            case = json.loads((ROOT / "tests/golden" / name / "case.json").read_text())
            assert (name, case["expect"]["cause"]) == (name, cause)
        for how in _CODE.findall(shown_by):
            assert how in ("lab run", "lab up") or (ROOT / "tests/lab/causes" / how).is_file()


def test_every_scenario_of_the_page_is_seen_in_a_test() -> None:
    tests = "".join(file.read_text() for file in (ROOT / "tests/lab/causes").glob("test_*.py"))
    named = {name for _, scenarios, _ in _ROW.findall(PAGE) for name in _CODE.findall(scenarios)}
    assert {name for name in named if f'"{name}"' not in tests} == set()
