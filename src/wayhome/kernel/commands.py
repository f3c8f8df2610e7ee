"""What is done to our table, as data: the commands of nft that we use, on our table, our chains and our sets.

A transaction is a tuple of them, and takes effect as a whole or not at all. `text` writes them in nft's language, for
people and for the kernel in memory, `messages` for the kernel. They are named tuples, because as many dataclasses would
cost the agent 100 KiB more.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from wayhome.kernel.counts import NOTHING_COUNTED, Count
from wayhome.kernel.ruleset import Interval
from wayhome.kernel.skeleton import Chain, Rule, SetType

_NOTHING: Mapping[int, Count] = MappingProxyType({})


class AddTable(NamedTuple):
    """Make the table; nothing happens if it is there."""

    comment: str = ""


class DeleteTable(NamedTuple):
    """Remove the table with everything in it."""


class AddCounter(NamedTuple):
    """Make a counter."""

    name: str
    begins_with: Count = NOTHING_COUNTED


class AddSet(NamedTuple):
    """Make a set without elements."""

    kind: SetType


class AddElements(NamedTuple):
    """Add elements to a set; refused where one of them is there already."""

    kind: SetType
    intervals: tuple[Interval, ...]
    counts: Mapping[int, Count] = _NOTHING
    """What they begin to count from, by first address, where that is not zero."""


class DeleteElements(NamedTuple):
    """Remove elements from a set; refused where one of them is not there."""

    kind: SetType
    intervals: tuple[Interval, ...]


class AddChain(NamedTuple):
    """Make a chain without rules."""

    chain: Chain


class FlushChain(NamedTuple):
    """Remove a chain's rules."""

    name: str


class AddRule(NamedTuple):
    """Put a rule at a chain's end."""

    chain: str
    rule: Rule


class Delete(NamedTuple):
    """Remove a chain without rules, or a set or a counter that no rule uses."""

    what: Literal["chain", "set", "counter"]
    name: str


SkeletonCommand = (
    AddTable | DeleteTable | AddCounter | AddSet
    | AddChain | FlushChain | AddRule | Delete
)  # fmt: skip
Command = SkeletonCommand | AddElements | DeleteElements
Transaction = tuple[Command, ...]
