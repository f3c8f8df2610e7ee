"""The repair `advertise-range` as it is shown: expected, predicted and seen are the same, and a lie is noticed."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from wayhome.lab.bgp import demonstration
from wayhome.lab.bgp.demonstration import demonstrate
from wayhome.lab.bgp.phases import KIND, PODS_TOO, SUBNETS_ONLY, TO_OFFICE
from wayhome.lab.demo import PhaseOutcome
from wayhome.lab.programs import environment
from wayhome.network import Network

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(
        shutil.which("bird", path=environment()["PATH"]) is None,
        reason="bird is not installed; scripts/test installs it (bird2)",
    ),
]


def run(folder: Path) -> dict[str, PhaseOutcome]:
    shown: dict[str, PhaseOutcome] = {}

    def show(outcome: PhaseOutcome, network: Network) -> None:
        assert network.places
        shown[outcome.phase.name] = outcome

    demonstrate(folder, show)
    return shown


def test_all_three_phases_are_as_expected_and_as_predicted(tmp_path: Path) -> None:
    shown = run(tmp_path)
    assert list(shown) == ["subnets-only", KIND, "withdrawn"]
    for outcome in shown.values():
        assert [one for one in outcome.probes if not one.as_expected] == []
        assert len(outcome.probes) == 3 * len(outcome.phase.expected) == 18
        assert outcome.endings == ()
    reached = {name: sum(one.observation.reached for one in o.probes) for name, o in shown.items()}
    assert reached == {"subnets-only": 6, KIND: 18, "withdrawn": 6}
    assert (shown[KIND].milliseconds_to_effect or 0) > 0


def test_an_expectation_that_is_wrong_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lie = replace(
        SUBNETS_ONLY, expected={**SUBNETS_ONLY.expected, TO_OFFICE: PODS_TOO.expected[TO_OFFICE]}
    )
    monkeypatch.setattr(demonstration, "SUBNETS_ONLY", lie)
    outcome = run(tmp_path)[lie.name]
    assert not outcome.as_expected
    assert {one.row for one in outcome.probes if not one.as_expected} == {TO_OFFICE}
