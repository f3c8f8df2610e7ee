"""The iptables back end: upstream's chain, kept in the nat table of iptables-nft or iptables-legacy.

Read, compare, restore the difference, read again: what is read in the end is what was wanted, or the call fails.
Where others write at the same time, a restore may be refused: a jump that was to go has gone, or a legacy table was
written by somebody who uses another lock. Or the table holds something else by the time it is read again. Then the
round is made anew, a few times.

iptables-nft writes nf_tables, so the generation of the namespace tells that nothing has changed since the last
reading, and no program is started. iptables-legacy has neither a generation nor events: each `apply` reads the table.

Families of which the policy says nothing are left alone, as upstream leaves them; `remove` looks at both.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from wayhome.kernel import presence, xtables
from wayhome.kernel.backend import KernelError, RefusedError
from wayhome.kernel.change import ChainCause, Change, ChangeKind
from wayhome.kernel.counts import Connections
from wayhome.kernel.iptables import CHAIN, chain_of, check_chain_name
from wayhome.kernel.iptables_difference import Wanted, difference, removal
from wayhome.kernel.iptables_table import Held
from wayhome.kernel.masquerade import Masquerade
from wayhome.kernel.nfnetlink import Channel
from wayhome.kernel.nftables import NftablesKernel
from wayhome.policy import Policy
from wayhome.prefixes import Family

POLL_INTERVAL = 10.0
"""Seconds between two looks at a legacy table: each costs up to 0.1 s of a core beside 50,000 rules."""
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class _Known:
    """What a family's table held at a generation of nf_tables."""

    generation: int
    held: Held


class IptablesBackend:
    """Holds policies in upstream's chain. Raises ValueError for a variant or a chain's name that cannot be.

    With iptables-nft, raises KernelError where there is no nf_tables.
    """

    def __init__(
        self,
        variant: str,
        masquerade: Masquerade,
        chain: str = CHAIN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if variant not in presence.VARIANTS:
            raise ValueError(f"{variant!r} is none of {', '.join(presence.VARIANTS)}")
        check_chain_name(chain)
        self._variant = variant
        self._masquerade = masquerade
        self._chain = chain
        self._clock = clock
        self._channel = _channel() if variant == "iptables-nft" else None
        self._known: dict[Family, _Known] = {}
        self._table_may_be_left = True
        self._compiled: tuple[Policy, tuple[Wanted, ...]] | None = None

    @property
    def name(self) -> str:
        """The variant."""
        return self._variant

    @property
    def poll_interval(self) -> float | None:
        """iptables-legacy is polled."""
        return POLL_INTERVAL if self._channel is None else None

    def apply(self, policy: Policy) -> Change:
        """Bring each family of the policy to it, in one restore. Raises InexpressibleError for the scope of Pods."""
        started = self._clock()
        causes: list[ChainCause] = []
        added = 0
        for wanted in self._wanted(policy):
            if cause := self._bring_to(wanted):
                causes.append(cause)
                added += len(wanted.chain.rules)
        self._remove_table()
        seconds = self._clock() - started
        if not causes:
            return Change(ChangeKind.NOTHING, seconds)
        return Change(
            ChangeKind.REWRITTEN, seconds, added, cause=causes[0], transactions=len(causes)
        )

    def forget(self) -> None:
        """The next verb reads the tables."""
        self._known.clear()

    def remove(self) -> bool:
        """Remove the chain and every jump to it from POSTROUTING; whether there was a chain."""
        removed = False
        for family in Family:
            if not self._installed(family):
                continue
            self._known.pop(family, None)
            text = removal(self._read(family), self._chain)
            if text is not None:
                self._known.pop(family, None)
                xtables.restore(self._variant, family, text)
                removed = True
        return removed

    def connections(self) -> Connections | None:
        """Iptables counts its rules, and each restore sets them to zero: nothing to be had."""
        return None

    def close(self) -> None:
        """Let go of the namespace."""
        if self._channel is not None:
            self._channel.close()

    def _wanted(self, policy: Policy) -> tuple[Wanted, ...]:
        """The policy compiled; the same one is applied again and again, and 10,000 entries take a while."""
        if self._compiled is None or self._compiled[0] is not policy:
            wanted = tuple(
                Wanted.of(chain_of(policy, self._masquerade, family, self._chain), family)
                for family in policy.families
            )
            self._compiled = policy, wanted
        return self._compiled[1]

    def _remove_table(self) -> None:
        """What the nftables back end left on this node would go on deciding, behind the chain."""
        if not self._table_may_be_left:
            return
        # A kernel without nf_tables has no table either; where it has, the rights for this are those for the chain.
        with suppress(KernelError), NftablesKernel() as kernel:
            kernel.remove()
        self._table_may_be_left = False

    def _bring_to(self, wanted: Wanted) -> ChainCause | None:
        """Why the table had to be written; None if it held what is wanted."""
        cause: ChainCause | None = None
        refused: RefusedError | None = None
        for _ in range(ROUNDS):
            restore = difference(self._read(wanted.family), wanted)
            if restore is None:
                return cause
            cause = cause or restore.cause
            self._known.pop(wanted.family, None)
            try:
                xtables.restore(self._variant, wanted.family, restore.text)
            except RefusedError as error:
                refused = error
        if difference(self._read(wanted.family), wanted) is None:
            return cause
        if refused:
            raise refused
        raise KernelError(
            f"the nat table does not hold what was just restored: somebody changes the chain {self._chain} at the "
            f"same time, or this version of {self._variant} prints it in a way that is not understood"
        )

    def _read(self, family: Family) -> Held:
        """What the table holds of ours, from memory where the generation has not moved."""
        if self._channel is None:
            return xtables.read(self._variant, family, self._chain)
        known, before = self._known.get(family), _generation(self._channel)
        if known and known.generation == before:
            return known.held
        held = xtables.read(self._variant, family, self._chain)
        if _generation(self._channel) == before:
            self._known[family] = _Known(before, held)
        return held

    def _installed(self, family: Family) -> bool:
        """IPv4's programs must be there; where IPv6's are not, nothing has been written with them."""
        return family is Family.IPV4 or xtables.find(self._variant, family) is not None


def _channel() -> Channel:
    try:
        return Channel()
    except OSError as error:
        raise KernelError(f"this kernel has no nf_tables: {error.strerror}") from error


def _generation(channel: Channel) -> int:
    try:
        return channel.generation()
    except OSError as error:
        raise KernelError(f"reading nf_tables' generation: {error.strerror}") from error
