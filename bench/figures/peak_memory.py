"""The most memory that our agent and what it starts have at once, beside 50,000 rules of kube-proxy's.

From the start, in which the whole table is written, through a removal of the table to its restoration. Beside it,
what upstream's programs take in one sync there; its own process, 13.7 MiB, comes on top of that.
"""

import subprocess
import time
from collections.abc import Iterator

from bench import kube_proxy, node_commands
from bench.agent import Agent
from bench.figure import Figure, Measured, Row, Run, Spread, at_most
from bench.lists import List
from bench.peak import Peak, peak
from bench.upstream import UpstreamAgent
from bench.watch import TableWatch
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.programs import environment

RULES = 50_000
VARIANTS = ("iptables-legacy", "iptables-nft")
_OURS = {
    (variant, size): Row(
        f"ours, {size:,} entries, {variant}",
        "MB",
        at_most(40) if size == 64 else None,
        needs_root=size > 1_000,
    )
    for variant in VARIANTS
    for size in (64, 10_000)
}
_UPSTREAM = {v: Row(f"upstream's sync, 64 entries, {v}", "MB") for v in VARIANTS}
_PEER_NOTE = "without upstream's own process"


def _ours(run: Run, size: int) -> tuple[float, str]:
    with (
        peak() as group,
        TableWatch() as watch,
        Agent(run.folder, launcher=group.launcher) as agent,
    ):
        agent.write(List(size))
        agent.start()
        group.follow(agent.pid)
        watch.until_kept(List(size).marker)
        time.sleep(0.3)
        watch.remove_table()
        watch.until_kept(List(size).marker)
        return group.megabytes(), group.how


def _upstream(variant: str) -> tuple[float, str]:
    upstream = UpstreamAgent(variant, List(64))
    upstream.sync()  # the first one also adds the jump
    with peak() as group:
        upstream.sync(_Followed(group))
        return group.megabytes(), group.how


class _Followed:
    """Runs programs within a group."""

    def __init__(self, group: Peak) -> None:
        self._group = group

    def __call__(self, *command: str, text: str = "") -> int:
        process = subprocess.Popen(
            [*self._group.launcher, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        self._group.follow(process.pid)
        process.communicate(text.encode())
        return process.returncode


def _measure(run: Run) -> Iterator[Measured]:
    rounds = run.pick(5, 2)
    rules = kube_proxy.restore_text(RULES)
    for variant in VARIANTS:
        run.say(f"loading {RULES:,} rules with {variant}")
        with NetworkNamespace.create() as network, network.entered():
            node_commands.run(f"{variant}-restore", text=rules)
            for size in (64, 10_000):
                row = _OURS[variant, size]
                if not run.allows(row):
                    continue
                run.say(row.what)
                peaks = [_ours(run, size) for _ in range(rounds)]
                yield Measured(row, Spread.of(found for found, _ in peaks), peaks[0][1])
            row = _UPSTREAM[variant]
            run.say(row.what)
            peaks = [_upstream(variant) for _ in range(rounds)]
            yield Measured(row, Spread.of(found for found, _ in peaks), _PEER_NOTE)


FIGURE = Figure(
    "peak-memory",
    f"peak memory of the agent and what it starts, beside {RULES:,} rules of kube-proxy's",
    "the programs that upstream starts for one sync",
    tuple(row for v in VARIANTS for row in (_OURS[v, 64], _OURS[v, 10_000], _UPSTREAM[v])),
    _measure,
)
