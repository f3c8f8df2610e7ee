"""The results, as a table for people and as a JSON document."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.figure import Figure, Result, Row, Target, Verdict
from bench.machine import Machine

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Report:
    """One run."""

    machine: Machine
    quick: bool
    user: str
    """`root` or what it is instead: what root alone may do was not run then."""
    measured: tuple[tuple[Figure, tuple[Result, ...]], ...]

    @property
    def exit_code(self) -> int:
        """1 if a figure was missed, 4 if this machine kept one from being run, else 0."""
        verdicts = {result.verdict for _, results in self.measured for result in results}
        if Verdict.MISSED in verdicts:
            return 1
        return 4 if Verdict.NOT_RUN in verdicts else 0


def as_document(report: Report) -> dict[str, Any]:
    """For machines."""
    return {
        "schema": SCHEMA,
        "machine": dataclasses.asdict(report.machine),
        "user": report.user,
        "quick": report.quick,
        "figures": [
            {
                "name": figure.name,
                "about": figure.about,
                "peer": figure.peer,
                "results": [_as_object(result) for result in results],
            }
            for figure, results in report.measured
        ],
        "exit_code": report.exit_code,
    }


def _as_object(result: Result) -> dict[str, Any]:
    row, spread, target = result.row, result.spread, result.row.target
    return {
        "what": row.what,
        "unit": row.unit,
        "median": spread and spread.median,
        "quartiles": spread and [spread.low, spread.high],
        "rounds": spread.rounds if spread else 0,
        "target": target and {"direction": target.direction.value, "limit": target.limit},
        "verdict": result.verdict.value,
        "note": result.note,
    }


def machine_lines(report: Report) -> list[str]:
    """On what, and how."""
    machine = report.machine
    filters = f"nft {machine.nft}, iptables {machine.iptables_legacy} (legacy) and {machine.iptables_nft} (nft)"
    return [
        f"{machine.processor}, {machine.cores} cores, kernel {machine.kernel}, load {machine.load} at the start",
        f"{filters}, Python {machine.python}, wayhome {machine.wayhome}, as {report.user}",
        f"median of the rounds [quartiles]{'; --quick: fewer rounds' if report.quick else ''}",
    ]


def figure_lines(figure: Figure, results: Sequence[Result]) -> list[str]:
    """One figure's part of the table."""
    peer = f"; against {figure.peer}" if figure.peer else ""
    lines = ["", f"{figure.name}: {figure.about}{peer}"]
    width = max(len(result.row.what) for result in results)
    for result in results:
        line = f"  {result.row.what:{width}}  {_number(result):>38}  {_wanted(result.row):22} {result.verdict.value}"
        lines.append(line.rstrip())
        lines += [f"  {'':{width}}    {part}" for part in result.note.splitlines()]
    return lines


def last_line(report: Report) -> str:
    """How it ended."""
    every = [(figure.name, result) for figure, results in report.measured for result in results]
    parts = [
        f"{sum(r.verdict is verdict for _, r in every)} {verdict.value}" for verdict in Verdict
    ]
    missed = _names(name for name, result in every if result.verdict is Verdict.MISSED)
    return ", ".join(parts) + (f"; missed in {missed}" if missed else "")


def _names(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _number(result: Result) -> str:
    spread, unit = result.spread, result.row.unit
    if spread is None:
        return ""
    if spread.rounds == 1:
        return f"{_rounded(spread.median)} {unit}".rstrip()
    quartiles = f"[{_rounded(spread.low)} … {_rounded(spread.high)}]"
    return f"{_rounded(spread.median)}{unit and ' '}{unit} {quartiles} n={spread.rounds}"


def _wanted(row: Row) -> str:
    return "" if row.target is None else _said(row.target, row.unit)


def _said(target: Target, unit: str) -> str:
    return f"{target.direction.value} {target.limit:g} {unit}".rstrip()


def _rounded(value: float) -> str:
    """Three digits that count, and no more than there are."""
    if value == int(value) and abs(value) < 100:
        return f"{value:.0f}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"
