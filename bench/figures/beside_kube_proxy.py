"""Our apply on a node with 50,000 rules of kube-proxy's, beside an empty node, and beside upstream's sync there.

Applying is measured twice: a changed line of the file, and the whole table after somebody removed it. Upstream's sync
rewrites its chain every minute whether or not anything changed. Each has 64 entries. iptables-nft puts kube-proxy's rules into nftables, where our transactions meet them;
iptables-legacy keeps them to itself, and has to copy all of them for each change.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from bench import kube_proxy, node_commands
from bench.agent import Agent
from bench.figure import Figure, Measured, Row, Run, Spread, at_most
from bench.figures.file_to_kernel import change
from bench.figures.restored import restored
from bench.interleave import Measure, Pair, interleaved
from bench.lists import List
from bench.upstream import UpstreamAgent
from bench.watch import TableWatch
from wayhome.lab.namespaces import NetworkNamespace

RULES = 50_000
ENTRIES = 64
VARIANTS = ("iptables-legacy", "iptables-nft")
_CHANGED = {
    v: Row(f"one line changed, over an empty node, {v}", "ms", at_most(10)) for v in VARIANTS
}
_RESTORED = {
    v: Row(f"table restored, over an empty node, {v}", "ms", at_most(10)) for v in VARIANTS
}
_OURS = {v: Row(f"one line changed, {v}", "ms") for v in VARIANTS}
_WHOLE = {v: Row(f"table restored, {v}", "ms") for v in VARIANTS}
_SYNC = {v: Row(f"upstream's sync, {v}", "ms") for v in VARIANTS}


def _changes(run: Run, network: NetworkNamespace, ended: ExitStack) -> Measure:
    """Measures one change after the other, with an agent that stays."""
    with network.entered():
        watch = ended.enter_context(TableWatch())
        agent = ended.enter_context(Agent(run.folder))
        agent.write(List(ENTRIES))
        agent.start()
        watch.until_kept(List(ENTRIES).marker)
    numbers = iter(range(1, 1 << 16))

    def measure() -> float:
        number = next(numbers)
        return change(agent, watch, List(ENTRIES, f"200.{number >> 8}.{number & 255}.0"))

    return measure


def _within(network: NetworkNamespace, measure: Callable[[], float]) -> Measure:
    def measured() -> float:
        with network.entered():
            return measure()

    return measured


def _interleaved(run: Run, what: str, peer: Measure, candidate: Measure) -> list[Pair]:
    return interleaved(run.pick(15, 5), peer, {what: candidate}, run.say)[what]


def _measure(run: Run) -> Iterator[Measured]:
    rules = kube_proxy.restore_text(RULES)
    for variant in VARIANTS:
        run.say(f"loading {RULES:,} rules with {variant}")
        with ExitStack() as ended:
            empty, full = (ended.enter_context(NetworkNamespace.create()) for _ in range(2))
            with full.entered():
                node_commands.run(f"{variant}-restore", text=rules)

            def restore(folder: Path = run.folder) -> float:
                return restored(folder, ENTRIES)

            pairs = _interleaved(
                run, _RESTORED[variant].what, _within(empty, restore), _within(full, restore)
            )
            yield Measured(_RESTORED[variant], Spread.of(pair.difference for pair in pairs))
            yield Measured(_WHOLE[variant], Spread.of(pair.candidate for pair in pairs))

            on_empty, on_full = _changes(run, empty, ended), _changes(run, full, ended)
            pairs = _interleaved(run, _CHANGED[variant].what, on_empty, on_full)
            yield Measured(_CHANGED[variant], Spread.of(pair.difference for pair in pairs))
            yield Measured(_OURS[variant], Spread.of(pair.candidate for pair in pairs))

            with full.entered():
                upstream = UpstreamAgent(variant, List(ENTRIES))
                upstream.sync()  # the first one also adds the jump
                taken = []
                for number in range(1, run.pick(15, 5) + 1):
                    run.say(f"round {number}: {_SYNC[variant].what}")
                    taken.append(1000 * upstream.sync())
            yield Measured(_SYNC[variant], Spread.of(taken))


FIGURE = Figure(
    "beside-kube-proxy",
    f"our apply beside {RULES:,} rules of kube-proxy's, {ENTRIES} entries",
    "an empty node; upstream's sync",
    tuple(rows[v] for v in VARIANTS for rows in (_CHANGED, _RESTORED, _OURS, _WHOLE, _SYNC)),
    _measure,
)
