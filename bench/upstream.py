"""What upstream's agent does to a node every minute, command by command, and what that takes.

kubernetes-sigs/ip-masq-agent 2.12 runs, for each sync, `iptables -N` of its chain, `-C` of the jump (`-A` where that
is missing) and one `iptables-restore --noflush` of the chain. Its own process, 13.7 MiB resident, is not in the
figures here: only the programs that it starts.
"""

import time
from typing import Protocol

from bench import node_commands
from bench.figure import LackError
from bench.lists import UPSTREAM_CHAIN, List


class Runner(Protocol):
    """Runs a program and says how it ended."""

    def __call__(self, *command: str, text: str = "") -> int:
        """Its exit status."""


class UpstreamAgent:
    """Upstream's syncs by one of the variants, in the calling thread's network."""

    def __init__(self, variant: str, wanted: List) -> None:
        self._iptables = (variant, "-w", "5", "-t", "nat")
        self._restore = (f"{variant}-restore", "-w", "5", "--noflush")
        self._chain = wanted.upstream()

    def sync(self, runner: Runner | None = None) -> float:
        """One sync. Seconds."""
        run = runner or _run
        started = time.perf_counter()
        run(*self._iptables, "-N", UPSTREAM_CHAIN)
        if run(*self._iptables, "-C", *self._chain.jump):
            self._must(run(*self._iptables, "-A", *self._chain.jump), "-A of the jump")
        self._must(run(*self._restore, text=self._chain.chain), "iptables-restore")
        return time.perf_counter() - started

    @staticmethod
    def _must(status: int, what: str) -> None:
        if status:
            raise LackError(f"{what} ended with {status}")


def _run(*command: str, text: str = "") -> int:
    return node_commands.attempt(*command, text=text).returncode
