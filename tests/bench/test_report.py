"""The table, the JSON document and the exit code say the same."""

import json
from collections.abc import Iterator

import pytest
from bench.figure import Figure, Measured, Result, Row, Run, Spread, Verdict, at_most
from bench.machine import Machine, this_machine
from bench.report import Report, as_document, figure_lines, last_line, machine_lines

MACHINE = Machine("A processor", 2, "6.1", "1.0.6", "1.8.9", "1.8.9", "3.11.7", "0.1.0", 0.1)
FAST = Row("fast", "ms", at_most(10))


def nothing(_: Run) -> Iterator[Measured]:
    yield from ()


def report(*results: Result) -> Report:
    figure = Figure("a-figure", "about it", "a peer", tuple(r.row for r in results), nothing)
    return Report(MACHINE, True, "root", ((figure, results),))


REACHED = Result(FAST, Verdict.REACHED, Spread.of([1, 2, 3]))
MISSED = Result(FAST, Verdict.MISSED, Spread.of([1234.5]), "a note")
STATED = Result(Row("stated", "MiB"), Verdict.STATED, Spread.of([0.1234]))
NOT_RUN = Result(FAST, Verdict.NOT_RUN, note="needs root")


@pytest.mark.parametrize(
    "results, code",
    [
        ((REACHED, STATED), 0),
        ((REACHED, MISSED), 1),
        ((REACHED, NOT_RUN), 4),
        ((NOT_RUN, MISSED), 1),
    ],
)
def test_exit_codes(results: tuple[Result, ...], code: int) -> None:
    assert report(*results).exit_code == code
    assert as_document(report(*results))["exit_code"] == code


def test_the_document_is_json_and_carries_what_the_table_shows() -> None:
    document = json.loads(json.dumps(as_document(report(REACHED, NOT_RUN))))
    assert document["schema"] == 1
    assert document["machine"]["processor"] == "A processor"
    reached, not_run = document["figures"][0]["results"]
    assert reached == {
        "what": "fast",
        "unit": "ms",
        "median": 2,
        "quartiles": [1.5, 2.5],
        "rounds": 3,
        "target": {"direction": "at most", "limit": 10},
        "verdict": "reached",
        "note": "",
    }
    assert (not_run["median"], not_run["quartiles"], not_run["rounds"]) == (None, None, 0)
    assert not_run["note"] == "needs root"


def test_the_table_marks_what_was_missed_and_gives_reasons() -> None:
    figure = report(REACHED, MISSED, STATED, NOT_RUN).measured[0]
    text = "\n".join(figure_lines(*figure))
    assert "a-figure: about it; against a peer" in text
    assert "2 ms [1.50 … 2.50] n=3  at most 10 ms          reached" in text
    assert "1,234 ms  at most 10 ms          MISSED" in text
    assert "0.123 MiB" in text
    assert "not run\n" in text
    assert text.endswith("needs root")


def test_the_last_line_counts_and_names() -> None:
    assert last_line(report(REACHED, MISSED)) == (
        "1 reached, 1 MISSED, 0 stated, 0 not run; missed in a-figure"
    )


def test_the_machine_is_described() -> None:
    text = "\n".join(machine_lines(Report(this_machine(), False, "root", ())))
    assert "cores, kernel " in text
    assert "--quick" not in text
    assert "Python 3." in text
