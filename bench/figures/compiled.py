"""From a directory of exports to the network that is traced: read, derived, compiled, in a fresh process each time.

The estate is written anew by `large_estate`; a quarter of it tells how the time grows.
"""

from collections.abc import Iterator

from bench.figure import Figure, Measured, Row, Run, at_most
from bench.two_sizes import TwoSizes, spread

_ALL = Row("read, derived and compiled", "s", at_most(10))
_COMPUTED = Row("processor time of the process", "s")
_MEMORY = Row("most memory of the process", "MiB", at_most(1024))
_READ = Row("reading the files", "s")
_DERIVED = Row("deriving the routes", "s")
_COMPILED = Row("compiling the network", "s")
_QUARTER = Row("all of it, a quarter of the estate", "s")


def _measure(run: Run) -> Iterator[Measured]:
    estates = TwoSizes(run, "bench.compiling", run.pick(7, 1))
    whole = estates.whole()
    note = f"{whole[0]['routes']:,.0f} effective routes"
    yield Measured(_ALL, spread(whole, "all"), note)
    yield Measured(_COMPUTED, spread(whole, "computed"))
    yield Measured(_MEMORY, spread(whole, "mib"))
    yield Measured(_READ, spread(whole, "read"))
    yield Measured(_DERIVED, spread(whole, "derived"))
    yield Measured(_COMPILED, spread(whole, "compiled"))
    yield Measured(_QUARTER, spread(estates.quarter(), "all"))


FIGURE = Figure(
    "compiled",
    "exports of 10,000 subnets, 100,000 routes, 5,000 rules, 200 peerings",
    "",
    (_ALL, _COMPUTED, _MEMORY, _READ, _DERIVED, _COMPILED, _QUARTER),
    _measure,
)
