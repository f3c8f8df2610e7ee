"""Bringing a kernel to a desired state, with as little as it takes, in one transaction.

What is there is read, the difference is computed, and only the difference is sent; where there is none, nothing is.
If the kernel refuses the difference, the whole table is replaced instead. Where `transactions` makes several of it,
all but the last one have no effect on any connection. After rules were written the table is read back: it must be
what was wanted, and its rules' expressions are remembered as this kernel's way of showing them.

What the kernel has counted goes on: whatever replaces an element begins with its count, in the same transaction.

A table that an earlier process of ours left is adopted as it is if its comments say that it is the wanted one;
from then on its expressions may not change either.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from wayhome.kernel.backend import Kernel, KernelError, RefusedError
from wayhome.kernel.change import Change, ChangeKind
from wayhome.kernel.commands import Transaction
from wayhome.kernel.counts import Counts, inherited
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
from wayhome.kernel.transactions import creation, replacement, rewriting


class Applier:
    """Applies rulesets to one kernel. Used by one thread at a time."""

    def __init__(self, kernel: Kernel, clock: Callable[[], float] = time.monotonic) -> None:
        self._kernel = kernel
        self._clock = clock
        self._seen: Seen | None = None
        self._transactions = 0

    def difference(self, ruleset: Ruleset) -> Difference:
        """What `apply` would send now."""
        return difference(self._kernel.read(), ruleset, self._seen)

    def apply(self, ruleset: Ruleset) -> Change:
        """Make the kernel hold this ruleset. Raises KernelError; the kernel then holds what it held, or all of it."""
        started = self._clock()
        self._transactions = 0
        table = self._kernel.read()
        found = difference(table, ruleset, self._seen)
        refusal = None
        if isinstance(found, ElementChanges):
            found = self._with_counts(found, ruleset)
            try:
                self._change(found)
            except RefusedError as refused:
                refusal = str(refused)
                found = Replacement(Cause.REFUSED)
        if isinstance(found, Replacement):
            found, table = self._replace(found, table, ruleset)
        if table is not None:
            self._seen = Seen(ruleset.skeleton, table.expressions)
        done = _account(found, ruleset, refusal)
        return replace(done, seconds=self._clock() - started, transactions=self._transactions)

    def _change(self, changes: ElementChanges) -> None:
        self._kernel.change(changes)
        self._transactions += 1

    def _write(self, *transactions: Transaction) -> None:
        for transaction in transactions:
            self._kernel.write(transaction)
            self._transactions += 1

    def _with_counts(self, changes: ElementChanges, ruleset: Ruleset) -> ElementChanges:
        if not changes.removed:
            return changes
        removed, added = _by_name(changes)
        counts = inherited(self._counts(changes.removed).elements, removed, added, ruleset)
        return replace(changes, counts=counts)

    def _counts(self, of: Elements | None = None) -> Counts:
        """Counts are worth having, but no reason to leave the rules as they are."""
        try:
            return self._kernel.counts(of)
        except KernelError:
            return Counts()

    def _replace(
        self, found: Replacement, before: Table | None, ruleset: Ruleset
    ) -> tuple[Replacement, Table | None]:
        """Returns what was done, and the table that there is now."""
        if before is None:
            self._write(*creation(ruleset))
        else:
            found = self._write_over(before, found, ruleset)
        table = self._kernel.read()
        if not isinstance(difference(table, ruleset), Nothing):
            raise KernelError(
                "the kernel does not hold what was just applied: somebody changes the table at the same time, "
                "or this kernel shows it in a way that is not understood"
            )
        return found, table

    def _write_over(self, before: Table, found: Replacement, ruleset: Ruleset) -> Replacement:
        """Write the rules, or all of the table where its sets cannot stay after all. Returns which it was."""
        if found.founded:
            changes = found.changes and self._with_counts(found.changes, ruleset)
            with suppress(RefusedError):
                self._write(*rewriting(before, ruleset, changes))
                return found
        counts = self._counts()
        gone = {held.type.name: held.intervals for held in before.sets}
        shares = inherited(counts.elements, gone, ruleset.elements, ruleset)
        self._write(replacement(ruleset, replace(counts, elements=shares)))
        return Replacement(found.cause)


_Named = Mapping[str, tuple[Interval, ...]]


def _by_name(changes: ElementChanges | None) -> tuple[_Named, _Named]:
    """What is removed and what is added, by the set's name."""
    if changes is None:
        return {}, {}
    return (
        {kind.name: intervals for kind, intervals in changes.removed.items()},
        {kind.name: intervals for kind, intervals in changes.added.items()},
    )


def _account(found: Difference, ruleset: Ruleset, refusal: str | None) -> Change:
    match found:
        case Nothing():
            return Change(ChangeKind.NOTHING, 0.0)
        case ElementChanges(removed, added, _):
            numbers = _count(added.values()), _count(removed.values())
            return Change(ChangeKind.ELEMENTS, 0.0, *numbers)
        case Replacement(cause, True, changes):
            gone, new = _by_name(changes)
            numbers = _count(new.values()), _count(gone.values())
            return Change(ChangeKind.REWRITTEN, 0.0, *numbers, cause, refusal=refusal)
        case Replacement(cause):
            everything = _count(ruleset.elements.values())
            return Change(ChangeKind.REPLACED, 0.0, everything, 0, cause, refusal=refusal)


def _count(sets: Iterable[tuple[Interval, ...]]) -> int:
    return sum(map(len, sets))
