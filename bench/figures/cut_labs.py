"""One flow of the large estate by `wayhome lab run --from`: 100,000 routes are read and compiled, a few nodes are built.

Beside it the cut alone, which finds out which nodes these are, and how many flows of the same estate `lab check` holds
against a kernel without a disagreement.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from bench.figure import Figure, Measured, NotReachedError, Row, Run, Spread, at_most
from bench.large_estate import start, write
from wayhome.clouds.compile import compile_estate
from wayhome.clouds.read import read_estate
from wayhome.lab.cut import cut
from wayhome.network import Address, Flow, Protocol
from wayhome.trace import trace

_HUB, _SPOKE, _SAMPLE = 0, 1, 100
_RUN = Row("`lab run --from` with one flow", "s")
_BUILT = Row("nodes that were built for it", "")
_CUT = Row("the cut alone", "ms")
_CHECKED = Row(f"disagreements of {_SAMPLE} flows of `lab check`", "", at_most(0))


def _measure(run: Run) -> Iterator[Measured]:
    run.say("writing the estate")
    exports = run.folder / "exports"
    exports.mkdir()
    write(exports)
    (source, address), (_, destination) = start(_SPOKE), start(_HUB)
    taken, built = [], {}
    for number in range(run.pick(5, 1)):
        run.say(f"running {number + 1}")
        started = time.perf_counter()
        built = _lab("run", "--from", str(exports), source, f"{destination}:443")["nodes"]
        taken.append(time.perf_counter() - started)
    note = f"of {built['of']:,} nodes"
    yield Measured(_RUN, Spread.of(taken), note)
    yield Measured(_BUILT, Spread.of([built["built"]]), note)
    run.say("cutting")
    network = compile_estate(read_estate(exports))
    flow = Flow(Address.parse(address), Address.parse(destination), Protocol.TCP, 443)
    traced, cuts = trace(network, flow, source), []
    for _ in range(9):
        started = time.perf_counter()
        cut(network, [traced])
        cuts.append(1000 * (time.perf_counter() - started))
    yield Measured(_CUT, Spread.of(cuts), note)
    run.say("checking")
    checked = _lab("check", "--from", str(exports), "--sample", str(_SAMPLE))
    if checked["flows"] < _SAMPLE:
        raise NotReachedError(f"only {checked['flows']} flows were tried")
    disagreements = Spread.of([len(checked["disagreements"])])
    yield Measured(_CHECKED, disagreements, f"{checked['nodes']['built']} nodes built at once")


def _lab(*arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "wayhome", "lab", *arguments, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in {0, 1}:
        raise NotReachedError(f"lab {arguments[0]}: {done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


FIGURE = Figure(
    "cut-labs",
    "labs of a few flows of the large estate",
    "",
    (_RUN, _BUILT, _CUT, _CHECKED),
    _measure,
    slow=True,
)
