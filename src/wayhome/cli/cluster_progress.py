"""Shows how far a change has come: a bar on a terminal, and nothing elsewhere. It is erased at the end."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from wayhome.cluster.report import FAILED, Condition, Report


@contextmanager
def progress() -> Iterator[Callable[[Report], None]]:
    """A function that takes each new report."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415  # a tenth of a second that only this needs
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (
        BarColumn(bar_width=None),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} nodes{task.description}"),
        TimeElapsedColumn(),
    )
    # What is printed meanwhile stands above the bar, but only where it goes to the same terminal.
    console, same = Console(stderr=True), sys.stdout.isatty()
    with Progress(*columns, console=console, transient=True, redirect_stdout=same) as bar:
        task = bar.add_task("", total=1)

        def show(report: Report) -> None:
            failed = len(report.of(*FAILED))
            said = f", {failed:,} say no" if failed else ""
            current = report.counts[Condition.CURRENT]
            bar.update(task, completed=current, total=max(report.counted, 1), description=said)

        yield show
