"""From the table's removal by somebody to the table restored, whole.

An agent repairs the first damage at once and further ones more and more rarely, so every round has a new agent, in a
new network. The time ends with the commit after which the kernel keeps the last range of the list again.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from bench.agent import Agent
from bench.figure import Figure, Measured, Row, Run, Spread, at_most
from bench.lists import List
from bench.watch import TableWatch
from wayhome.lab.namespaces import NetworkNamespace

QUIET_SECONDS = 0.3
_ROWS = {
    size: Row(f"{size:,} entries", "ms", at_most(100), needs_root=size > 1_000)
    for size in (64, 10_000)
}


def restored(folder: Path, size: int) -> float:
    """Milliseconds, with a new agent in the calling thread's network."""
    with TableWatch() as watch, Agent(folder) as agent:
        agent.write(List(size))
        agent.start()
        watch.until_kept(List(size).marker)
        time.sleep(QUIET_SECONDS)
        started = time.perf_counter()
        watch.remove_table()
        return 1000 * (watch.until_kept(List(size).marker) - started)


def _measure(run: Run) -> Iterator[Measured]:
    rounds = run.pick(15, 5)
    for size, row in _ROWS.items():
        if not run.allows(row):
            continue
        taken = []
        for number in range(1, rounds + 1):
            run.say(f"round {number} of {rounds}: {row.what}")
            with NetworkNamespace.create() as network, network.entered():
                taken.append(restored(run.folder, size))
        yield Measured(row, Spread.of(taken))


FIGURE = Figure(
    "restored",
    "from the table's removal by somebody to the table restored",
    "",
    tuple(_ROWS.values()),
    _measure,
)
