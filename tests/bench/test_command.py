"""`python -m bench`, as scripts/bench runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bench.figures import FIGURES

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_list_names_every_figure() -> None:
    done = bench("--list")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(FIGURES)


def test_an_unknown_figure_is_a_usage_error_that_names_the_known_ones() -> None:
    done = bench("new-flow")
    assert done.returncode == 2
    assert "there is no figure 'new-flow'; one of new-flows," in done.stderr


@pytest.mark.kernel
def test_a_figure_is_measured_shown_and_written(tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    done = bench("start", "--quick", "--output", str(output))
    document = json.loads(output.read_text())
    assert done.returncode == document["exit_code"], done.stderr
    (figure,) = document["figures"]
    assert figure["name"] == "start"
    for result in figure["results"]:
        assert result["rounds"] >= 3
        low, high = result["quartiles"]
        assert 0 < low <= result["median"] <= high
    assert f"start: {FIGURES['start'].about}" in done.stdout
    assert "bench: 0:00 1/1 start" in done.stderr
