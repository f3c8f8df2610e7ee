"""The desired state of our table: a policy and its options, compiled. Pure.

The static rules are a skeleton; the list is elements of interval sets, so that a change of one line is a change of
one element and every destination is found in the same time. Each interval of the policy is an element of its own,
also where two of them touch: an element stands for the line that decides there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from wayhome.kernel.masquerade import Masquerade
from wayhome.kernel.rules import list_set, pods_set, sent_set, skeleton_of
from wayhome.kernel.skeleton import Skeleton
from wayhome.policy import Action, DecidedInterval, Entry, Policy
from wayhome.prefixes import Family, Intervals, Prefix

Interval = tuple[int, int]
"""The first and the last address of a range, both included."""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """What our table is to hold: the skeleton, and the sorted disjoint elements of each of its sets."""

    skeleton: Skeleton
    elements: dict[str, tuple[Interval, ...]]
    lines: dict[str, tuple[Entry, ...]] = field(default_factory=dict)
    """The entry behind each element, for the sets that hold the list."""


def ruleset_of(policy: Policy, masquerade: Masquerade | None = None) -> Ruleset:
    """Compile a policy."""
    masquerade = masquerade or Masquerade()
    elements: dict[str, tuple[Interval, ...]] = {}
    lines: dict[str, tuple[Entry, ...]] = {}

    def put(name: str, decided: Sequence[DecidedInterval]) -> None:
        elements[name] = tuple((interval.first, interval.last) for interval in decided)
        lines[name] = tuple(interval.entry for interval in decided)

    for family in policy.families:
        decided = policy.intervals(family)
        for action in Action:
            ours = [interval for interval in decided if interval.entry.action is action]
            put(list_set(action, family), ours)
        if policy.pod_cidrs is not None:
            elements[pods_set(family)] = _pod_ranges(policy.pod_cidrs, family)
        if masquerade.accounting:
            put(sent_set(family), decided)
    return Ruleset(skeleton_of(policy, masquerade), elements, lines)


def _pod_ranges(pod_cidrs: tuple[Prefix, ...], family: Family) -> tuple[Interval, ...]:
    """A node's Pod ranges may be listed twice or touch; a set takes each address once."""
    return Intervals.of((p.first, p.last) for p in pod_cidrs if p.family is family).spans
