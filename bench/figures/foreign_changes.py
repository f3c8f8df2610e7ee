"""What it costs the agent that others on its node change their nftables a thousand times a second.

The kernel reports every commit, whoever made it, and does not say whose table it was. Another process adds and
removes one element of a table of its own, each in a transaction; how many it really made is counted by the kernel.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import process
from bench.agent import Agent
from bench.figure import Figure, LackError, Measured, Row, Run, Spread, under
from bench.lists import List
from bench.watch import SECONDS, TableWatch
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.programs import Program, ProgramError, start

RATE = 1_000
SETTLE_SECONDS = 2
_ROWS = {
    size: Row(f"{size:,} entries", "% of a core", under(2), needs_root=size > 1_000)
    for size in (64, 10_000)
}


@contextmanager
def _writer(folder: Path) -> Iterator[None]:
    command = (sys.executable, "-m", "bench.foreign_writer", str(RATE))
    output = folder / f"writer-{time.monotonic_ns()}"
    with NetworkNamespace.current() as here:
        writer = start(Program("the node", "the foreign writer", command), here, output)
    try:
        writer.wait_until(lambda said: "writing" in said, SECONDS)
        yield
    except ProgramError as error:
        raise LackError(str(error)) from error
    finally:
        writer.stop()


def _measure(run: Run) -> Iterator[Measured]:
    rounds, seconds = run.pick(5, 3), run.pick(10, 4)
    for size, row in _ROWS.items():
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
            with _writer(run.folder):
                time.sleep(SETTLE_SECONDS)
                shares, rates = [], []
                for number in range(1, rounds + 1):
                    run.say(f"round {number} of {rounds}: {row.what}")
                    commits, used = watch.generation(), process.processor_seconds(agent.pid)
                    started = time.perf_counter()
                    time.sleep(seconds)
                    took = time.perf_counter() - started
                    shares.append(100 * (process.processor_seconds(agent.pid) - used) / took)
                    rates.append((watch.generation() - commits) / took)
            agent.alive()
        note = f"{Spread.of(rates).median:,.0f} commits a second were made; rounds of {seconds} s"
        yield Measured(row, Spread.of(shares), note)


FIGURE = Figure(
    "foreign-changes",
    f"processor time while others commit {RATE:,} nftables changes a second",
    "",
    tuple(_ROWS.values()),
    _measure,
)
