"""What the kernel holds of our table, as data.

A rule's expressions are kept as the bytes that the kernel sent. Every version of the kernel shows them in its own way
(it adds what the writer left out), so they are never compared with what we sent, only with what the kernel showed
right after our own replacement.
"""

from dataclasses import dataclass

from wayhome.kernel.ruleset import Interval
from wayhome.kernel.skeleton import CHAIN, Chain, SetType


@dataclass(frozen=True, slots=True)
class HeldRule:
    """A rule as it was read back: its comment, and its expressions as bytes."""

    comment: str
    expressions: bytes


@dataclass(frozen=True, slots=True)
class HeldChain:
    """A chain of one of our names as it was read back, with its rules."""

    chain: Chain
    rules: tuple[HeldRule, ...]

    @property
    def comments(self) -> tuple[str, ...]:
        """The rules' comments, in order."""
        return tuple(rule.comment for rule in self.rules)


@dataclass(frozen=True, slots=True)
class HeldSet:
    """A set as it was read back, with its elements, sorted."""

    type: SetType
    intervals: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Our table. Chains of other names than ours are not read: `objects` tells that there are any."""

    comment: str
    dormant: bool
    """nft's `flags dormant`: the chains are not called."""
    objects: int
    """Chains, sets and everything else in the table, counted by the kernel."""
    chains: tuple[HeldChain, ...]
    sets: tuple[HeldSet, ...]
    counters: tuple[str, ...] = ()
    """Named counters; what they and the sets count is not part of this, or no two readings would be alike."""

    @property
    def translation(self) -> HeldChain | None:
        """The chain that translates."""
        return next((held for held in self.chains if held.chain.name == CHAIN), None)

    @property
    def chain(self) -> Chain | None:
        """The chain that translates, without its rules."""
        return self.translation.chain if self.translation else None

    @property
    def rules(self) -> tuple[HeldRule, ...]:
        """The rules of the chain that translates."""
        return self.translation.rules if self.translation else ()

    @property
    def expressions(self) -> tuple[bytes, ...]:
        """The expressions of all rules, in order."""
        return tuple(rule.expressions for held in self.chains for rule in held.rules)

    @property
    def count_is_settled(self) -> bool:
        """Whether the kernel's count is that of what was read: nothing else is there, and nobody is changing it."""
        return self.objects == len(self.chains) + len(self.sets) + len(self.counters)
