"""The account's question, `wayhome why my-pod 10.2.0.1:80 --from examples/the-case/exports`: from the start to the answer.

A process of its own each time: the exports are read and compiled, the flow is traced, and every repair is tried. Warm
and cold are those of `start`.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.agent import without_bytecode
from bench.figure import Figure, Measured, NotReachedError, Row, Run, Spread, at_most
from wayhome.lab.programs import environment as plain

_EXPORTS = Path(__file__).parents[2] / "examples/the-case/exports"
_ANSWER = "UNREACHABLE (no-return-route)"

_WARM = Row("with compiled modules (.pyc)", "s", at_most(0.5))
_COMPUTED = Row("processor time until then, with compiled modules", "s")
_COLD = Row("without any", "s")


def answered(environment: Mapping[str, str]) -> tuple[float, float]:
    """Seconds, and those that the process computed. Raises NotReachedError for another answer."""
    command = [sys.executable, "-m", "wayhome", "why", "my-pod", "10.2.0.1:80", "--from"]
    computed, started = _of_children(), time.perf_counter()
    done = subprocess.run(
        [*command, str(_EXPORTS)], env={**plain(), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    took = time.perf_counter() - started
    if not done.stdout.startswith(_ANSWER):
        raise NotReachedError(f"why ended with {done.returncode}: {done.stdout}{done.stderr}")
    return took, _of_children() - computed


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _measure(run: Run) -> Iterator[Measured]:
    for row, rounds in ((_WARM, run.pick(15, 5)), (_COLD, run.pick(7, 3))):
        taken = []
        for number in range(rounds + 1):
            run.say(f"round {number} of {rounds}: {row.what}")
            taken.append(answered(without_bytecode(run.folder) if row is _COLD else {}))
        del taken[0]  # it warmed the machine's own caches
        yield Measured(row, Spread.of(took for took, _ in taken))
        if row is _WARM:
            yield Measured(_COMPUTED, Spread.of(computed for _, computed in taken))


FIGURE = Figure(
    "why",
    "the case, from the start of the process to its answer",
    "",
    (_WARM, _COMPUTED, _COLD),
    _measure,
)
