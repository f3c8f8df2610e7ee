"""What a run of a case would be held against, where there is no kernel for it: the tracer's word on each phase.

The form is that of a run (`lab_report`), so that one can be laid beside the other; what would have been measured is empty,
and the phases' explanations, which speak of what agents and kernels did, are left out.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from wayhome.cli.lab_report import Report, console, prediction, print_line
from wayhome.cli.printable import printable
from wayhome.clouds.compile import compile_estate
from wayhome.lab.case import Case, Expected, Phase, Row
from wayhome.lab.prediction import BANNER, PredictedPhase, Predictions, predict_in
from wayhome.network import Network
from wayhome.probe.observation import Leg, Protocol
from wayhome.report.names import short, shortened


def show(case: Case, *, as_json: bool) -> None:
    """Print what is predicted of each phase of a case."""
    estates = ((phase, case.estate_in(phase)) for phase in case.phases)
    predicted = [predict_in(phase, estate, compile_estate(estate)) for phase, estate in estates]
    show_phases(case.name, case.summary, predicted, as_json=as_json)


def show_phases(
    name: str, summary: Sequence[str], predicted: Sequence[PredictedPhase], *, as_json: bool
) -> None:
    """Print what is predicted of phases."""
    if as_json:
        click.echo(json.dumps(document(predicted), indent=2))
        return
    out = console()
    out.print(
        Text.assemble((BANNER, "bold yellow"), f": {printable(name)}, from its exports alone")
    )
    for line in (
        *summary,
        "no packet was sent: what stands here is what a run would be held against",
    ):
        print_line(out, line)
    for one in predicted:
        _Text(out, one.network).phase(one.phase, one.predictions)
    held = [each for one in predicted for each in _held(one.phase, one.predictions)]
    out.print()
    out.print(
        f"{BANNER}: {sum(held)} of {len(held)} predictions are what the case expects; none was seen",
        style="bold yellow",
    )


def document(predicted: Sequence[PredictedPhase]) -> dict[str, object]:
    """The document of a run (`lab_report.document`) in which nothing was seen."""
    return {
        "schema": 1,
        "banner": BANNER,
        "phases": [
            {
                "name": one.phase.name,
                "milliseconds_to_effect": None,
                "probes": [
                    {
                        "source": row.source,
                        "destination": row.destination,
                        "address": str(row.address),
                        "protocol": str(protocol),
                        "expected": one.phase.expected[row].reached,
                        "reached": None,
                        "source_seen": None,
                        "milliseconds": None,
                        "lost": None,
                        "predicted": prediction(said),
                    }
                    for (row, protocol), said in one.predictions.items()
                ],
            }
            for one in predicted
        ],
        "as_expected": None,
    }


def _held(phase: Phase, predictions: Predictions) -> Iterator[bool]:
    """Whether each prediction is what the case expects."""
    return (one == phase.expected[row] for (row, _), one in predictions.items())


class _Text:
    def __init__(self, out: Console, network: Network) -> None:
        self._out = out
        self._report = Report(out, network)
        fancy = (out.encoding or "").lower().startswith("utf")
        self._yes, self._no = ("✓", "✗") if fancy else ("+", "x")

    def phase(self, phase: Phase, predictions: Predictions) -> None:
        self._out.print()
        title = printable(shortened(phase.title))
        self._out.print(Text.assemble((printable(phase.name), "bold"), f": {title}"))
        asked = [how for how in Protocol if any(how is one for _, one in predictions)]
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
        for heading in ("from and to", *map(str.upper, asked), "the target would see"):
            table.add_column(heading, overflow="fold")
        for row, group in groupby(predictions.items(), key=lambda item: item[0][0]):
            cells = {how: one for (_, how), one in group}
            shown = [self._cell(cells[how]) if how in cells else Text("") for how in asked]
            table.add_row(Text(self._label(row)), *shown, Text(self._seen(cells.values())))
        self._out.print(Padding(table, (0, 0, 0, 2), expand=False))
        deaths = {(row, one): None for (row, _), one in predictions.items() if not one.reached}
        for row, one in deaths:
            self._line(f"{self._no} {self._label(row)}: {_death(row, one)}", "red")
        for row in dict.fromkeys(
            row for (row, _), one in predictions.items() if one != phase.expected[row]
        ):
            self._line(
                f"NOT AS EXPECTED: {self._label(row)}; the case says: {_death(row, phase.expected[row])}",
                "bold red",
            )

    def _cell(self, one: Expected) -> Text:
        if one.reached:
            return Text(f"{self._yes} reached", "green")
        return Text(f"{self._no} {one.leg or Leg.REQUEST} lost", "red")

    def _seen(self, cells: Iterable[Expected]) -> str:
        sources = {str(one.source_seen or "nothing") for one in cells}
        return ", ".join(sorted(map(self._report.named, sources)))

    def _label(self, row: Row) -> str:
        return self._report.label(row)

    def _line(self, text: str, style: str = "") -> None:
        print_line(self._out, text, style)


def _death(row: Row, one: Expected) -> str:
    if one.reached:
        return f"reached from {one.source_seen}"
    towards = one.source_seen if one.leg is Leg.REPLY else row.address
    return printable(f"the {one.leg} to {towards} dies at {short(one.place)}: {one.cause}")
