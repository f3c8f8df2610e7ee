"""How many connections met each line of the configuration, as the kernel counts them, and how many packets. Pure.

A nat chain sees only the first packet of a connection, so what its counters call packets are connections. The
kernel counts each element of the sets, and in one more counter everything that came to be masqueraded; what no line
decided is that without what the masquerading lines took.

Packets are counted if they are asked for (`--accounting`), by elements and a counter of their own. Those elements do not
say what their line does, so the line is searched among all: what a removed line has counted goes on with the line around
it, and a line that turns from one action to the other takes its packets along.

Counts live in the kernel and outlive this program. When a change removes an element, its count goes on to the first
element that the change adds for the same line; when the table is replaced, to the line's first element in it. The
line is found without any memory of the old list: it is the longest prefix of the new list, among those that say the
same, that holds the whole removed element. Lost are: the counts of lines that are removed; those of an
element whose line gets no new element; what is counted in the milliseconds between the reading and the commit, on the
elements that are removed only; and everything, where somebody else removes elements or the table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wayhome.kernel.rules import SENT_SETS
from wayhome.kernel.ruleset import Interval, Ruleset
from wayhome.kernel.skeleton import COUNTER, SENT_ELSEWHERE
from wayhome.policy import Action, Entry
from wayhome.prefixes import Family, Prefix


@dataclass(frozen=True, slots=True)
class Count:
    """What one counter of the kernel holds."""

    packets: int = 0
    """In a nat chain: connections. What the kernel carries as one (GSO, GRO) is one packet."""
    bytes: int = 0
    """With the IP header and without the link's. In a nat chain: of the connections' first packets."""

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
    sent_elsewhere: Count = NOTHING_COUNTED
    """The packets to destinations that no line names."""

    @property
    def counters(self) -> Mapping[str, Count]:
        """What is not counted by elements, by the counter's name."""
        return {COUNTER: self.masqueraded, SENT_ELSEWHERE: self.sent_elsewhere}


@dataclass(frozen=True, slots=True)
class Sent:
    """Packets and bytes by the line that names their destination, in the direction in which connections were opened."""

    by_entry: dict[Entry, Count]
    """Every entry that decides about some destination."""
    by_no_entry: Count
    """Of those whose destination no entry holds."""


@dataclass(frozen=True, slots=True)
class Connections:
    """Connections by what decided about them, since the counters began."""

    by_entry: dict[Entry, int]
    """Every entry that decides about some destination."""
    by_no_entry: int
    """Masqueraded because no entry holds the destination."""
    sent: Sent | None = None
    """None where packets are not counted."""


def connections(ruleset: Ruleset, counts: Counts) -> Connections:
    """Sum up what the kernel, which holds this ruleset, has counted."""
    opened = _by_entry(ruleset, counts, frozenset(ruleset.lines) - SENT_SETS)
    found = {entry: count.packets for entry, count in opened.items()}
    taken = sum(number for entry, number in found.items() if entry.action is Action.MASQUERADE)
    sent = None
    if ruleset.skeleton.accounting:
        sent = Sent(_by_entry(ruleset, counts, SENT_SETS), counts.sent_elsewhere)
    return Connections(found, max(0, counts.masqueraded.packets - taken), sent)


def _by_entry(ruleset: Ruleset, counts: Counts, names: frozenset[str]) -> dict[Entry, Count]:
    found: dict[Entry, Count] = {}
    for name, entries in ruleset.lines.items():
        if name in names:
            counted = counts.elements.get(name, {})
            for (first, _), entry in zip(ruleset.elements[name], entries, strict=True):
                here = counted.get(first, NOTHING_COUNTED)
                found[entry] = found.get(entry, NOTHING_COUNTED) + here
    return found


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
