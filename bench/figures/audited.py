"""An audit of 1,000 Pod ranges against a large estate: read, compiled, and every class of flows asked.

The estate is that of `compiled`, with a cluster in each network. A quarter of it, with a quarter of the Pod ranges, tells
how the time grows.
"""

from collections.abc import Iterator

from bench.figure import Figure, Measured, NotReachedError, Row, Run, at_most
from bench.two_sizes import TwoSizes, spread

RANGES = 1_000

_ALL = Row("read, compiled and audited", "s", at_most(60))
_COMPUTED = Row("processor time of the process", "s")
_MEMORY = Row("most memory of the process", "MiB")
_AUDITED = Row("the audit alone", "s")
_CLASSES = Row("classes of flows", "")
_QUARTER = Row("all of it, a quarter of the estate", "s")
_QUARTER_CLASSES = Row("classes of flows, a quarter of the estate", "")


def _measure(run: Run) -> Iterator[Measured]:
    estates = TwoSizes(run, "bench.auditing", run.pick(5, 1), RANGES)
    whole = estates.whole()
    if whole[0]["ranges"] != RANGES:
        raise NotReachedError(f"{whole[0]['ranges']:,.0f} Pod ranges were audited, not {RANGES:,}")
    note = f"{whole[0]['parts']:,.0f} parts of the address space"
    yield Measured(_ALL, spread(whole, "all"), note)
    yield Measured(_COMPUTED, spread(whole, "computed"))
    yield Measured(_MEMORY, spread(whole, "mib"))
    yield Measured(_AUDITED, spread(whole, "audited"))
    yield Measured(_CLASSES, spread(whole, "classes"))
    quarter = estates.quarter()
    yield Measured(_QUARTER, spread(quarter, "all"))
    yield Measured(_QUARTER_CLASSES, spread(quarter, "classes"))


FIGURE = Figure(
    "audited",
    "1,000 Pod ranges against 10,000 subnets, 100,000 routes, 5,000 rules, 200 peerings",
    "",
    (_ALL, _COMPUTED, _MEMORY, _AUDITED, _CLASSES, _QUARTER, _QUARTER_CLASSES),
    _measure,
    slow=True,
)
