"""Resident memory of the agent that watches the ConfigMap over TLS and keeps a Lease, and what it computes meanwhile.

As `memory`, with each change through the API: at the start, after many changes, and how much of it is growth. A change
is a request and its answer, so they come as fast as the server takes them, at most a hundred a second; of the newest the kernel gets five a second.
Idle is a minute in which nothing is written: a bookmark comes, and a verification is due.
"""

import time
from collections.abc import Iterator

from bench import process
from bench.api import api_mode
from bench.figure import Figure, Measured, Row, Run, Spread, at_most, under
from bench.lists import List

CHANGES_PER_SECOND = 100
ENTRIES = 64
SETTLE_SECONDS = 3
_START = Row("resident at the start", "MiB", at_most(42))
_RESIDENT = Row("resident after all changes", "MiB", at_most(42))
_PSS = Row("of that its share (Pss)", "MiB")
_ANONYMOUS = Row("of that its own (anonymous)", "MiB")
_GROWTH = Row("grown since a tenth of the changes", "MiB", at_most(0.5))
_IDLE = Row("processor time while nothing happens", "% of a core", under(0.1))


def _measure(run: Run) -> Iterator[Measured]:
    changes, seconds = run.pick(10_000, 1_000), run.pick(60, 15)
    with api_mode(run.folder, ENTRIES) as (watch, server, agent):
        time.sleep(SETTLE_SECONDS)
        at_start, used = process.memory(agent.pid), process.processor_seconds(agent.pid)
        for second in range(seconds):
            run.say(f"second {second} of {seconds}: nothing happens")
            time.sleep(1)
        used = process.processor_seconds(agent.pid) - used
        early, generation = at_start, watch.generation()
        started = time.perf_counter()
        for number in range(1, changes + 1):
            wanted = List(ENTRIES, f"200.{number >> 8}.{number & 255}.0", 20 + number % 100)
            server.write(wanted)
            time.sleep(max(0.0, started + number / CHANGES_PER_SECOND - time.perf_counter()))
            if number == changes // 10:
                early = process.memory(agent.pid)
            if number % 100 == 0:
                run.say(f"change {number:,} of {changes:,}")
        taken = time.perf_counter() - started
        watch.until_kept(wanted.marker)
        time.sleep(SETTLE_SECONDS)
        agent.alive()
        late, made = process.memory(agent.pid), watch.generation() - generation
    yield Measured(_START, Spread.of([at_start["Rss"]]))
    note = f"{changes:,} changes of the ConfigMap in {taken:.0f} s, {made:,} transactions"
    yield Measured(_RESIDENT, Spread.of([late["Rss"]]), note)
    yield Measured(_PSS, Spread.of([late["Pss"]]))
    yield Measured(_ANONYMOUS, Spread.of([late["Anonymous"]]))
    yield Measured(_GROWTH, Spread.of([late["Anonymous"] - early["Anonymous"]]))
    yield Measured(_IDLE, Spread.of([100 * used / seconds]), f"over {seconds} s")


FIGURE = Figure(
    "api-memory",
    f"resident memory while watching a ConfigMap over TLS, {ENTRIES} entries",
    "",
    (_START, _RESIDENT, _PSS, _ANONYMOUS, _GROWTH, _IDLE),
    _measure,
)
