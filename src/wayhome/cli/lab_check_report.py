"""What `wayhome lab check` shows: how much was compared, and of each disagreement both sides."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from wayhome.cli.lab_seen import (
    as_document,
    cut_away,
    cut_document,
    in_words,
    refusals,
    refusals_document,
)
from wayhome.cli.lines import print_line
from wayhome.lab.agreement import Disagreement
from wayhome.lab.check import Checked
from wayhome.lab.cut import Cut
from wayhome.report.audit_text import counted
from wayhome.report.line import Line, Role
from wayhome.report.names import short, shortened
from wayhome.report.why_document import flow_document, hop_document
from wayhome.report.why_way import in_full

Document = dict[str, Any]


def show(
    checked: Checked, cut: Cut, directory: Path, refused: Mapping[str, str], *, as_json: bool
) -> None:
    """Print it, with what was not built. `refused`: the nodes whose own rules could not be loaded, and why."""
    if as_json:
        whole = {**document(checked), **cut_document(cut), **refusals_document(refused)}
        click.echo(json.dumps(whole, indent=2))
        return
    for line in (*lines(checked, directory), *cut_away(cut), *refusals(refused)):
        print_line(line)


def lines(checked: Checked, directory: Path) -> Iterator[Line]:
    """The text, line by line."""
    for one in checked.disagreements:
        yield from _disagreement(one)
        yield Line("")
    number = len(checked.disagreements)
    verdict = counted(number, "disagreement") if number else "no disagreement"
    flows, labs = counted(checked.flows, "flow"), counted(checked.labs, "network")
    yield Line(
        f"{verdict}: {flows} of {directory} in {labs} out of namespaces",
        role=Role.BAD if number else Role.GOOD,
    )
    if checked.not_built:
        yield Line(f"{checked.not_built} ways that a flow may go cannot be built", 2)


def document(checked: Checked) -> Document:
    """The same as a document."""
    return {
        "schema": 1,
        "flows": checked.flows,
        "networks": checked.labs,
        "not_built": checked.not_built,
        "disagreements": [_document(one) for one in checked.disagreements],
    }


def _disagreement(one: Disagreement) -> Iterator[Line]:
    flow, seen = one.trace.flow, one.seen
    yield Line(f"{short(one.trace.at)}: {flow}", role=Role.BAD)
    yield from (Line(shortened(about), 2) for about in one.about)
    yield Line(f"by the tracer: {one.trace.verdict}", 2)
    yield from in_full("out", one.trace.forward)
    yield from in_full("home", one.trace.reply)
    yield Line(f"in the kernel: {in_words(seen)}", 2)
    if seen.source_seen is not None:
        where = short(seen.delivered_to or "")
        yield Line(f"in the kernel {where} saw it come from {seen.source_seen}", 2)


def _document(one: Disagreement) -> Document:
    trace, seen = one.trace, one.seen
    return {
        "flow": flow_document(trace.flow, trace.at),
        "about": list(one.about),
        "tracer": {
            "verdict": str(trace.verdict),
            "drop": trace.drop.cause if trace.drop else None,
            "lost": str(trace.lost) if trace.lost else None,
            "forward": {"hops": [hop_document(hop) for hop in trace.forward]},
            "reply": {"hops": [hop_document(hop) for hop in trace.reply]},
        },
        "kernel": as_document(seen),
    }
