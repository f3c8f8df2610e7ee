"""What an agent does while nothing happens: processor time, and child processes.

60 s, in which the interval of the regular verification (resyncInterval, 60 s) comes round once.
"""

import time
from collections.abc import Iterator

from bench import process
from bench.agent import Agent
from bench.figure import Figure, Measured, Row, Run, Spread, at_most, under
from bench.lists import List
from bench.watch import TableWatch
from wayhome.lab.namespaces import NetworkNamespace

SETTLE_SECONDS = 2
_SHARE = Row("processor time", "% of a core", under(0.1))
_CHILDREN = Row("child processes started", "", at_most(0))


def _measure(run: Run) -> Iterator[Measured]:
    seconds = run.pick(60, 15)
    with (
        NetworkNamespace.create() as network,
        network.entered(),
        TableWatch() as watch,
        Agent(run.folder) as agent,
    ):
        agent.write(List(64))
        agent.start()
        watch.until_kept(List(64).marker)
        time.sleep(SETTLE_SECONDS)
        used, faults = process.processor_seconds(agent.pid), process.child_faults(agent.pid)
        for second in range(seconds):
            run.say(f"second {second} of {seconds}")
            time.sleep(1)
        agent.alive()
        used = process.processor_seconds(agent.pid) - used
        started = process.has_started_children(agent.pid, faults)
    yield Measured(_SHARE, Spread.of([100 * used / seconds]), f"over {seconds} s")
    note = "at least one" if started else "the page faults of its children stood still"
    yield Measured(_CHILDREN, Spread.of([float(started)]), note)


FIGURE = Figure("idle", "while nothing happens, 64 entries", "", (_SHARE, _CHILDREN), _measure)
