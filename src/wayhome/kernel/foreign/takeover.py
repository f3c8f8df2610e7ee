"""Removing agents' chains from the kernel, and watching whether they come back.

The chains of one nat table go in one restore, jumps and all, so that no packet meets half of them: iptables-nft commits
one transaction, iptables-legacy swaps the whole table. Several nat tables (two variants, two families) are independent:
no connection depends on two of them at the same moment in a way that the order could spoil, because each decides as
ours does.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from wayhome.kernel import child
from wayhome.kernel.backend import KernelError, RefusedError
from wayhome.kernel.foreign import programs
from wayhome.kernel.foreign.read import read, read_iptables
from wayhome.netfilter.agent_chains import AgentChain, agent_chains, removal
from wayhome.netfilter.rules import Variant
from wayhome.prefixes import Family

LOCK_WAIT = 10
"""Seconds for which iptables-restore waits for the xtables lock; another's restore of 50,000 rules takes about 1."""
_LOCK_HELD = 4
"""The exit status of iptables where the lock was not to be had (RESOURCE_PROBLEM)."""


@dataclass(frozen=True, slots=True)
class Removal:
    """The chains of one nat table and the text that removes them."""

    variant: Variant
    family: Family
    chains: tuple[AgentChain, ...]

    @property
    def text(self) -> str:
        """What is restored."""
        return removal(self.chains)

    @property
    def command(self) -> tuple[str, ...]:
        """The program that is given the text. Raises KernelError where it is missing."""
        program = programs.path(self.variant, self.family, "-restore")
        return (program, "--noflush", "-w", str(LOCK_WAIT))


def removals(chains: Iterable[AgentChain]) -> tuple[Removal, ...]:
    """One removal for each nat table."""
    by_table: dict[tuple[Variant, Family], list[AgentChain]] = {}
    for chain in chains:
        by_table.setdefault((chain.base.variant, chain.family), []).append(chain)
    return tuple(Removal(*place, tuple(found)) for place, found in by_table.items())


def remove(wanted: Removal) -> None:
    """Remove the chains of one table. Raises RefusedError where iptables refused, and nothing happened; KernelError."""
    ended = child.run(wanted.command, timeout=programs.TIMEOUT, script=wanted.text)
    if ended.status == _LOCK_HELD and "lock" in ended.said:
        raise KernelError(f"the xtables lock was held by somebody else for {LOCK_WAIT} s: {ended.said}")  # fmt: skip
    if ended.status:
        raise RefusedError(f"{wanted.command[0]} refused: {ended.said or ended.status}")


def wait_for_return(
    removed: Iterable[Removal], seconds: float, interval: float
) -> tuple[AgentChain, ...]:
    """Watch for some time. Returns the chains that came back, as soon as one did; none if none did. Raises KernelError."""
    gone = [(r.variant, r.family, chain.name) for r in removed for chain in r.chains]
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(interval, left))
        if any(_is_there(*chain) for chain in gone):
            break
    return agent_chains(read())


def _is_there(variant: Variant, family: Family, name: str) -> bool:
    """iptables-nft finds one chain in a millisecond; iptables-legacy has to fetch its whole table."""
    if variant is Variant.IPTABLES_NFT:
        listed = child.run(
            [programs.path(variant, family), "-t", "nat", "-S", name], timeout=programs.TIMEOUT
        )
        return listed.status == 0
    table = read_iptables(variant, family)
    return table is not None and name in table.chains
