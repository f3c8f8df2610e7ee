"""Bringing a kernel to a desired state, with as little as it takes, in one transaction.

What is there is read, the difference is computed, and only the difference is sent; where there is none, nothing is.
If the kernel refuses the difference, the whole table is replaced instead. After a replacement the table is read
back: it must be what was wanted, and its rules' expressions are remembered as this kernel's way of showing them.

What the kernel has counted goes on: with the difference where elements are replaced, and after a replacement of the
table in a transaction of its own, because nft cannot write the counters of intervals.

A table that an earlier process of ours left is adopted as it is if its comments say that it is the wanted one;
from then on its expressions may not change either.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from wayhome.kernel.backend import Kernel, KernelError, RefusedError
from wayhome.kernel.change import Change, ChangeKind
from wayhome.kernel.counts import Counts, ElementCounts, inherited
from wayhome.kernel.difference import (
    Cause,
    Difference,
    ElementChanges,
    Elements,
    Nothing,
    Replacement,
    Seen,
    difference,
)
from wayhome.kernel.ruleset import Interval, Ruleset
from wayhome.kernel.table import Table


class Applier:
    """Applies rulesets to one kernel. Used by one thread at a time."""

    def __init__(self, kernel: Kernel, clock: Callable[[], float] = time.monotonic) -> None:
        self._kernel = kernel
        self._clock = clock
        self._seen: Seen | None = None

    def difference(self, ruleset: Ruleset) -> Difference:
        """What `apply` would send now."""
        return difference(self._kernel.read(), ruleset, self._seen)

    def apply(self, ruleset: Ruleset) -> Change:
        """Make the kernel hold this ruleset. Raises KernelError; the kernel then holds what it held, or all of it."""
        started = self._clock()
        table = self._kernel.read()
        found = difference(table, ruleset, self._seen)
        refusal = None
        if isinstance(found, ElementChanges):
            found = self._with_counts(found, ruleset)
            try:
                self._kernel.change(found)
            except RefusedError as refused:
                refusal = str(refused)
                found = Replacement(Cause.REFUSED)
        if isinstance(found, Replacement):
            table = self._replace(table, ruleset)
        if table is not None:
            self._seen = Seen(ruleset.skeleton, table.expressions)
        return _account(found, ruleset, self._clock() - started, refusal)

    def _with_counts(self, changes: ElementChanges, ruleset: Ruleset) -> ElementChanges:
        if not changes.removed:
            return changes
        removed = {kind.name: intervals for kind, intervals in changes.removed.items()}
        added = {kind.name: intervals for kind, intervals in changes.added.items()}
        counts = inherited(self._counts(changes.removed).elements, removed, added, ruleset)
        return replace(changes, counts=counts)

    def _counts(self, of: Elements | None = None) -> Counts:
        """Counts are worth having, but no reason to leave the rules as they are."""
        try:
            return self._kernel.counts(of)
        except KernelError:
            return Counts()

    def _replace(self, before: Table | None, ruleset: Ruleset) -> Table | None:
        counts = self._counts() if before is not None else Counts()
        self._kernel.replace(ruleset, counts.masqueraded)
        table = self._kernel.read()
        if not isinstance(difference(table, ruleset), Nothing):
            raise KernelError(
                "the kernel does not hold what was just applied: somebody changes the table at the same time, "
                "or this version of nft writes it in a way that is not understood"
            )
        if before is not None and counts.elements:
            self._carry(counts.elements, before, ruleset)
        return table

    def _carry(self, counts: ElementCounts, before: Table, ruleset: Ruleset) -> None:
        """Write elements that have something to go on with anew. The rules are the same before and after."""
        old = {held.type.name: held.intervals for held in before.sets}
        shares = inherited(counts, old, ruleset.elements, ruleset)
        rewritten = {
            kind: tuple(i for i in ruleset.elements[kind.name] if i[0] in shares[kind.name])
            for kind in ruleset.skeleton.sets
            if kind.name in shares
        }
        if rewritten:
            with suppress(KernelError):
                self._kernel.change(ElementChanges(rewritten, rewritten, shares))


def _account(found: Difference, ruleset: Ruleset, seconds: float, refusal: str | None) -> Change:
    match found:
        case Nothing():
            return Change(ChangeKind.NOTHING, seconds)
        case ElementChanges(removed, added, _):
            return Change(
                ChangeKind.ELEMENTS, seconds, _count(added.values()), _count(removed.values())
            )
        case Replacement(cause):
            everything = _count(ruleset.elements.values())
            return Change(ChangeKind.REPLACED, seconds, everything, 0, cause, refusal)


def _count(sets: Iterable[tuple[Interval, ...]]) -> int:
    return sum(map(len, sets))
