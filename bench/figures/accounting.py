"""What `--accounting` costs: packets of established flows through the node with it, as a share of those without.

No line names the destinations, so that a packet meets every rule of the second chain.
"""

from collections.abc import Callable, Iterator

from bench.figure import Figure, Measured, Row, Run, Spread
from bench.forwarding import Forwarding
from bench.interleave import Pair, interleaved
from bench.lists import List

NEEDS_ROOT_ABOVE = 1_000
"""nft sends a whole list in one message, which only root may make so large."""


def _row(size: int, *, pods: bool) -> Row:
    scope = "pods" if pods else "upstream's"
    return Row(f"{size:,} entries, scope {scope}", "of without", needs_root=size > NEEDS_ROOT_ABOVE)


_ROWS = {
    (size, pods): _row(size, pods=pods)
    for size, pods in ((64, True), (64, False), (10_000, True), (10_000, False))
}
_PEER = Row("without accounting", "packets/s")


def _measure(run: Run) -> Iterator[Measured]:
    without: list[float] = []
    with Forwarding() as network:
        for (size, pods), row in _ROWS.items():
            if run.allows(row):
                pairs = _pairs(network, run, row, List(size), pods=pods)
                without += (pair.peer for pair in pairs)
                yield Measured(row, Spread.of(pair.ratio for pair in pairs))
    yield Measured(_PEER, Spread.of(without))


def _pairs(network: Forwarding, run: Run, row: Row, entries: List, *, pods: bool) -> list[Pair]:
    def packets(*, accounting: bool) -> Callable[[], float]:
        script = entries.nftables(pods=pods, accounting=accounting)

        def measure() -> float:
            network.run("nft", "-f", "-", text=f"flush ruleset\n{script}")
            network.check()
            return network.measure_established()

        return measure

    candidate = {row.what: packets(accounting=True)}
    found = interleaved(run.pick(15, 3), packets(accounting=False), candidate, run.say)
    return found[row.what]


FIGURE = Figure(
    "accounting",
    "packets a second of established flows through the node, counted by line",
    "the same rules without --accounting",
    (*_ROWS.values(), _PEER),
    _measure,
)
