"""What becomes of a figure's rows: reached, missed, not run. Nothing is left out and nothing is made up."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.figure import (
    Figure,
    LackError,
    Measured,
    NotReachedError,
    Row,
    Run,
    Spread,
    Target,
    Verdict,
    at_least,
    at_most,
    results,
    under,
)

FAST = Row("fast", "ms", at_most(10))
ROOT = Row("large", "ms", at_most(10), needs_root=True)
STATED = Row("stated", "ms")


def run(*, root: bool = True) -> Run:
    return Run(quick=True, real_root=root, folder=Path("/nowhere"), say=lambda _: None)


def figure(*measured: Measured | Exception, rows: tuple[Row, ...] = (FAST, ROOT, STATED)) -> Figure:
    def measure(_: Run) -> Iterator[Measured]:
        for item in measured:
            if isinstance(item, Exception):
                raise item
            yield item

    return Figure("a-figure", "about", "", rows, measure)


def one(row: Row, value: float) -> Measured:
    return Measured(row, Spread.of([value]))


@pytest.mark.parametrize(
    "target, reached, missed",
    [(at_least(0.9), 0.9, 0.8999), (at_most(10), 10, 10.01), (under(2), 1.99, 2)],
)
def test_a_target_is_reached_on_its_side_of_the_limit(
    target: Target, reached: float, missed: float
) -> None:
    assert target.reached_by(reached)
    assert not target.reached_by(missed)


def test_a_spread_is_the_median_and_the_quartiles() -> None:
    spread = Spread.of([9, 1, 2, 3, 4])
    assert (spread.low, spread.median, spread.high, spread.rounds) == (2, 3, 4, 5)
    assert Spread.of([7]) == Spread(7, 7, 7, 1)


def test_the_median_decides() -> None:
    slow_once = Measured(FAST, Spread.of([1, 2, 500]))
    found = results(figure(slow_once, one(ROOT, 11), one(STATED, 1e9)), run())
    assert [r.verdict for r in found] == [Verdict.REACHED, Verdict.MISSED, Verdict.STATED]


def test_rows_stand_in_the_figures_order_however_they_come() -> None:
    found = results(figure(one(STATED, 1), one(ROOT, 1), one(FAST, 1)), run())
    assert [r.row for r in found] == [FAST, ROOT, STATED]


def test_what_takes_root_is_not_run_without_and_says_so() -> None:
    found = results(figure(one(FAST, 1), one(STATED, 1)), run(root=False))
    assert found[1].verdict is Verdict.NOT_RUN
    assert "needs root" in found[1].note


def test_what_the_machine_lacks_is_not_run_and_what_came_before_stays() -> None:
    found = results(figure(one(FAST, 1), LackError("conntrack is not loaded")), run())
    assert [r.verdict for r in found] == [Verdict.REACHED, Verdict.NOT_RUN, Verdict.NOT_RUN]
    assert found[2].note == "conntrack is not loaded"


def test_an_agent_that_does_not_do_it_has_missed() -> None:
    found = results(figure(NotReachedError("nothing after 30 s")), run())
    assert {r.verdict for r in found} == {Verdict.MISSED}
    assert {r.note for r in found} == {"nothing after 30 s"}


def test_a_row_cannot_be_forgotten() -> None:
    with pytest.raises(AssertionError, match="a-figure ended without large"):
        results(figure(one(FAST, 1), one(STATED, 1)), run())
