"""What a rollout tells while it goes on, and how it ended, for people."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import click

from wayhome.cli.cluster_report import answer
from wayhome.cli.printable import printable
from wayhome.cluster.outcome import Outcome, Result
from wayhome.cluster.report import Report

_COLOURS = {0: "green", 1: "red"}
_ANOTHERS = (Result.MOVED, Result.NOT_ROLLED_BACK)


class Teller:
    """Says each step, and shows the nodes.

    Where nobody can read it any more (a full disk, a pipe or a terminal that is closed), the change goes on without a
    word: half of one is worse.
    """

    def __init__(self, say: Callable[[str], None], show: Callable[[Report], None]) -> None:
        self._say = say
        self._show = show

    def said(self, sentence: str) -> None:
        """A step."""
        with suppress(OSError):
            self._say(printable(sentence))

    def shown(self, report: Report) -> None:
        """The nodes, as they are."""
        with suppress(OSError):
            self._show(report)


def needs_undo(outcome: Outcome) -> bool:
    """Whether the ConfigMap is left as another than it was found."""
    return outcome.changed and outcome.result is not Result.ROLLED_BACK


def lines(outcome: Outcome, undo: str) -> Iterator[str]:
    """The end."""
    told = "; ".join(map(printable, outcome.reasons))
    yield click.style(
        outcome.result.value, fg=_COLOURS.get(outcome.exit_code, "yellow"), bold=True
    ) + (f": {told}" if told else "")
    if outcome.report and outcome.result is not Result.ROLLED_BACK:
        yield answer(outcome.report)
    if undo and outcome.result in _ANOTHERS:
        yield "this puts back what was there before this run, over whatever is there by then:"
        yield f"  {undo}"
    elif undo:
        yield "this undoes it:"
        yield f"  {undo}"
