"""New connections a second with our table, as a multiple of what upstream's chain lets through: the same list.

Upstream's chain is a list of rules that each new connection walks through. Ours is measured in upstream's scope too,
and both with the same frames; fewer than for the bare rule, because the slowest of them takes 0.1 ms for one.
"""

from collections.abc import Iterator

from bench.figure import Figure, Measured, Row, Run, Spread, at_least
from bench.forwarding import Forwarding
from bench.interleave import interleaved
from bench.lists import List

ENTRIES = 10_000
FRAMES = 4_000
_ROWS = {
    variant: Row(f"{ENTRIES:,} entries, {variant}", "times", at_least(limit), needs_root=True)
    for variant, limit in (("iptables-legacy", 8), ("iptables-nft", 40))
}
_PEERS = {
    variant: Row(f"upstream's chain itself, {variant}", "flows/s", needs_root=True)
    for variant in _ROWS
}


def _measure(run: Run) -> Iterator[Measured]:
    if not run.real_root:
        return
    for variant in _ROWS:  # what legacy loads stays loaded: each variant has a network of its own
        with Forwarding() as network:
            yield from _against(variant, network, run)


def _against(variant: str, network: Forwarding, run: Run) -> Iterator[Measured]:
    wanted = List(ENTRIES)
    table, chain = wanted.nftables(pods=False), wanted.upstream().whole

    def ours() -> float:
        network.run(variant, "-t", "nat", "-F", "POSTROUTING")  # its chain is then never called
        network.run("nft", "-f", "-", text=table)
        network.check()
        return network.measure(FRAMES)

    def upstreams() -> float:
        network.run("nft", "-f", "-", text="add table inet wayhome\ndelete table inet wayhome")
        network.run(f"{variant}-restore", text=chain)  # in place of the whole nat table
        network.check()
        return network.measure(FRAMES)

    row = _ROWS[variant]
    pairs = interleaved(run.pick(15, 3), upstreams, {row.what: ours}, run.say)[row.what]
    yield Measured(row, Spread.of(pair.ratio for pair in pairs))
    yield Measured(_PEERS[variant], Spread.of(pair.peer for pair in pairs))


FIGURE = Figure(
    "upstream-flows",
    "new UDP connections a second through the node, in upstream's scope",
    "upstream's chain with the same list",
    (*_ROWS.values(), *_PEERS.values()),
    _measure,
)
