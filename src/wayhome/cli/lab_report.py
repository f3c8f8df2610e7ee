"""What a run of a case prints: a matrix for each phase for people, one document for machines.

The matrix works without colour: every cell has a sign and, where something was lost, words. A terminal that cannot
show the signs gets letters.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from wayhome.cli.printable import printable
from wayhome.lab.case import Case, Expected, Row
from wayhome.lab.demo import Outcome, PhaseOutcome, ProbeOutcome, Start
from wayhome.lab.running_case import CommandRun
from wayhome.network import Network
from wayhome.probe.observation import Leg, Loss, Protocol
from wayhome.report.names import last, short, shortened

PIPED_WIDTH = 100
UNSEEN = (
    "this kernel cannot log drops (nfnetlink_log): what is lost ends by time-out, where is not seen"
)


def console() -> Console:
    """Standard output: as wide as the terminal, or PIPED_WIDTH where it is none."""
    plain = Console(highlight=False, emoji=False)
    return plain if plain.is_terminal else Console(width=PIPED_WIDTH, highlight=False, emoji=False)


def print_line(out: Console, text: str, style: str = "") -> None:
    """A line of a run, indented below its heading."""
    out.print(Padding(Text(text, style=style), (0, 0, 0, 2), expand=False))


class Report:
    """Prints a run as it goes."""

    def __init__(self, out: Console, network: Network) -> None:
        """`network` says whose the addresses are."""
        self._out = out
        fancy = (out.encoding or "").lower().startswith("utf")
        self._yes, self._no, self._arrow = ("✓", "✗", "→") if fancy else ("+", "x", "->")
        self._names = {
            str(address): last(node.name) for node in network.nodes for address in node.addresses
        }

    def begin(self, case: Case) -> None:
        """What is being built."""
        self._out.print(f"[bold]{case.name}[/bold]: what is built, out of network namespaces")
        for line in case.summary:
            self._line(line)

    def built(self, start: Start) -> None:
        """It is up."""
        self._line(
            f"{start.networks} networks, {start.servers} servers and {start.agents} agents: "
            f"up in {start.seconds:.2f} s; no root needed"
        )
        lost = "lost, seen to die" if start.sees_drops else "not reached"
        self._line(f"{self._yes} reached (all probes of a phase run at once)   {self._no} {lost}")
        if not start.sees_drops:
            self._line(UNSEEN, "yellow")

    def phase(self, outcome: PhaseOutcome) -> None:
        """One phase: the matrix, the deaths, what the agent said, the time until the effect."""
        phase = outcome.phase
        self._out.print()
        title = printable(shortened(phase.title))
        self._out.print(Text.assemble((printable(phase.name), "bold"), f": {title}"))
        self._commands(outcome.commands)
        self._out.print(Padding(self._matrix(outcome.probes), (0, 0, 0, 2), expand=False))
        for death, rows in self._deaths(outcome.probes).items():
            self._line(f"{self._no} {', '.join(rows)}: {death}", "red")
        if phase.explanation and all(probe.as_expected for probe in outcome.probes):
            self._line(phase.explanation)
        self._agent(outcome)
        if outcome.endings:
            self._endings(outcome)
            return
        self._effect(outcome)
        self._commands(outcome.questions)
        for probe in outcome.probes:
            if not probe.as_expected:
                self._line(f"NOT AS EXPECTED: {self._complaint(probe)}", "bold red")

    def _commands(self, runs: Sequence[CommandRun]) -> None:
        """What was typed, and what it said, as it stands in a terminal."""
        for run in runs:
            self._line(f"$ {run.command.shown}", "bold")
            if said := printable(run.output.rstrip("\n"), lines=True):
                self._line(said)
            if not run.as_expected:
                wanted = f"exit status {run.command.status}"
                if run.command.shows:
                    wanted += f" and {', '.join(map(repr, run.command.shows))}"
                self._line(
                    f"NOT AS EXPECTED: exit status {run.status}; expected {wanted}", "bold red"
                )

    def _agent(self, outcome: PhaseOutcome) -> None:
        said, wanted = outcome.agent_said, outcome.phase.show_agent
        if said and said.message:
            says = (
                "has nothing new to say. It said before, and that still holds"
                if outcome.said_before
                else "says"
            )
            self._line(
                f"the agent on {last(said.node)} {says}: {printable(said.message)}", "yellow"
            )
        elif wanted:
            self._line(f"NOT AS EXPECTED: no agent said anything about it ({wanted})", "bold red")

    def _endings(self, outcome: PhaseOutcome) -> None:
        for ending in outcome.endings:
            self._line(
                f"NOT AS EXPECTED: the {shortened(printable(ending, lines=True))}", "bold red"
            )
        self._line(
            "What the probes saw without it is no finding, and the phases after this one were not run."
        )

    def _effect(self, outcome: PhaseOutcome) -> None:
        if not outcome.phase.takes_effect:
            return
        if outcome.milliseconds_to_effect is None:
            self._line(f"NOT AS EXPECTED: {_change(outcome)} had no effect", "bold red")
            return
        self._line(
            f"{outcome.milliseconds_to_effect:.0f} ms from {_change(outcome)} to the first success "
            f"(probe number {outcome.attempts_until_effect}); {outcome.phase.comparison}",
            "green",
        )

    def end(self, outcome: Outcome, seconds: float, next_command: str) -> None:
        """The verdict."""
        probes = [probe for phase in outcome.phases for probe in phase.probes]
        good = sum(probe.as_expected for probe in probes)
        verdict, style = (
            ("as expected", "bold green")
            if outcome.as_expected
            else ("NOT AS EXPECTED", "bold red")
        )
        self._out.print()
        self._out.print(
            f"{verdict}: {good} of {len(probes)} probes as expected and as predicted, {seconds:.1f} s in all",
            style=style,
        )
        if next_command:
            self._out.print(f"To try things in this network: {next_command}")

    def _line(self, text: str, style: str = "") -> None:
        print_line(self._out, text, style)

    def _matrix(self, probes: Sequence[ProbeOutcome]) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
        asked = [how for how in Protocol if any(p.observation.protocol is how for p in probes)]
        # On a narrow terminal names are broken: an ellipsis would hide who saw what.
        for heading in ("from and to", *map(str.upper, asked), "the target sees"):
            table.add_column(heading, overflow="fold")
        for row, group in groupby(probes, key=lambda probe: probe.row):
            cells = {cell.observation.protocol: cell for cell in group}
            shown = [self._cell(cells[how]) if how in cells else Text("") for how in asked]
            seen = self._seen(list(cells.values()))
            table.add_row(Text(self.label(row)), *shown, Text(seen))  # a name is no markup
        return table

    def _cell(self, probe: ProbeOutcome) -> Text:
        seen = probe.observation
        unexpected = "" if probe.as_expected else " (!)"
        if seen.reached:
            return Text(f"{self._yes} {seen.milliseconds:.1f} ms{unexpected}", "green")
        lost = f"{seen.loss.leg} lost" if seen.loss else "no answer"
        return Text(f"{self._no} {lost}{unexpected}", "red")

    def _seen(self, probes: Sequence[ProbeOutcome]) -> str:
        sources = {str(p.observation.source_seen or "nothing") for p in probes}
        return ", ".join(sorted(map(self.named, sources)))

    def named(self, address: str) -> str:
        """An address, with the name of whose it is."""
        name = self._names.get(address)
        return f"{address} ({printable(name)})" if name else address

    def label(self, row: Row) -> str:
        """Who asks whom, and by which address where that is not the destination's own."""
        label = f"{row.source} {self._arrow} {row.destination}"
        theirs = [address for address, name in self._names.items() if name == row.destination]
        elsewhere = theirs and str(row.address) not in theirs
        return printable(f"{label} by {row.address}" if elsewhere else label)

    def _deaths(self, probes: Sequence[ProbeOutcome]) -> Mapping[str, list[str]]:
        """Each reason once, with the rows that it holds for."""
        deaths: dict[str, list[str]] = {}
        for probe in probes:
            if probe.observation.reason:
                rows = deaths.setdefault(shortened(printable(probe.observation.reason)), [])
                if self.label(probe.row) not in rows:
                    rows.append(self.label(probe.row))
        return deaths

    def _complaint(self, probe: ProbeOutcome) -> str:
        seen = probe.observation
        what = f"reached from {seen.source_seen}" if seen.reached else f"{seen.reason}"
        where = f"{self.label(probe.row)} over {seen.protocol}"
        predicted = (
            "" if probe.expected == probe.predicted else f"; predicted {_wanted(probe.predicted)}"
        )
        wanted = f"expected {_wanted(probe.expected)}{predicted}"
        return f"{where}: {wanted}; seen: {shortened(printable(what))}"


