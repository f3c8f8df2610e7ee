"""Resident memory of the agent in file mode with 64 entries: at its start, and after many changes of the file.

Each change is another list, put in place while the one before is perhaps still being read; the kernel gets at most
five transactions a second, with what is the newest then. Growth is what the process itself holds (anonymous memory)
more than after the first tenth of the changes, when its allocator has settled.
"""

import time
from collections.abc import Iterator

from bench import process
from bench.agent import Agent
from bench.figure import Figure, Measured, Row, Run, Spread, at_most
from bench.lists import List
from bench.watch import TableWatch
from wayhome.lab.namespaces import NetworkNamespace

CHANGES_PER_SECOND = 100
ENTRIES = 64
_START = Row("resident at the start", "MiB")
_EARLY = Row("resident after a tenth of the changes", "MiB")
_RESIDENT = Row("resident after all changes", "MiB", at_most(22))
_PSS = Row("of that its share (Pss)", "MiB")
_ANONYMOUS = Row("of that its own (anonymous)", "MiB")
_GROWTH = Row("grown since a tenth of the changes", "MiB", at_most(0.25))


def _measure(run: Run) -> Iterator[Measured]:
    changes = run.pick(10_000, 1_000)
    with (
        NetworkNamespace.create() as network,
        network.entered(),
        TableWatch() as watch,
        Agent(run.folder) as agent,
    ):
        agent.write(List(ENTRIES))
        agent.start()
        watch.until_kept(List(ENTRIES).marker)
        time.sleep(1)
        at_start, generation = process.memory(agent.pid), watch.generation()
        early = at_start
        started = time.perf_counter()
        for number in range(1, changes + 1):
            wanted = List(ENTRIES, f"200.{number >> 8}.{number & 255}.0", 20 + number % 100)
            agent.write(wanted)
            time.sleep(max(0.0, started + number / CHANGES_PER_SECOND - time.perf_counter()))
            if number == changes // 10:
                early = process.memory(agent.pid)
            if number % 100 == 0:
                run.say(f"change {number:,} of {changes:,}")
        watch.until_kept(wanted.marker)
        time.sleep(1)
        agent.alive()
        late = process.memory(agent.pid)
        made = watch.generation() - generation
    yield Measured(_START, Spread.of([at_start["Rss"]]))
    yield Measured(_EARLY, Spread.of([early["Rss"]]))
    note = f"{changes:,} changes of the file, {made:,} transactions"
    yield Measured(_RESIDENT, Spread.of([late["Rss"]]), note)
    yield Measured(_PSS, Spread.of([late["Pss"]]))
    yield Measured(_ANONYMOUS, Spread.of([late["Anonymous"]]))
    yield Measured(_GROWTH, Spread.of([late["Anonymous"] - early["Anonymous"]]))


FIGURE = Figure(
    "memory",
    f"resident memory in file mode, {ENTRIES} entries",
    "",
    (_START, _EARLY, _RESIDENT, _PSS, _ANONYMOUS, _GROWTH),
    _measure,
)
