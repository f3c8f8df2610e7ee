"""Where a new policy treats destinations otherwise than an old one, prefix by prefix. Pure.

What a policy says nothing about (a family that it does not hold) keeps its address. The scopes of the two are not
compared: a change is what becomes of a packet that both would look at.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wayhome.policy.policy import Action, Entry, Policy
from wayhome.prefixes import Family, Intervals, Prefix
from wayhome.prefixes.shortest import shortest_table


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


@dataclass(frozen=True, slots=True)
class GatheredChange:
    """The same for a wider range, but for some in it: `10.0.0.0/8 but 10.1.0.0/16` instead of eight prefixes."""

    prefix: Prefix
    but: tuple[Prefix, ...]
    now: Action
    then: Action
    entry: Entry | None


def gathered(found: Iterable[Change]) -> tuple[GatheredChange, ...]:
    """The changes in the fewest words, for people; in the order of the addresses."""
    alike: dict[tuple[Family, Action, Action, Entry | None], list[Prefix]] = {}
    for change in found:
        kind = (change.prefix.family, change.now, change.then, change.entry)
        alike.setdefault(kind, []).append(change.prefix)
    lines = [
        GatheredChange(prefix, but, now, then, entry)
        for (family, now, then, entry), prefixes in alike.items()
        for prefix, but in _with_exceptions(family, prefixes)
    ]
    return tuple(sorted(lines, key=lambda line: (line.prefix.family, line.prefix.first)))


def _with_exceptions(
    family: Family, prefixes: Iterable[Prefix]
) -> list[tuple[Prefix, tuple[Prefix, ...]]]:
    table = shortest_table(family, Intervals.of((p.first, p.last) for p in prefixes))
    ranges: dict[Prefix, list[Prefix]] = {prefix: [] for prefix, inside in table.items() if inside}
    for hole in (prefix for prefix, inside in table.items() if not inside):
        around = [prefix for prefix in ranges if prefix.holds(hole)]
        ranges[max(around, key=lambda prefix: prefix.length)].append(hole)
    return [(prefix, tuple(but)) for prefix, but in ranges.items()]


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
