"""From a directory of exports to the network that is traced: read, derived, compiled, in a fresh process each time.

The estate is written anew by `large_estate`. A quarter of it, two hubs with their spokes, tells how the time grows.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure, Measured, NotReachedError, Row, Run, Spread, at_most
from bench.large_estate import HUBS, write

_ALL = Row("read, derived and compiled", "s", at_most(10))
_MEMORY = Row("most memory of the process", "MiB", at_most(1024))
_READ = Row("reading the files", "s")
_DERIVED = Row("deriving the routes", "s")
_COMPILED = Row("compiling the network", "s")
_QUARTER = Row("all of it, a quarter of the estate", "s")


def _measure(run: Run) -> Iterator[Measured]:
    rounds = run.pick(7, 2)
    run.say("writing the estate")
    whole, quarter = run.folder / "whole", run.folder / "quarter"
    for folder, hubs in ((whole, HUBS), (quarter, HUBS // 4)):
        folder.mkdir()
        write(folder, hubs)
    found = [_once(whole, run, number, rounds) for number in range(rounds)]
    note = f"{found[0]['routes']:,.0f} effective routes"
    yield Measured(_ALL, Spread.of(one["all"] for one in found), note)
    yield Measured(_MEMORY, Spread.of(one["mib"] for one in found))
    yield Measured(_READ, Spread.of(one["read"] for one in found))
    yield Measured(_DERIVED, Spread.of(one["derived"] for one in found))
    yield Measured(_COMPILED, Spread.of(one["compiled"] for one in found))
    parts = [_once(quarter, run, number, rounds) for number in range(rounds)]
    yield Measured(_QUARTER, Spread.of(one["all"] for one in parts))


def _once(folder: Path, run: Run, number: int, rounds: int) -> dict[str, float]:
    run.say(f"round {number + 1} of {rounds}: {folder.name}")
    command = [sys.executable, "-m", "bench.compiling", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReachedError(f"bench.compiling ended with {done.returncode}: {done.stderr}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


FIGURE = Figure(
    "compiled",
    "exports of 10,000 subnets, 100,000 routes, 5,000 rules, 200 peerings",
    "",
    (_ALL, _MEMORY, _READ, _DERIVED, _COMPILED, _QUARTER),
    _measure,
)
