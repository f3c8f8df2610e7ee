"""How many connections met each line of the configuration, as the kernel counts them. Pure.

A nat chain sees only the first packet of a connection, so what its counters call packets are connections. The
kernel counts each element of the sets, and in one more counter everything that came to be masqueraded; what no line
decided is that without what the masquerading lines took.

Counts live in the kernel and outlive this program. When a change removes an element, its count goes on to the first
element that the change adds for the same line; when the table is replaced, to the line's first element in it. The
line is found without any memory of the old list: it is the longest prefix of the new list, among those that say the
same, that holds the whole removed element. Lost are: the counts of lines that are removed; those of an
element whose line gets no new element; connections of the milliseconds between the reading and the commit, on the
elements that are removed only; and everything, where somebody else removes elements or the table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wayhome.kernel.ruleset import Interval, Ruleset
from wayhome.policy import Action, Entry
from wayhome.prefixes import Family, Prefix


@dataclass(frozen=True, slots=True)
class Count:
    """What one counter of the kernel holds."""

    packets: int = 0
    """In a nat chain: connections."""
    bytes: int = 0
    """Of those connections' first packets."""

    def __add__(self, other: "Count") -> "Count":
        return Count(self.packets + other.packets, self.bytes + other.bytes)


NOTHING_COUNTED = Count()

ElementCounts = Mapping[str, Mapping[int, Count]]
"""By a set's name and the first address of an element; elements that nothing met may be left out."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Everything that is counted in our table."""

    elements: ElementCounts = field(default_factory=dict)
    masqueraded: Count = NOTHING_COUNTED
    """Everything that was masqueraded, whether a line or no line said so."""


@dataclass(frozen=True, slots=True)
class Connections:
    """Connections by what decided about them, since the counters began."""

    by_entry: dict[Entry, int]
    """Every entry that decides about some destination."""
    by_no_entry: int
    """Masqueraded because no entry holds the destination."""


def connections(ruleset: Ruleset, counts: Counts) -> Connections:
    """Sum up what the kernel, which holds this ruleset, has counted."""
    found: dict[Entry, int] = {}
    for name, entries in ruleset.lines.items():
        counted = counts.elements.get(name, {})
        for (first, _), entry in zip(ruleset.elements[name], entries, strict=True):
            here = counted.get(first, NOTHING_COUNTED).packets
            found[entry] = found.get(entry, 0) + here
    taken = sum(number for entry, number in found.items() if entry.action is Action.MASQUERADE)
    return Connections(found, max(0, counts.masqueraded.packets - taken))


def inherited(
    counts: ElementCounts,
    removed: Mapping[str, Iterable[Interval]],
    added: Mapping[str, Iterable[Interval]],
    ruleset: Ruleset,
) -> dict[str, dict[int, Count]]:
    """The counts with which added elements begin, so that each line of `ruleset` goes on with what it had."""
    found: dict[str, dict[int, Count]] = {}
    for name, entries in ruleset.lines.items():
        counted = counts.get(name, {})
        gone = [
            (interval, counted[interval[0]])
            for interval in removed.get(name, ())
            if interval[0] in counted
        ]
        if gone:
            new = set(added.get(name, ()))
            lines = zip(ruleset.elements[name], entries, strict=True)
            heirs = _Heirs([(interval, entry.prefix) for interval, entry in lines], new)
            found[name] = heirs.share(gone)
    return {name: shares for name, shares in found.items() if shares}


class _Heirs:
    """The lines of one set, and the first of each one's elements that are new."""

    def __init__(self, lines: list[tuple[Interval, Prefix]], new: set[Interval]) -> None:
        self._new = new
        self._first: dict[Prefix, Interval | None] = {}
        for interval, prefix in lines:
            if self._first.setdefault(prefix) is None and interval in new:
                self._first[prefix] = interval
        self._lengths = sorted({prefix.length for prefix in self._first}, reverse=True)

    def share(self, gone: list[tuple[Interval, Count]]) -> dict[int, Count]:
        found: dict[int, Count] = {}
        for interval, count in gone:
            heir = interval if interval in self._new else self._heir(interval)
            if heir is not None:
                found[heir[0]] = found.get(heir[0], NOTHING_COUNTED) + count
        return found

    def _heir(self, interval: Interval) -> Interval | None:
        if not self._first:
            return None
        family: Family = next(iter(self._first)).family
        first, last = interval
        for length in self._lengths:
            host_bits = family.bits - length
            if first >> host_bits == last >> host_bits:
                line = Prefix(family, first >> host_bits << host_bits, length)
                if line in self._first:
                    return self._first[line]
        return None
