"""Atoms: the coarsest parts of the address space that nothing in a network divides.

Everything that looks at an address (a route table, a set of prefixes, who owns what) is a *distinction*: disjoint spans,
each with an outcome. The space is cut at every boundary of every distinction; pieces for which all distinctions have the
same outcomes are one atom, however far apart they lie. A set of addresses that follows the boundaries is then a set of
atoms, and is kept as the bits of an integer: the forwarding equivalence classes of "Real-time verification of network
properties using atomic predicates" (Yang and Lam, ICNP 2013).

Refinement goes over each distinction once and touches the pieces of all its outcomes but the widest one, so that a
default route costs nothing; in all, time grows with the number of prefixes times the pieces that each of them has.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

from wayhome.prefixes import Family, Intervals
from wayhome.trace.classes.line import Span, of_family

Segment = tuple[int, int, Hashable]
"""A first and a last position, and the outcome there."""

Distinction = Sequence[Segment]
"""Sorted and disjoint. Elsewhere the outcome is None."""


class Atoms:
    """The atoms of the addresses `asked`, numbered in the order of their first addresses."""

    def __init__(self, asked: Intervals, distinctions: Iterable[Distinction]) -> None:
        kept = list(distinctions)
        self._starts, self._lasts = _pieces(asked, kept)
        self._labels = _numbered(_refined(self._starts, kept))
        self.count = max(self._labels, default=-1) + 1
        self.all = (1 << self.count) - 1
        self._pieces_of: list[list[int]] = [[] for _ in range(self.count)]
        for piece, label in enumerate(self._labels):
            self._pieces_of[label].append(piece)
        self.of_family = {family: self.bits([of_family(family)]) for family in Family}

    def at(self, place: int) -> int | None:
        """The atom that holds a position; None where nobody asks."""
        piece = bisect_right(self._starts, place) - 1
        return self._labels[piece] if piece >= 0 and place <= self._lasts[piece] else None

    def first(self, atom: int) -> int:
        """Its first position."""
        return self._starts[self._pieces_of[atom][0]]

    def places(self, atoms: int) -> Intervals:
        """All positions of a set of atoms."""
        return Intervals.of(
            (self._starts[piece], self._lasts[piece])
            for atom in members(atoms)
            for piece in self._pieces_of[atom]
        )

    def alone(self, place: int) -> int:
        """The atom of this one position, as a set; empty where it has none of its own."""
        atom = self.at(place)
        if atom is None:
            return 0
        pieces = self._pieces_of[atom]
        single = len(pieces) == 1 and self._starts[pieces[0]] == self._lasts[pieces[0]]
        return 1 << atom if single else 0

    def bits(self, spans: Iterable[Span]) -> int:
        """The atoms in spans that follow the boundaries."""
        found: set[int] = set()
        for first, last in spans:
            found.update(
                self._labels[bisect_left(self._starts, first) : bisect_right(self._starts, last)]
            )
        return _as_bits(found, self.count)

    def by_outcome(self, distinction: Distinction) -> dict[Hashable, int]:
        """For each outcome its atoms; for the widest one, those that are left."""
        runs = _runs(self._starts, distinction)
        widest = _widest(runs)
        labels: defaultdict[Hashable, set[int]] = defaultdict(set)
        for begin, end, outcome in runs:
            if outcome != widest:
                labels[outcome].update(self._labels[begin:end])
        found = {outcome: _as_bits(held, self.count) for outcome, held in labels.items()}
        left = self.all
        for bits in found.values():
            left &= ~bits
        return {None: 0, **found, widest: left}


def members(bits: int) -> Iterable[int]:
    """The numbers of the bits that are set, in order."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _as_bits(members_: Iterable[int], count: int) -> int:
    raw = bytearray(count // 8 + 1)
    for member in members_:
        raw[member >> 3] |= 1 << (member & 7)
    return int.from_bytes(raw, "little")


def _pieces(asked: Intervals, distinctions: Sequence[Distinction]) -> tuple[list[int], list[int]]:
    """The asked addresses, cut at every boundary."""
    cuts = {edge for segments in distinctions for s in segments for edge in (s[0], s[1] + 1)}
    ordered = sorted(cuts)
    starts: list[int] = []
    lasts: list[int] = []
    for first, last in asked.spans:
        inside = ordered[bisect_right(ordered, first) : bisect_right(ordered, last)]
        starts += [first, *inside]
        lasts += [*(cut - 1 for cut in inside), last]
    return starts, lasts


def _refined(starts: list[int], distinctions: Iterable[Distinction]) -> list[int]:
    """A label for each piece; the same one where no distinction divides them."""
    labels = [0] * len(starts)
    used = 1
    for segments in distinctions:
        runs = _runs(starts, segments)
        widest = _widest(runs)
        renamed: dict[tuple[int, Hashable], int] = {}
        for begin, end, outcome in runs:
            if outcome == widest:
                continue
            for piece in range(begin, end):
                key = (labels[piece], outcome)
                if key not in renamed:
                    renamed[key] = used
                    used += 1
                labels[piece] = renamed[key]
    return labels


def _runs(starts: list[int], segments: Distinction) -> list[tuple[int, int, Hashable]]:
    """All pieces, in runs of one outcome; what lies between two segments is None."""
    runs: list[tuple[int, int, Hashable]] = []
    done = 0
    for first, last, outcome in segments:
        begin, end = bisect_left(starts, first), bisect_right(starts, last)
        if begin >= end:
            continue
        if begin > done:
            runs.append((done, begin, None))
        runs.append((begin, end, outcome))
        done = end
    if done < len(starts):
        runs.append((done, len(starts), None))
    return runs


def _widest(runs: Iterable[tuple[int, int, Hashable]]) -> Hashable:
    """The outcome of the most pieces."""
    widths: defaultdict[Hashable, int] = defaultdict(int)
    for begin, end, outcome in runs:
        widths[outcome] += end - begin
    return max(widths, key=lambda outcome: widths[outcome], default=None)


def _numbered(labels: list[int]) -> list[int]:
    numbers: dict[int, int] = {}
    return [numbers.setdefault(label, len(numbers)) for label in labels]
