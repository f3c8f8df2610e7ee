"""What it takes to get from what the kernel holds to what it shall hold. Pure.

While the skeleton is intact, only elements that are missing or too many are sent: everything else, and with it
what the kernel counts, stays. Otherwise the rules are written anew as a whole, and a table that is not founded as
ours is (its sets and whatever else is in it) with them; a damaged skeleton is never mended piece by piece, because
the pieces of one replacement are known to fit together.

A skeleton is intact if the rules carry our comments in our order, one of them with its digest, the chains and the
types of the sets are as wanted, nothing else is in the table, and the rules' expressions are the ones that the
kernel showed for this skeleton before (`Seen`), if it has been seen.
"""

import enum
from dataclasses import dataclass, field

from wayhome.kernel.counts import ElementCounts
from wayhome.kernel.rules import SET_NAMES
from wayhome.kernel.ruleset import Interval, Ruleset
from wayhome.kernel.skeleton import COUNTERS, STAMP, SetType, Skeleton
from wayhome.kernel.table import Table


class Cause(enum.StrEnum):
    """Why the rules, or the table as a whole, are written anew."""

    NO_TABLE = "there is no table of ours"
    OTHER_RULES = "the table was written for other options or by another version"
    DORMANT = "the table was made dormant"
    CHAIN = "the chain was removed or changed"
    SETS = "a set was removed or changed"
    STRANGER = "something that is not ours was put into the table"
    RULES = "the rules were changed"
    REFUSED = "the kernel refused the difference"


@dataclass(frozen=True, slots=True)
class Nothing:
    """The kernel holds what it shall hold."""


Elements = dict[SetType, tuple[Interval, ...]]
"""Elements by set; sets without any do not appear."""


@dataclass(frozen=True, slots=True)
class ElementChanges:
    """Elements to remove and to add."""

    removed: Elements
    added: Elements
    counts: ElementCounts = field(default_factory=dict)
    """What added elements begin to count from, where that is not zero."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """The rules are to be written anew."""

    cause: Cause
    founded: bool = False
    """Whether the table's sets can stay; otherwise it is written as a whole."""
    changes: ElementChanges | None = None
    """Of the sets that stay."""


Difference = Nothing | ElementChanges | Replacement


@dataclass(frozen=True, slots=True)
class Seen:
    """The rules' expressions that the kernel showed for a skeleton when its table was ours beyond doubt."""

    skeleton: Skeleton
    expressions: tuple[bytes, ...]


def difference(table: Table | None, ruleset: Ruleset, seen: Seen | None = None) -> Difference:
    """What to do so that the kernel, which holds `table`, holds `ruleset`."""
    if table is None:
        return Replacement(Cause.NO_TABLE)
    changes = _element_changes(table, ruleset)
    if (cause := _damage(table, ruleset.skeleton, seen)) is not None:
        founded = _is_founded(table, ruleset.skeleton)
        return Replacement(cause, founded, changes if founded else None)
    return changes or Nothing()


def _element_changes(table: Table, ruleset: Ruleset) -> ElementChanges | None:
    """Of the sets that are wanted and held."""
    removed: Elements = {}
    added: Elements = {}
    for held in table.sets:
        wanted = ruleset.elements.get(held.type.name)
        if wanted is None or held.type not in ruleset.skeleton.sets:
            continue
        too_many, missing = _compare(held.intervals, wanted)
        if too_many:
            removed[held.type] = too_many
        if missing:
            added[held.type] = missing
    return ElementChanges(removed, added) if removed or added else None


def _compare(
    held: tuple[Interval, ...], wanted: tuple[Interval, ...]
) -> tuple[tuple[Interval, ...], tuple[Interval, ...]]:
    """What is held and not wanted, and what is wanted and not held. Both are sorted, so one walk finds them."""
    too_many: list[Interval] = []
    missing: list[Interval] = []
    at_held = at_wanted = 0
    while at_held < len(held) and at_wanted < len(wanted):
        here, there = held[at_held], wanted[at_wanted]
        if here == there:
            at_held += 1
            at_wanted += 1
        elif here < there:
            too_many.append(here)
            at_held += 1
        else:
            missing.append(there)
            at_wanted += 1
    return (*too_many, *held[at_held:]), (*missing, *wanted[at_wanted:])


def _damage(table: Table, skeleton: Skeleton, seen: Seen | None) -> Cause | None:
    """What is wrong with a table's skeleton; None if it is intact."""
    last = table.translation.comments[-1:] if table.translation else ()
    if last and last != skeleton.translation.comments[-1:] and STAMP in last[0]:
        return Cause.OTHER_RULES
    if table.dormant:
        return Cause.DORMANT
    if [held.chain for held in table.chains] != [one.chain for one in skeleton.chains]:
        return Cause.CHAIN
    if {held.type for held in table.sets} != set(skeleton.sets):
        return Cause.SETS
    if set(table.counters) != set(skeleton.counters) or not table.count_is_settled:
        return Cause.STRANGER
    if [held.comments for held in table.chains] != [one.comments for one in skeleton.chains]:
        return Cause.RULES
    if seen is not None and seen.skeleton == skeleton and seen.expressions != table.expressions:
        return Cause.RULES
    return None


def _is_founded(table: Table, skeleton: Skeleton) -> bool:
    """Whether everything beside the chain can stay, or go without anybody's loss."""
    wanted = {kind.name: kind for kind in skeleton.sets}
    return (
        not table.dormant
        and table.count_is_settled
        and COUNTERS.issuperset(table.counters)
        and all(
            held.type == wanted.get(held.type.name, held.type) and held.type.name in SET_NAMES
            for held in table.sets
        )
    )
