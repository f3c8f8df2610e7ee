"""What is done to our table, as data: the commands of nft that we use, on our table, our chain and our sets.

A transaction is a tuple of them, and takes effect as a whole or not at all. `text` writes them in nft's language, for
people and for the kernel in memory, `messages` for the kernel.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from wayhome.kernel.counts import NOTHING_COUNTED, Count
from wayhome.kernel.ruleset import Interval
from wayhome.kernel.skeleton import Chain, Rule, SetType


@dataclass(frozen=True, slots=True)
class AddTable:
    """Make the table; nothing happens if it is there."""

    comment: str = ""


@dataclass(frozen=True, slots=True)
class DeleteTable:
    """Remove the table with everything in it."""


@dataclass(frozen=True, slots=True)
class AddCounter:
    """Make our counter."""

    begins_with: Count = NOTHING_COUNTED


@dataclass(frozen=True, slots=True)
class AddSet:
    """Make a set without elements."""

    kind: SetType


@dataclass(frozen=True, slots=True)
class DeleteSet:
    """Remove a set, which no rule may look up."""

    kind: SetType


@dataclass(frozen=True, slots=True)
class AddElements:
    """Add elements to a set; refused where one of them is there already."""

    kind: SetType
    intervals: tuple[Interval, ...]
    counts: Mapping[int, Count] = field(default_factory=dict)
    """What they begin to count from, by first address, where that is not zero."""


@dataclass(frozen=True, slots=True)
class DeleteElements:
    """Remove elements from a set; refused where one of them is not there."""

    kind: SetType
    intervals: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class AddChain:
    """Make the chain."""

    chain: Chain


@dataclass(frozen=True, slots=True)
class FlushChain:
    """Remove the chain's rules."""


@dataclass(frozen=True, slots=True)
class DeleteChain:
    """Remove the chain, which may have no rules."""


@dataclass(frozen=True, slots=True)
class AddRule:
    """Put a rule at the chain's end."""

    rule: Rule


SkeletonCommand = (
    AddTable | DeleteTable | AddCounter | AddSet | DeleteSet
    | AddChain | FlushChain | DeleteChain | AddRule
)  # fmt: skip
Command = SkeletonCommand | AddElements | DeleteElements
Transaction = tuple[Command, ...]
