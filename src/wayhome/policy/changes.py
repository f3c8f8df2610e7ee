"""Where a new policy treats destinations otherwise than an old one, prefix by prefix. Pure.

What a policy says nothing about (a family that it does not hold) keeps its address. The scopes of the two are not
compared: a change is what becomes of a packet that both would look at.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.policy.policy import Action, Entry, Policy
from wayhome.prefixes import Family, Intervals, Prefix


@dataclass(frozen=True, slots=True)
class Change:
    """A range of destinations, and what becomes of the packets to it. `entry` decides then; None: no entry does."""

    prefix: Prefix
    now: Action
    then: Action
    entry: Entry | None


def changes(old: Policy, new: Policy) -> tuple[Change, ...]:
    """All of them, in the order of the addresses; as few prefixes as hold them."""
    return tuple(
        change
        for family in Family
        if family in old.families or family in new.families
        for change in _of_family(old, new, family)
    )


def _of_family(old: Policy, new: Policy, family: Family) -> Iterator[Change]:
    before, after = _kept(old, family), _kept(new, family)
    differing = before.minus(after).union(after.minus(before))
    decided = Intervals()
    found: list[tuple[Prefix, Entry | None]] = []
    for interval in new.intervals(family):
        span = Intervals.of([(interval.first, interval.last)])
        decided = decided.union(span)
        found += [(p, interval.entry) for p in _prefixes(span.intersection(differing), family)]
    found += [(prefix, None) for prefix in _prefixes(differing.minus(decided), family)]
    for prefix, entry in sorted(found, key=lambda each: each[0].first):
        kept = prefix.first in after
        yield Change(prefix, _action(kept=not kept), _action(kept=kept), entry)


def _kept(policy: Policy, family: Family) -> Intervals:
    return policy.kept(family) if family in policy.families else Intervals(((0, family.last),))


def _prefixes(spans: Intervals, family: Family) -> Iterator[Prefix]:
    for first, last in spans.spans:
        yield from Prefix.from_interval(family, first, last)


def _action(*, kept: bool) -> Action:
    return Action.KEEP if kept else Action.MASQUERADE
