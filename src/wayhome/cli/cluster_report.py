"""A cluster's report for people: a table with the problems first, what else has to be known, and one line that is the answer.

On a wide terminal a complaint is a column; on a narrow one it stands below its node. Healthy nodes are only counted,
unless there are few or all are asked for.
"""

import shutil
import textwrap
from collections.abc import Iterator

import click

from wayhome.cli.printable import printable
from wayhome.cluster.notes import Note, Weight, notes
from wayhome.cluster.report import FAILED, UNCOUNTED, WAITING, Condition, Report, Row
from wayhome.cluster.summary import summary

FEW = 20
"""So many nodes are listed whatever they say."""
MOST_PROBLEMS = 20
WIDE = 110
LONGEST_NAME = 48

_COLOURS = {Weight.ERROR: "red", Weight.MISSING: "magenta", Weight.WARNING: "yellow", Weight.NOTE: "cyan"}  # fmt: skip
_HEAD = ("node", "version", "age", "state")


def lines(report: Report, *, everything: bool) -> Iterator[str]:
    """The report."""
    width = shutil.get_terminal_size().columns
    shown, hidden = _chosen(report, everything=everything)
    if shown:
        yield from _table(report, shown, width)
    yield from (f"  {text}" for text in hidden)
    if shown or hidden:
        yield ""
    said = {row.error for row in shown if row.error}
    for note in notes(report):
        if not note.text.endswith(tuple(said)):  # not again what stands in the table
            yield from note_lines(note)
    yield answer(report)


def answer(report: Report) -> str:
    """The line that is the answer."""
    good = report.counted and report.counts[Condition.CURRENT] == report.counted
    failed = report.of(*FAILED)
    colour = "green" if good else "red" if failed else "yellow"
    return click.style(printable(summary(report)), fg=colour, bold=True)


def note_lines(note: Note) -> Iterator[str]:
    """A note, within the terminal's width."""
    label = "not seen" if note.weight is Weight.MISSING else note.weight.value
    first, *rest = wrapped(f"{label}: {printable(note.text)}")
    yield click.style(label, fg=_COLOURS[note.weight]) + first[len(label) :]
    yield from rest


def wrapped(text: str, width: int = 0, indent: str = "") -> list[str]:
    """A sentence within a width, else the terminal's; what somebody may want to copy is not broken."""
    return textwrap.wrap(
        text,
        max(width or shutil.get_terminal_size().columns, 30),
        initial_indent=indent,
        subsequent_indent=indent or "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def age(seconds: float) -> str:
    """How long ago, in the largest unit that fits: `45 s`, `12 min`, `3 h`, `9 d`."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _chosen(report: Report, *, everything: bool) -> tuple[list[Row], list[str]]:
    """The rows to show, and a line for each kind that is only counted."""
    if everything or len(report.rows) <= FEW:
        return list(report.rows), []
    problems = [
        row
        for row in report.rows
        if row.condition not in UNCOUNTED
        and row.condition not in (Condition.CURRENT, Condition.UNVERIFIED)
    ]
    shown = problems[:MOST_PROBLEMS]
    hidden = []
    for condition in Condition:
        left = report.counts[condition] - sum(row.condition is condition for row in shown)
        if left:
            more = "more " if left < report.counts[condition] else ""
            hidden.append(f"{left:,} {more}{_state(condition)}")
    if hidden:
        hidden[-1] += " (--all lists them)"
    return shown, hidden


def _table(report: Report, rows: list[Row], width: int) -> Iterator[str]:
    cells = [_cells(report, row) for row in rows]
    wide = width >= WIDE and any(row.error for row in rows)
    widths = [max(map(len, column)) for column in zip(_HEAD, *cells, strict=True)]
    indent = sum(widths) + 2 * len(widths)
    head = _line(_HEAD, widths) + ("  error" if wide else "")
    yield click.style(head.rstrip(), bold=True)
    for number, (row, texts) in enumerate(zip(rows, cells, strict=True)):
        *others, state = texts
        line = _line(tuple(others), widths) + "  " + click.style(state, fg=_colour(row.condition))
        complaint = printable(row.error)
        if wide and complaint:
            first, *rest = wrapped(complaint, width - indent)
            yield line + " " * (widths[-1] - len(state) + 2) + first
            yield from (" " * indent + text for text in rest)
        else:
            yield line
            below = rows[number + 1 :][:1]
            if complaint and not (below and below[0].error == row.error):  # said once for a run
                yield from wrapped(complaint, width, "  ")


def _cells(report: Report, row: Row) -> tuple[str, ...]:
    status = row.status
    name = printable(row.node)
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME - 1]}…"
    version, since = "-", "-"
    if status:
        version = status.held_version or ("defaults" if status.held_digest == "defaults" else "-")
        if status.applied_at:
            since = age((report.seen_at - status.applied_at).total_seconds())
    return (
        name,
        version if len(version) <= 20 else f"{version[:19]}…",
        since,
        _row_state(report, row),
    )


def _row_state(report: Report, row: Row) -> str:
    if row.condition is Condition.STALE and row.status and row.status.heard_at:
        silent = age((report.seen_at - row.status.heard_at).total_seconds())
        return f"silent for {silent}"
    suffix = (
        "" if row.ready or row.condition in (Condition.NOT_READY, *UNCOUNTED) else ", not ready"
    )
    return _state(row.condition) + suffix


def _state(condition: Condition) -> str:
    return {
        Condition.KERNEL_REFUSED: "kernel refuses",
        Condition.SCOPE_REFUSED: "Pod ranges unknown",
        Condition.UNREADABLE: "cannot read",
        Condition.NO_LEASE: "nothing said",
        Condition.NO_AGENT: "no agent",
        Condition.WINDOWS: "Windows: no agent",
        Condition.VIRTUAL: "virtual: no agent",
        Condition.GONE: "node is gone",
    }.get(condition, condition.value)


def _colour(condition: Condition) -> str:
    if condition is Condition.CURRENT:
        return "green"
    if condition in FAILED:
        return "red"
    return "yellow" if condition in WAITING or condition not in UNCOUNTED else "cyan"


def _line(texts: tuple[str, ...], widths: list[int]) -> str:
    """The first columns."""
    return "  ".join(text.ljust(size) for text, size in zip(texts, widths, strict=False))