def _change(outcome: PhaseOutcome) -> str:
    return "the start of kubectl" if outcome.commands else outcome.phase.change


def _wanted(expected: Expected) -> str:
    if expected.reached:
        return f"to be reached from {expected.source_seen}"
    leg = expected.leg or Leg.REQUEST
    return f"the {leg} to die at {short(expected.place)} ({expected.cause})"


def document(outcome: Outcome) -> dict[str, object]:
    """The run as one JSON document. `expected` and `reached` are both whether the target was reached."""
    return {
        "schema": 1,
        "phases": [phase_document(phase) for phase in outcome.phases],
        "as_expected": outcome.as_expected,
    }


def phase_document(phase: PhaseOutcome) -> dict[str, object]:
    """One phase of it."""
    return {
        "name": phase.phase.name,
        "milliseconds_to_effect": _rounded(phase.milliseconds_to_effect),
        **_typed("commands", phase.commands),
        **_typed("questions", phase.questions),
        "probes": [_probe(probe) for probe in phase.probes],
    }


def _typed(name: str, runs: Sequence[CommandRun]) -> dict[str, object]:
    if not runs:
        return {}
    typed = [
        {
            "command": run.command.shown,
            "exit_status": run.status,
            "output": run.output,
            "as_expected": run.as_expected,
        }
        for run in runs
    ]
    return {name: typed}


def _probe(probe: ProbeOutcome) -> dict[str, object]:
    seen = probe.observation
    return {
        "source": probe.row.source,
        "destination": probe.row.destination,
        "address": str(probe.row.address),
        "protocol": str(seen.protocol),
        "expected": probe.expected.reached,
        "reached": seen.reached,
        "source_seen": str(seen.source_seen) if seen.source_seen else None,
        "milliseconds": _rounded(seen.milliseconds),
        "lost": _lost(seen.loss) if seen.loss else None,
        "predicted": prediction(probe.predicted),
    }


def prediction(predicted: Expected) -> dict[str, object]:
    """What the tracer says of a probe."""
    return {
        "reached": predicted.reached,
        "source_seen": str(predicted.source_seen) if predicted.source_seen else None,
        "leg": predicted.leg,
        "place": predicted.place or None,
        "cause": predicted.cause or None,
    }


def _lost(loss: Loss) -> dict[str, object]:
    return {"leg": str(loss.leg), "place": loss.place, "cause": loss.cause}


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)
