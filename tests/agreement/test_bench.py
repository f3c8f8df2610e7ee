"""`scripts/bench --agreement`: what it says, and that a disagreement is shrunk and kept."""

from pathlib import Path

import pytest
from tests.agreement.asking import checked, read
from tests.agreement.exports import Exports
from tests.agreement.wrong_tracers import WRONG

from bench import agreement
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.read import read_estate
from wayhome.lab.check import Checked

pytestmark = pytest.mark.kernel


def test_it_counts_and_says_how_flows_ended(capsys: pytest.CaptureFixture[str]) -> None:
    assert agreement.run(10, 5) == 0
    said = capsys.readouterr().out
    assert said.startswith("seed 5\n")
    assert "no disagreement: " in said
    assert "came home" in said


def test_a_disagreement_is_shrunk_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = WRONG["all firewall rules are ignored"]

    def with_a_wrong_tracer(estate: Estate) -> Checked:
        return checked(estate, wrong(estate))

    drawn: list[Exports] = []

    def noting(exports: Exports) -> Estate:
        drawn.append(exports)
        return read(exports)

    monkeypatch.setattr(agreement, "checked", with_a_wrong_tracer)
    monkeypatch.setattr(agreement, "read", noting)
    monkeypatch.setattr(agreement, "CASES", tmp_path)
    assert agreement.run(1000, 5) == 1
    kept = read_estate(tmp_path / "seed-5" / "exports")
    assert with_a_wrong_tracer(kept).disagreements
    assert not checked(kept).disagreements
    assert len(kept.all(Instance)) == 2  # it takes two to talk
    assert "lab check --from" in capsys.readouterr().out
    assert len(drawn) > 1
