"""From the start of the agent's process to its rules in an empty kernel, with 64 entries.

Warm: what an image has that compiles its Python when it is built. Cold: no module was compiled before, the standard
library's neither, and nothing is kept for the next start, as on a read-only root without that.
"""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench import process
from bench.agent import Agent, without_bytecode
from bench.figure import Figure, Measured, Row, Run, Spread, at_most
from bench.lists import List
from bench.watch import TableWatch
from wayhome.lab.namespaces import NetworkNamespace

_WARM = Row("with compiled modules (.pyc)", "ms", at_most(300))
_COLD = Row("without any", "ms")
_COMPUTED = Row("processor time until then, with compiled modules", "ms")


def first_rule(folder: Path, environment: Mapping[str, str] | None) -> tuple[float, float]:
    """Milliseconds, and those of them that the agent's process itself computed; in the calling thread's network."""
    wanted = List(64)
    with TableWatch() as watch, Agent(folder, environment=environment) as agent:
        agent.write(wanted)
        started = time.perf_counter()
        agent.start()
        took = watch.until_kept(wanted.marker) - started
        return 1000 * took, 1000 * process.processor_seconds(agent.pid)


def _measure(run: Run) -> Iterator[Measured]:
    for row, rounds in ((_WARM, run.pick(15, 5)), (_COLD, run.pick(15, 3))):
        taken = []
        for number in range(rounds + 1):
            run.say(f"round {number} of {rounds}: {row.what}")
            with NetworkNamespace.create() as network, network.entered():
                environment = without_bytecode(run.folder) if row is _COLD else None
                taken.append(first_rule(run.folder, environment))
        del taken[0]  # it warmed the machine's own caches
        yield Measured(row, Spread.of(took for took, _ in taken))
        if row is _WARM:
            yield Measured(_COMPUTED, Spread.of(computed for _, computed in taken))


FIGURE = Figure(
    "start",
    "from the start of the process to its first rule",
    "",
    (_WARM, _COMPUTED, _COLD),
    _measure,
)
