"""What the kernel holds of our table, as data.

A rule's expressions are kept as the bytes that the kernel sent. Every version of the kernel shows them in its own way
(it adds what the writer left out), so they are never compared with what we sent, only with what the kernel showed
right after our own replacement.
"""

from dataclasses import dataclass

from wayhome.kernel.ruleset import Interval
from wayhome.kernel.skeleton import Chain, SetType


@dataclass(frozen=True, slots=True)
class HeldRule:
    """A rule as it was read back: its comment, and its expressions as bytes."""

    comment: str
    expressions: bytes


@dataclass(frozen=True, slots=True)
class HeldSet:
    """A set as it was read back, with its elements, sorted."""

    type: SetType
    intervals: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Our table. Chains that are not ours are not read: `objects` tells that there are any."""

    comment: str
    dormant: bool
    """nft's `flags dormant`: the chains are not called."""
    objects: int
    """Chains, sets and everything else in the table, counted by the kernel."""
    chain: Chain | None
    rules: tuple[HeldRule, ...]
    sets: tuple[HeldSet, ...]
    counters: tuple[str, ...] = ()
    """Named counters; what they and the sets count is not part of this, or no two readings would be alike."""

    @property
    def expressions(self) -> tuple[bytes, ...]:
        """The expressions of all rules, in order."""
        return tuple(rule.expressions for rule in self.rules)

    @property
    def count_is_settled(self) -> bool:
        """Whether the kernel's count is that of what was read: nothing else is there, and nobody is changing it."""
        return self.objects == (self.chain is not None) + len(self.sets) + len(self.counters)
