"""An audit of 1,000 Pod ranges against a large estate: read, compiled, and every class of flows asked.

The estate is that of `compiled`, with a cluster in each network. A quarter of it, with a quarter of the Pod ranges, tells
how the time grows.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure, Measured, NotReachedError, Row, Run, Spread, at_most
from bench.large_estate import HUBS, write

RANGES = 1_000

_ALL = Row("read, compiled and audited", "s", at_most(60))
_MEMORY = Row("most memory of the process", "MiB")
_AUDITED = Row("the audit alone", "s")
_CLASSES = Row("classes of flows", "")
_QUARTER = Row("all of it, a quarter of the estate", "s")
_QUARTER_CLASSES = Row("classes of flows, a quarter of the estate", "")


def _measure(run: Run) -> Iterator[Measured]:
    rounds = run.pick(5, 1)
    run.say("writing the estate")
    whole, quarter = run.folder / "whole", run.folder / "quarter"
    for folder, hubs in ((whole, HUBS), (quarter, HUBS // 4)):
        folder.mkdir()
        write(folder, hubs, RANGES)
    found = [_once(whole, run, number, rounds) for number in range(rounds)]
    if found[0]["ranges"] != RANGES:
        raise NotReachedError(f"{found[0]['ranges']:,.0f} Pod ranges were audited, not {RANGES:,}")
    note = f"{found[0]['parts']:,.0f} parts of the address space"
    yield Measured(_ALL, Spread.of(one["all"] for one in found), note)
    yield Measured(_MEMORY, Spread.of(one["mib"] for one in found))
    yield Measured(_AUDITED, Spread.of(one["audited"] for one in found))
    yield Measured(_CLASSES, Spread.of(one["classes"] for one in found))
    parts = [_once(quarter, run, number, rounds) for number in range(rounds)]
    yield Measured(_QUARTER, Spread.of(one["all"] for one in parts))
    yield Measured(_QUARTER_CLASSES, Spread.of(one["classes"] for one in parts))


def _once(folder: Path, run: Run, number: int, rounds: int) -> dict[str, float]:
    run.say(f"round {number + 1} of {rounds}: {folder.name}")
    command = [sys.executable, "-m", "bench.auditing", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReachedError(f"bench.auditing ended with {done.returncode}: {done.stderr}")
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


FIGURE = Figure(
    "audited",
    "1,000 Pod ranges against 10,000 subnets, 100,000 routes, 5,000 rules, 200 peerings",
    "",
    (_ALL, _MEMORY, _AUDITED, _CLASSES, _QUARTER, _QUARTER_CLASSES),
    _measure,
)
