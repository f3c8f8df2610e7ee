"""The network model and the tracer at size, in neutral form: no export is read here.

The network and the questions are the same each time (`large_network`). Every packet that meets an instance is held
against all rules of its firewall. Both directions are walked; beside it stands the rate with the reverse question. A
quarter of the network tells how they grow.
"""

from collections.abc import Iterator

from bench.apart import told_by
from bench.figure import Figure, Measured, Row, Run, Spread, at_least, at_most
from bench.large_network import FABRICS

_BUILD = Row("network built and checked", "s", at_most(5))
_MEMORY = Row("most memory of the process", "MiB", at_most(1024))
_RATE = Row("questions, both directions", "1/s", at_least(1000))
_COMPUTED = Row("of these in a second of processor time", "1/s")
_REVERSE = Row("questions with the reverse connection", "1/s", at_least(1000))
_QUARTER_BUILD = Row("a quarter of the network built and checked", "s")
_QUARTER_RATE = Row("questions, both directions, in a quarter of the network", "1/s")


def _measure(run: Run) -> Iterator[Measured]:
    count, rounds = run.pick(5_000, 1_000), run.pick(7, 3)
    run.say(f"{rounds} rounds of {count:,} questions")
    found = told_by("bench.tracing", count, rounds, FABRICS)
    yield Measured(_BUILD, Spread.of([found["build_seconds"]]), "10,000 subnets, 100,000 routes")
    yield Measured(_MEMORY, Spread.of([found["peak_mib"]]))
    total = sum(found["verdicts"].values())
    verdicts = ", ".join(
        f"{verdict.lower()} {number * 100 // total} %"
        for verdict, number in sorted(found["verdicts"].items())
    )
    yield Measured(_RATE, Spread.of(found["traces"]), verdicts)
    yield Measured(_COMPUTED, Spread.of(found["computed"]))
    yield Measured(_REVERSE, Spread.of(found["with_reverse"]))
    quarter = told_by("bench.tracing", count, rounds, FABRICS // 4)
    yield Measured(_QUARTER_BUILD, Spread.of([quarter["build_seconds"]]))
    yield Measured(_QUARTER_RATE, Spread.of(quarter["traces"]))


FIGURE = Figure(
    "traces",
    "100,000 routes, 200 peerings, a firewall of 5,000 rules",
    "",
    (_BUILD, _MEMORY, _RATE, _COMPUTED, _REVERSE, _QUARTER_BUILD, _QUARTER_RATE),
    _measure,
)
