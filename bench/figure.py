"""What a figure is: rows, each with a unit and perhaps a target, and a function that measures them.

A row that has a target is `reached` or `MISSED`; one without is `stated`. What this machine does not allow is
`not run`, with the reason.
"""

import enum
import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self


class LackError(Exception):
    """This machine lacks something that the figure needs; the text names it."""


class NotReachedError(Exception):
    """What was measured did not do what it is measured for; the text says what was waited for."""


class Direction(enum.Enum):
    """On which side of its limit a figure has to be."""

    AT_LEAST = "at least"
    AT_MOST = "at most"
    UNDER = "under"


class Verdict(enum.Enum):
    """What became of a row."""

    REACHED = "reached"
    MISSED = "MISSED"
    STATED = "stated"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached, in the row's unit."""

    direction: Direction
    limit: float

    def reached_by(self, value: float) -> bool:
        """Whether this is good enough."""
        match self.direction:
            case Direction.AT_LEAST:
                return value >= self.limit
            case Direction.AT_MOST:
                return value <= self.limit
            case Direction.UNDER:
                return value < self.limit


def at_least(limit: float) -> Target:
    """More is better."""
    return Target(Direction.AT_LEAST, limit)


def at_most(limit: float) -> Target:
    """Less is better."""
    return Target(Direction.AT_MOST, limit)


def under(limit: float) -> Target:
    """Less is better, and the limit itself is too much."""
    return Target(Direction.UNDER, limit)


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some rounds and its quartiles."""

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Of one value the quartiles are the value itself. Raises StatisticsError for none."""
        measured = list(values)
        if len(measured) == 1:
            return cls(measured[0], measured[0], measured[0], 1)
        low, median, high = statistics.quantiles(measured, n=4, method="inclusive")
        return cls(median, low, high, len(measured))


@dataclass(frozen=True, slots=True)
class Row:
    """One number of a figure."""

    what: str
    unit: str
    target: Target | None = None
    needs_root: bool = False
    """Root of the initial user namespace, which alone may send netlink messages of any size."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The number of a row."""

    row: Row
    spread: Spread
    note: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """How a figure is to be measured here and now."""

    quick: bool
    real_root: bool
    folder: Path
    """Temporary, empty, gone after the figure."""
    say: Callable[[str], None]
    """Shows what is being done, in a few words."""

    def pick(self, full: int, quick: int) -> int:
        """A number of rounds, seconds or changes, by whether time is short."""
        return quick if self.quick else full

    def allows(self, row: Row) -> bool:
        """Whether this user may measure it."""
        return self.real_root or not row.needs_root


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what `--list` and the table call it, what it is compared with, and how it is measured."""

    name: str
    about: str
    peer: str
    rows: tuple[Row, ...]
    measure: Callable[[Run], Iterator[Measured]]
    """Yields its rows as they come. Raises LackError and NotReachedError."""
    slow: bool = False
    """Left out of a quick run, unless it is asked for by its name."""


@dataclass(frozen=True, slots=True)
class Result:
    """A row after the measurement. Without a spread, `note` says why there is none."""

    row: Row
    verdict: Verdict
    spread: Spread | None = None
    note: str = ""


def not_run(figure: Figure, why: str) -> list[Result]:
    """A figure that is not measured."""
    return [Result(row, Verdict.NOT_RUN, note=why) for row in figure.rows]


def results(figure: Figure, run: Run) -> list[Result]:
    """Measure a figure: a result for each of its rows, in their order."""
    found: dict[str, Result] = {}
    verdict, reason = Verdict.NOT_RUN, ""
    try:
        for measured in figure.measure(run):
            found[measured.row.what] = _judged(measured)
    except LackError as lack:
        reason = str(lack)
    except NotReachedError as failure:
        verdict, reason = Verdict.MISSED, str(failure)
    for row in figure.rows:
        if row.what in found:
            continue
        if not run.allows(row):
            found[row.what] = Result(
                row, Verdict.NOT_RUN, note="needs root (of the initial user namespace)"
            )
        elif reason:
            found[row.what] = Result(row, verdict, note=reason)
        else:
            raise AssertionError(f"{figure.name} ended without {row.what}")
    return [found[row.what] for row in figure.rows]


def _judged(measured: Measured) -> Result:
    target = measured.row.target
    if target is None:
        verdict = Verdict.STATED
    elif target.reached_by(measured.spread.median):
        verdict = Verdict.REACHED
    else:
        verdict = Verdict.MISSED
    return Result(measured.row, verdict, measured.spread, measured.note)
