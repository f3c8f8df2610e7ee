"""What a run of a case would be held against, where there is no kernel for it: the tracer's word on each phase.

The form is that of a run (`lab_report`), so that one can be laid beside the other; what would have been measured is empty.
"""

import json
from collections.abc import Iterator
from itertools import groupby

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from wayhome.cli.lab_report import console, prediction
from wayhome.cli.printable import printable
from wayhome.clouds.compile import compile_estate
from wayhome.lab.case import Case, Expected, Phase, Row
from wayhome.lab.prediction import BANNER, Predictions, predict_phase
from wayhome.probe.observation import Leg, Protocol
from wayhome.report.names import last, short


def show(case: Case, *, as_json: bool) -> None:
    """Print what is predicted of each phase."""
    predicted = [(phase, predict_phase(case, phase)) for phase in case.phases]
    if as_json:
        click.echo(json.dumps(document(predicted), indent=2))
        return
    text = _Text(console(), case)
    for phase, predictions in predicted:
        text.phase(phase, predictions)
    text.end([held for phase, predictions in predicted for held in _held(phase, predictions)])


def document(predicted: list[tuple[Phase, Predictions]]) -> dict[str, object]:
    """The document of a run (`lab_report.document`) in which nothing was seen."""
    return {
        "schema": 1,
        "banner": BANNER,
        "phases": [
            {
                "name": phase.name,
                "milliseconds_to_effect": None,
                "probes": [
                    {
                        "source": row.source,
                        "destination": row.destination,
                        "address": str(row.address),
                        "protocol": str(protocol),
                        "expected": phase.expected[row].reached,
                        "reached": None,
                        "source_seen": None,
                        "milliseconds": None,
                        "lost": None,
                        "predicted": prediction(one),
                    }
                    for (row, protocol), one in predictions.items()
                ],
            }
            for phase, predictions in predicted
        ],
        "as_expected": None,
    }


def _held(phase: Phase, predictions: Predictions) -> Iterator[bool]:
    """Whether each prediction is what the case expects."""
    return (one == phase.expected[row] for (row, _), one in predictions.items())


class _Text:
    def __init__(self, out: Console, case: Case) -> None:
        self._out = out
        fancy = (out.encoding or "").lower().startswith("utf")
        self._yes, self._no, self._arrow = ("✓", "✗", "→") if fancy else ("+", "x", "->")
        self._names = {
            str(address): last(node.name)
            for node in compile_estate(case.estate).nodes
            for address in node.addresses
        }
        self._out.print(f"[bold yellow]{BANNER}[/bold yellow]: {case.name}, from its exports alone")
        for line in case.summary:
            self._line(line)
        self._line("no packet was sent: what stands here is what a run would be held against")

    def phase(self, phase: Phase, predictions: Predictions) -> None:
        self._out.print()
        self._out.print(f"[bold]{phase.name}[/bold]: {phase.title}")
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
        for heading in ("from and to", *map(str.upper, Protocol), "the target would see"):
            table.add_column(heading, overflow="fold")
        for row, group in groupby(predictions.items(), key=lambda item: item[0][0]):
            cells = [one for _, one in group]
            table.add_row(self._label(row), *map(self._cell, cells), self._seen(cells))
        self._out.print(Padding(table, (0, 0, 0, 2), expand=False))
        deaths = {(row, one): None for (row, _), one in predictions.items() if not one.reached}
        for row, one in deaths:
            self._line(f"{self._no} {self._label(row)}: {_death(row, one)}", "red")
        if all(_held(phase, predictions)):
            self._line(phase.explanation)
        for row in dict.fromkeys(
            row for (row, _), one in predictions.items() if one != phase.expected[row]
        ):
            self._line(
                f"NOT AS EXPECTED: {self._label(row)}; the case says: {_death(row, phase.expected[row])}",
                "bold red",
            )

    def end(self, held: list[bool]) -> None:
        self._out.print()
        self._out.print(
            f"{BANNER}: {sum(held)} of {len(held)} predictions are what the case expects; none was seen",
            style="bold yellow",
        )

    def _cell(self, one: Expected) -> Text:
        if one.reached:
            return Text(f"{self._yes} reached", "green")
        return Text(f"{self._no} {one.leg or Leg.REQUEST} lost", "red")

    def _seen(self, cells: list[Expected]) -> str:
        return ", ".join(sorted({self._named(str(one.source_seen or "nothing")) for one in cells}))

    def _named(self, address: str) -> str:
        name = self._names.get(address)
        return f"{address} ({name})" if name else address

    def _label(self, row: Row) -> str:
        return f"{row.source} {self._arrow} {row.destination}"

    def _line(self, text: str, style: str = "") -> None:
        self._out.print(Padding(Text(text, style=style), (0, 0, 0, 2), expand=False))


def _death(row: Row, one: Expected) -> str:
    if one.reached:
        return f"reached from {one.source_seen}"
    towards = one.source_seen if one.leg is Leg.REPLY else row.address
    return printable(f"the {one.leg} to {towards} dies at {short(one.place)}: {one.cause}")
