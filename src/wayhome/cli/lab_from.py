"""`wayhome lab run --from`: flows of an exported network, each with what is predicted and what was seen."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from wayhome.cli.lab_exports import Exports, QuestionError
from wayhome.cli.lab_seen import (
    as_document,
    cut_away,
    cut_document,
    in_words,
    refusals,
    refusals_document,
)
from wayhome.cli.lines import print_line
from wayhome.lab.agents import NodeAgent, agents_in
from wayhome.lab.agreement import compare
from wayhome.lab.check import Checked, predicted
from wayhome.lab.compiled import NOT_KNOWN, Asked, Seen
from wayhome.lab.cut import MOST_NODES, Cut, TooLargeError, buildable
from wayhome.lab.exported import ExportedLabs
from wayhome.lab.prediction import BANNER
from wayhome.lab.questions import questions
from wayhome.network import Drop, Protocol
from wayhome.report.line import Line, Role
from wayhome.report.names import short
from wayhome.report.why_document import flow_document
from wayhome.trace import Exchange, Trace

MOST_SHOWN = 5
_NOT_SEEN = dict.fromkeys(
    ("reached", "lost", "died_at", "cause", "source_seen", "delivered_to", "as_predicted")
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The network of the exports, what to try in it, and how to build it."""

    cut: Cut
    asked: list[Asked]
    labs: ExportedLabs


def wanted(directory: Path, what: tuple[str, ...], protocol: str | None) -> Wanted:
    """Read the exports and the question. Raises QuestionError."""
    if len(what) not in {0, 2}:
        raise QuestionError("a flow is SOURCE DESTINATION[:PORT]; without both, all are tried")
    if protocol and not what:
        raise QuestionError("--protocol is that of one flow: say SOURCE and DESTINATION too")
    exports = Exports.read(directory)
    total = len(exports.network.nodes)
    if what:
        found = [exports.flow(what[0], what[1], Protocol(protocol) if protocol else None)]
    elif total > MOST_NODES:
        raise QuestionError(
            f"the network of {directory} has {total:,} nodes, and at most {MOST_NODES:,} are built; "
            "say SOURCE DESTINATION[:PORT], and what that flow can touch is built"
        )
    else:
        found = list(questions(exports.network))
    if not found:
        raise QuestionError(f"{directory} has no two ends between which a flow could be tried")
    try:
        cut = buildable(exports.network, found)
    except TooLargeError as error:
        raise QuestionError(str(error)) from None
    running = agents_in(exports.estate, exports.network)
    agents = [one for one in running if one.node in cut.network.places]
    return Wanted(cut, found, ExportedLabs(exports.estate, exports.network, agents))


def show(checked: Checked, asked: Wanted, directory: Path, *, as_json: bool) -> None:
    """Print it, with what of the network was not built, which agents ran, and what this kernel did not take."""
    cut, labs = asked.cut, asked.labs
    if as_json:
        content = {
            **document(checked),
            **cut_document(cut),
            "agents": [one.node for one in labs.agents],
            **refusals_document(labs.refused),
        }
        click.echo(json.dumps(content, indent=2))
        return
    last = (*cut_away(cut), *ran(labs.agents), *refusals(labs.refused))
    for line in (*lines(checked, directory), *last):
        print_line(line)


def ran(agents: Sequence[NodeAgent]) -> Iterator[Line]:
    """Whose masquerading was that of running agents."""
    if agents:
        labels = [one.label for one in agents[:MOST_SHOWN]]
        more = len(agents) - len(labels)
        where = ", ".join(labels) + (f" and {more} more nodes" if more else "")
        yield Line(f"the project's agent ran on {where}, with what the exports' ConfigMaps hold", 2)


def show_predicted(asked: Wanted, directory: Path, *, as_json: bool) -> None:
    """Print what a lab would be held against, where none can be had."""
    traces = predicted(asked.cut.network, asked.asked)
    if as_json:
        flows = [{**_asked(one), **_NOT_SEEN} for one in traces]
        click.echo(json.dumps({"schema": 1, "banner": BANNER, "flows": flows}, indent=2))
        return
    print_line(Line(BANNER, role=Role.UNSURE))
    for one in traces:
        print_line(Line(f"{short(one.at)}: {one.flow}"))
        print_line(Line(f"predicted  {_said(one)}", 2))
    flows_of = "1 flow" if len(traces) == 1 else f"{len(traces)} flows"
    print_line(Line(f"{flows_of} of {directory}: nothing was built, and nothing seen"))


def lines(checked: Checked, directory: Path) -> Iterator[Line]:
    """The text, line by line."""
    for trace, seen in checked.both:
        found = compare(trace, seen)
        yield Line(f"{short(trace.at)}: {trace.flow}")
        yield Line(f"predicted  {_said(trace)}", 2)
        yield Line(f"seen       {in_words(seen)}", 2, role=Role.BAD if found else Role.GOOD)
    wrong, number = len(checked.disagreements), checked.flows
    flows = "1 flow" if number == 1 else f"{number} flows"
    labs = "one network" if checked.labs == 1 else f"{checked.labs} networks"
    outcome = f"{wrong} not as predicted" if wrong else "all as predicted"
    yield Line(
        f"{flows} of {directory} in {labs} out of namespaces: {outcome}",
        role=Role.BAD if wrong else Role.GOOD,
    )
    if checked.not_built:
        yield Line(f"{checked.not_built} ways that a flow may go cannot be built", 2)


def document(checked: Checked) -> dict[str, Any]:
    """The same as a document."""
    return {
        "schema": 1,
        "networks": checked.labs,
        "not_built": checked.not_built,
        "flows": [_flow(trace, seen) for trace, seen in checked.both],
    }


def _flow(trace: Trace, seen: Seen) -> dict[str, Any]:
    return {**_asked(trace), **as_document(seen), "as_predicted": compare(trace, seen) is None}


def _asked(trace: Trace) -> dict[str, Any]:
    return {
        **flow_document(trace.flow, trace.at),
        "predicted": {
            "verdict": str(trace.verdict),
            "lost": str(trace.lost) if trace.lost else None,
            "died_at": _died_at(trace.shown.result),
            "cause": trace.drop.cause if trace.drop else None,
        },
    }


def _said(trace: Trace) -> str:
    end = trace.shown.result
    cause = end.ended.cause if isinstance(end.ended, Drop) else NOT_KNOWN
    died_at = _died_at(end)
    if end.lost is None or died_at is None:
        return f"reached, from {end.packet.source}"
    return f"{end.lost} lost at {short(died_at)}: {cause}"


def _died_at(end: Exchange) -> str | None:
    if end.lost is None:
        return None
    return (end.reply or end.forward)[-1].node
