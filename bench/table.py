"""Milliseconds that our table costs: to write, to read back, to compare, to change by one element, to restore.

    bench/table.py

The median of some rounds for each number of entries, in a namespace of its own. Run as real root: nft cannot send
10,000 elements otherwise.
"""

import statistics
import time
from collections.abc import Callable

from wayhome.kernel import Applier, NftablesKernel, Ruleset, render, ruleset_of
from wayhome.lab.namespaces import enter
from wayhome.policy import Action, Entry, Origin, Policy
from wayhome.prefixes import Family, Prefix

SIZES = (5, 64, 1_000, 10_000)
ROUNDS = 15


def policy_of(entries: int, *more: str) -> Policy:
    """As many ranges with a gap after each, and those given."""
    prefixes = [Prefix(Family.IPV4, (10 << 24) + (i << 8), 25) for i in range(entries)]
    prefixes += map(Prefix.parse, more)
    return Policy(tuple(Entry(prefix, Action.KEEP, Origin("list", 1)) for prefix in prefixes))


def milliseconds(work: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """The median time of `work`, each after `before`."""
    taken = []
    for _ in range(ROUNDS):
        before()
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def measure(kernel: NftablesKernel, entries: int) -> dict[str, float]:
    """Every figure for one number of entries."""
    policy, more = policy_of(entries), ruleset_of(policy_of(entries, "200.0.0.0/8"))
    rules, none = ruleset_of(policy), ruleset_of(policy_of(0))
    applier = Applier(kernel)

    def held(ruleset: Ruleset) -> Callable[[], object]:
        return lambda: applier.apply(ruleset)

    return {
        "compile": milliseconds(lambda: ruleset_of(policy)),
        "render": milliseconds(lambda: render(rules)),
        "replace with nft": milliseconds(lambda: kernel.write(render(rules))),
        "restore after removal": milliseconds(held(rules), kernel.remove),
        "read everything": milliseconds(kernel.read, kernel.forget),
        "nothing to change": milliseconds(held(rules), held(rules)),
        "one element more": milliseconds(held(more), held(rules)),
        "all elements, by netlink": milliseconds(held(rules), held(none)),
    }


def main() -> None:
    """Print a table, a line for each figure."""
    enter()
    with NftablesKernel() as kernel:
        columns = [measure(kernel, entries) for entries in SIZES]
    print(f"{'milliseconds; entries:':26}", *(f"{entries:>9,}" for entries in SIZES))
    for name in columns[0]:
        print(f"{name:26}", *(f"{column[name]:9.2f}" for column in columns))


if __name__ == "__main__":
    main()
