"""The agent and all that it starts in a container with a limit of 48 MiB, as a DaemonSet's: is anything killed in it?

Each size is lived through as the test does it: the start, a longer list, a table that somebody removed, and other rules,
for which the whole chain is written. What is counted is what a container is billed for, page cache included; the kernel
gives that up before it kills, so the peak may well stand at the limit.
"""

from collections.abc import Iterator

from bench.agent import Agent
from bench.figure import Figure, Measured, NotReachedError, Row, Run, Spread, at_most
from bench.lists import List
from bench.peak import Group, limited
from bench.watch import TableWatch
from wayhome.lab.namespaces import NetworkNamespace

LIMIT = 48 * (1 << 20) / 1e6
SIZES = {64: 1_000, 10_000: 10_001}
"""How many entries there are at first, and then."""
_KILLED = {
    size: Row(
        f"{size:,} entries, then {more:,}: processes killed",
        "",
        at_most(0) if size == 64 else None,
        needs_root=size > 1_000,
    )
    for size, more in SIZES.items()
}
_PEAK = {
    size: Row(f"{size:,} entries, then {more:,}: peak", "MB", needs_root=size > 1_000)
    for size, more in SIZES.items()
}


def _live(run: Run, group: Group, size: int, more: int) -> str:
    """Returns what went wrong, as a note."""
    with TableWatch() as watch, Agent(run.folder, launcher=group.launcher) as agent:
        try:
            agent.write(List(size))
            agent.start()
            watch.until_kept(List(size).marker)
            agent.write(List(more, "200.1.0.0"))
            watch.until_kept("200.1.0.0")
            watch.remove_table()
            watch.until_kept("200.1.0.0")
            agent.write(
                List(more - 1, "200.2.0.0").text().replace(f"{more - 1}\n", f"{more}\n", 1)
                + "masqueradeCIDRs: [10.0.0.64/28]\n"
            )
            watch.until_kept("200.2.0.0")
            agent.alive()
        except NotReachedError as error:
            if not group.killed():
                raise
            return str(error).splitlines()[0]
    return ""


def _measure(run: Run) -> Iterator[Measured]:
    for size, more in SIZES.items():
        if not run.allows(_PEAK[size]):
            continue
        killed, peaks, notes = [], [], []
        for number in range(1, run.pick(5, 2) + 1):
            run.say(f"round {number}: {size:,} entries")
            with NetworkNamespace.create() as network, network.entered(), limited(LIMIT) as group:
                notes.append(_live(run, group, size, more))
                killed.append(group.killed())
                peaks.append(group.megabytes())
        yield Measured(_KILLED[size], Spread.of([sum(killed)]), next(filter(None, notes), ""))
        yield Measured(_PEAK[size], Spread.of(peaks), f"the limit is {LIMIT:.1f} MB")


FIGURE = Figure(
    "container",
    "the agent and what it starts within 48 MiB",
    "",
    tuple(rows[size] for size in SIZES for rows in (_KILLED, _PEAK)),
    _measure,
)
