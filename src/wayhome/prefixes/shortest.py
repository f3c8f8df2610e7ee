"""The shortest table: the fewest prefixes that say, by longest match, which addresses are in a set.

`0.0.0.0/0 in, 169.254.169.254/32 out` says in two prefixes what takes 32 without exceptions. This is optimal routing
table construction (Draves et al., "Constructing Optimal IP Routing Tables", INFOCOM 1999) for two next hops, of which
one holds where no prefix does.

It is a dynamic programme over the binary tree of prefixes. For each node, and for each answer that the nodes above
may leave it with, it knows how many prefixes the addresses below need: an even block needs one if its answer differs
from the one that it is left with, and else none; any other node needs what its halves need, or has a prefix of its
own that turns the answer around. Every table is such a choice at each node, so the cheapest choice is the shortest
table.
"""

from bisect import bisect_right
from typing import NamedTuple

from wayhome.prefixes.address import Family
from wayhome.prefixes.intervals import Intervals
from wayhome.prefixes.prefix import Prefix

Counts = tuple[int, int]
"""How many prefixes are needed if the answer from above is False (out), and if it is True (in)."""

_EVEN: tuple[Counts, Counts] = ((0, 1), (1, 0))
"""For an even block that is out, and for one that is in."""


class _Node(NamedTuple):
    """One prefix of the tree: an even block, a chain to the one longer prefix where anything changes, or two halves.

    A tuple and not a dataclass: there are several for each change, and their construction is most of the work.
    """

    first: int
    length: int
    needs: Counts
    answer: bool | None
    """What holds in an even block and beside a chain. In the given prefix it is fixed; halves choose."""
    parts: "tuple[_Node, ...]" = ()
    given: bool = False


def shortest_table(
    family: Family, addresses: Intervals, given: Prefix | None = None
) -> dict[Prefix, bool]:
    """The fewest prefixes, each with its answer: whether addresses that it holds are in the set. Sorted.

    What no prefix holds is out. `given` is a prefix that says "in", counts nothing, and cannot stand in the table.
    """
    table: dict[Prefix, bool] = {}
    _collect(_Tree(family, addresses, given).root(), False, family, table)
    return dict(sorted(table.items()))


class _Tree:
    def __init__(self, family: Family, addresses: Intervals, given: Prefix | None) -> None:
        self._bits = family.bits
        self._given = given
        # Where the answer changes, from the address 0 on: out, in, out, …
        self._changes = [
            edge
            for first, last in addresses.spans
            for edge in (first, last + 1)
            if edge <= family.last
        ]

    def root(self) -> _Node:
        return self._node(0, 0, 0, len(self._changes))

    def _node(self, first: int, length: int, low: int, high: int) -> _Node:
        """The node of a prefix; `low` and `high`: how many changes lie before it, and up to its last address."""
        low = bisect_right(self._changes, first, low, high)
        answer = low % 2 == 1
        given = self._given
        if given and length <= given.length and first <= given.first < first + self._size(length):
            return self._halves(first, length, low, high, given=length == given.length)
        if low == high:
            return _Node(first, length, _EVEN[answer], answer)
        even_beside = answer == (high % 2 == 1)
        chain = self._chain(first, length, low, high, answer) if even_beside else None
        return chain or self._halves(first, length, low, high)

    def _size(self, length: int) -> int:
        return 1 << (self._bits - length)

    def _chain(self, first: int, length: int, low: int, high: int, answer: bool) -> _Node | None:
        """Skip to the longest prefix in which all changes lie, if it is more than one step away.

        Beside the way there all is one answer. Left with it, the way needs nothing; left with the other one, it
        needs one prefix at its beginning: two or more blocks beside it would each need one.
        """
        before, after = self._changes[low] - 1, self._changes[high - 1]
        host_bits = (before ^ after).bit_length()
        if self._bits - host_bits < length + 2:
            return None
        end = self._node(before >> host_bits << host_bits, self._bits - host_bits, low, high)
        needs = end.needs[answer]
        both = (needs + 1, needs) if answer else (needs, needs + 1)
        return _Node(first, length, both, answer, (end,))

    def _halves(
        self, first: int, length: int, low: int, high: int, *, given: bool = False
    ) -> _Node:
        half = self._size(length + 1)
        middle = bisect_right(self._changes, first + half - 1, low, high)
        left = self._node(first, length + 1, low, middle)
        right = self._node(first + half, length + 1, middle, high)
        out, in_ = left.needs[0] + right.needs[0], left.needs[1] + right.needs[1]
        if given:
            return _Node(first, length, (in_, in_), True, (left, right), given=True)
        return _Node(first, length, (min(out, in_ + 1), min(in_, out + 1)), None, (left, right))


def _collect(node: _Node, left_with: bool, family: Family, table: dict[Prefix, bool]) -> None:
    """Write down the choices of the cheapest table."""
    answer = node.answer
    if answer is None:
        needs = [sum(part.needs[answer] for part in node.parts) for answer in (False, True)]
        answer = left_with if needs[left_with] <= needs[not left_with] + 1 else not left_with
    if answer is not left_with and not node.given:
        table[Prefix(family, node.first, node.length)] = answer
    for part in node.parts:
        _collect(part, answer, family, table)
