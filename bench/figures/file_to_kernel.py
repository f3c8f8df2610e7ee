"""From a configuration file put in its place by a rename to the list in the kernel.

Two changes for each size: one line, and every line. The time ends with the commit after which the kernel keeps the
last range of the new list. The agent makes at most five transactions a second, so the changes come slower than that.
"""

import time
from collections.abc import Iterator

from bench.agent import Agent
from bench.figure import Figure, Measured, Row, Run, Spread, at_most
from bench.lists import List
from bench.watch import TableWatch
from wayhome.lab.namespaces import NetworkNamespace

PAUSE_SECONDS = 0.3
_SIZES = {64: 30, 10_000: 150}
_ROWS = {
    (size, everything): Row(
        f"{size:,} entries, {'all of them' if everything else 'one line'} changed",
        "ms",
        at_most(limit),
        needs_root=size > 1_000,
    )
    for size, limit in _SIZES.items()
    for everything in (False, True)
}


def change(agent: Agent, watch: TableWatch, wanted: List) -> float:
    """Milliseconds from the rename to the commit; after a pause."""
    agent.prepare(wanted)
    time.sleep(PAUSE_SECONDS)
    started = time.perf_counter()
    agent.put()
    return 1000 * (watch.until_kept(wanted.marker) - started)


def lists(entries: int, rounds: int, *, everything: bool) -> Iterator[List]:
    """As many lists, each different from the one before in one line or in every one."""
    for number in range(1, rounds + 1):
        first = 20 + 100 * (number % 2) if everything else 10
        yield List(entries, f"200.{number >> 8}.{number & 255}.0", first)


def _measure(run: Run) -> Iterator[Measured]:
    rounds = run.pick(15, 5)
    for (size, everything), row in _ROWS.items():
        if not run.allows(row):
            continue
        with (
            NetworkNamespace.create() as network,
            network.entered(),
            TableWatch() as watch,
            Agent(run.folder) as agent,
        ):
            agent.write(List(size))
            agent.start()
            watch.until_kept(List(size).marker)
            taken = []
            for number, wanted in enumerate(lists(size, rounds, everything=everything), 1):
                run.say(f"round {number} of {rounds}: {row.what}")
                taken.append(change(agent, watch, wanted))
        yield Measured(row, Spread.of(taken))


FIGURE = Figure(
    "file-to-kernel",
    "from the file, put in its place by a rename, to the rules in the kernel",
    "",
    tuple(_ROWS.values()),
    _measure,
)
