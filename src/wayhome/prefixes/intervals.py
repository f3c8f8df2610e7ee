"""Sets of addresses of one family as sorted disjoint intervals of integers.

Both ends of an interval are included, so that the last address of a family needs no number beyond it. Intervals
that touch are one interval: two equal sets have equal representations.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Intervals:
    """A set of integers. `spans` are its (first, last) pairs, sorted, disjoint and not touching."""

    spans: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, spans: Iterable[tuple[int, int]]) -> Self:
        """The union of any (first, last) pairs, in any order, overlapping or not."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted(spans):
            if merged and first <= merged[-1][1] + 1:
                if last > merged[-1][1]:
                    merged[-1] = (merged[-1][0], last)
            else:
                merged.append((first, last))
        return cls(tuple(merged))

    def union(self, other: Self) -> Self:
        """What is in either."""
        return self.of(self.spans + other.spans)

    def minus(self, other: Self) -> Self:
        """What is in this set and not in the other."""
        left: list[tuple[int, int]] = []
        holes = iter(other.spans)
        hole = next(holes, None)
        for span_first, last in self.spans:
            first = span_first
            while hole is not None and hole[1] < first:
                hole = next(holes, None)
            while hole is not None and hole[0] <= last:
                if hole[0] > first:
                    left.append((first, hole[0] - 1))
                first = hole[1] + 1
                if hole[1] >= last:
                    break  # the same hole may reach into the next span
                hole = next(holes, None)
            if first <= last:
                left.append((first, last))
        return type(self)(tuple(left))

    def intersection(self, other: Self) -> Self:
        """What is in both."""
        return self.minus(self.minus(other))

    def __contains__(self, address: int) -> bool:
        at = bisect_right(self.spans, address, key=lambda span: span[0]) - 1
        return at >= 0 and address <= self.spans[at][1]

    def __bool__(self) -> bool:
        return bool(self.spans)
