"""A quick run ends in time: what there is no time for is not begun, and is said not to have run."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.__main__ import measure
from bench.figure import Figure, Measured, Row, Run, Spread
from bench.machine import this_machine
from bench.report import Report

ROW = Row("rounds", "")


def figure(name: str) -> Figure:
    def once(_: Run) -> Iterator[Measured]:
        yield Measured(ROW, Spread.of([1.0]))

    return Figure(name, "", "", (ROW,), once)


@pytest.mark.parametrize(("limit", "verdict", "code"), [(None, "stated", 0), (-1.0, "not run", 4)])
def test_after_the_limit_no_figure_is_begun(
    tmp_path: Path, limit: float | None, verdict: str, code: int
) -> None:
    report = Report(this_machine(), quick=True, user="root", measured=())
    output = tmp_path / "out.json"
    assert measure([figure("a"), figure("b")], report, tmp_path, output, limit) == code
    document = json.loads(output.read_text())
    verdicts = [row["verdict"] for one in document["figures"] for row in one["results"]]
    assert verdicts == [verdict, verdict]
