"""New connections a second with our table, as a share of what one bare `masquerade` rule lets through.

The bare rule is what masquerading costs at all; the share says what the list adds to it, which must not depend on how
long the list is.
"""

from collections.abc import Callable, Iterator

from bench.figure import Figure, Measured, Row, Run, Spread, at_least
from bench.forwarding import Forwarding
from bench.interleave import interleaved
from bench.lists import List

SIZES = (5, 64, 1_000, 10_000)
BARE = """
add table inet bare
add chain inet bare postrouting { type nat hook postrouting priority srcnat + 10 ; }
add rule inet bare postrouting masquerade fully-random
"""
NEEDS_ROOT_ABOVE = 1_000
"""nft sends a whole list in one message, which only root may make so large."""


def _row(size: int, *, pods: bool) -> Row:
    scope, limit = ("pods", 0.90) if pods else ("upstream's", 0.86)
    what = f"{size:,} entries, scope {scope}"
    return Row(what, "of bare", at_least(limit), needs_root=size > NEEDS_ROOT_ABOVE)


_ROWS = {(size, pods): _row(size, pods=pods) for size in SIZES for pods in (True, False)}
_PEER = Row("the bare rule itself", "flows/s")


def _measure(run: Run) -> Iterator[Measured]:
    with Forwarding() as network:
        yield from _through(network, run)


def _through(network: Forwarding, run: Run) -> Iterator[Measured]:
    def flows(script: str) -> Callable[[], float]:
        def measure() -> float:
            network.run("nft", "-f", "-", text=f"flush ruleset\n{script}")
            network.check()
            return network.measure()

        return measure

    allowed = {key: row for key, row in _ROWS.items() if run.allows(row)}
    candidates = {
        row.what: flows(List(size).nftables(pods=pods)) for (size, pods), row in allowed.items()
    }
    pairs = interleaved(run.pick(15, 5), flows(BARE), candidates, run.say)
    for row in allowed.values():
        yield Measured(row, Spread.of(pair.ratio for pair in pairs[row.what]))
    yield Measured(_PEER, Spread.of(pair.peer for found in pairs.values() for pair in found))


FIGURE = Figure(
    "new-flows",
    "new UDP connections a second through the node",
    "one bare masquerade rule",
    (*_ROWS.values(), _PEER),
    _measure,
)
