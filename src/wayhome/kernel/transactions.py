"""The transactions that bring our table to a ruleset. Pure.

Whole rulesets are written so that no connection meets the chain without the list. Within one transaction the kernel
lets new rules take effect before new elements (Linux 6.18: an interval set gets its elements when all else is
committed), so the sets come first, which no rule looks up yet, and the chains and their rules in the last transaction.
Where a table of ours is there already its sets stay, and one transaction writes the rules anew. Seen with connections
opened all the time: creating or replacing the table in one transaction masqueraded a kept one now and then, and these
ways none of 250,000.

While no rule looks up the sets, their elements may come in several transactions. So they do: without root of the
initial user namespace one transaction holds 425,952 bytes (twice net.core.wmem_max), and an IPv6 interval takes 64.
Between them the table is not half of anything, it does nothing yet; whoever finds it so goes on from there.

Only a table that is not founded as ours is (a set of another type, a stranger's object, dormant) is deleted and made
in one transaction: it does not do what it shall anyway.
"""

from collections.abc import Iterable, Iterator

from wayhome.kernel.commands import (
    AddChain,
    AddCounter,
    AddElements,
    AddRule,
    AddSet,
    AddTable,
    Command,
    Delete,
    DeleteElements,
    DeleteTable,
    FlushChain,
    Transaction,
)
from wayhome.kernel.counts import NOTHING_COUNTED, Counts
from wayhome.kernel.difference import ElementChanges
from wayhome.kernel.ruleset import Ruleset
from wayhome.kernel.skeleton import TABLE_COMMENT, SetType, Skeleton
from wayhome.kernel.table import Table

ELEMENTS_PER_TRANSACTION = 5000


def creation(ruleset: Ruleset) -> tuple[Transaction, ...]:
    """The transactions that make the table where there is none."""
    foundation = _foundation(ruleset, Counts())
    return (*_in_parts(foundation), tuple(_chains(ruleset.skeleton)))


def replacement(ruleset: Ruleset, counts: Counts | None = None) -> Transaction:
    """The whole table as one transaction, which replaces whatever is there; `counts` is what it goes on from."""
    foundation = _foundation(ruleset, counts or Counts())
    return (AddTable(), DeleteTable(), *foundation, *_chains(ruleset.skeleton))


def rewriting(
    table: Table, ruleset: Ruleset, changes: ElementChanges | None
) -> tuple[Transaction, ...]:
    """The transactions that write the rules of a table anew whose sets stay; `changes` are those of its elements."""
    held = {one.type for one in table.sets}
    skeleton = ruleset.skeleton
    missing = [kind for kind in skeleton.sets if kind not in held]
    first: list[Command] = [
        AddCounter(name) for name in skeleton.counters if name not in table.counters
    ]
    first += map(AddSet, missing)
    first += _elements(ruleset, missing, Counts())
    last: list[Command] = []
    # Without a chain nothing looks up the sets that stay either.
    (last if table.chains else first).extend(changing(changes) if changes else ())
    wanted = [one.chain for one in skeleton.chains]
    for chain in (one.chain for one in table.chains):
        last.append(FlushChain(chain.name))
        if chain not in wanted:
            last.append(Delete("chain", chain.name))
    last += _chains(skeleton)
    last += [Delete("set", kind.name) for kind in held if kind not in skeleton.sets]
    last += [Delete("counter", name) for name in table.counters if name not in skeleton.counters]
    return (*_in_parts(first), tuple(last))


def changing(changes: ElementChanges) -> Transaction:
    """The transaction that makes only these changes; removals first, since what comes may overlap what goes."""
    return (
        *(DeleteElements(kind, some) for kind, some in changes.removed.items()),
        *(
            AddElements(kind, some, changes.counts.get(kind.name, {}))
            for kind, some in changes.added.items()
        ),
    )


def _foundation(ruleset: Ruleset, counts: Counts) -> Iterator[Command]:
    kinds = ruleset.skeleton.sets
    yield AddTable(TABLE_COMMENT)
    for name in ruleset.skeleton.counters:
        yield AddCounter(name, counts.counters.get(name, NOTHING_COUNTED))
    yield from map(AddSet, kinds)
    yield from _elements(ruleset, kinds, counts)


def _elements(ruleset: Ruleset, kinds: Iterable[SetType], counts: Counts) -> Iterator[AddElements]:
    for kind in kinds:
        if some := ruleset.elements[kind.name]:
            yield AddElements(kind, some, counts.elements.get(kind.name, {}))


def _chains(skeleton: Skeleton) -> Iterator[Command]:
    for one in skeleton.chains:
        yield AddChain(one.chain)
        for rule in one.rules:
            yield AddRule(one.chain.name, rule)


def _in_parts(commands: Iterable[Command]) -> Iterator[Transaction]:
    """Commands of which each may take effect on its own, in transactions that everybody may send."""
    part: list[Command] = []
    room = ELEMENTS_PER_TRANSACTION
    for command in commands:
        if not isinstance(command, AddElements | DeleteElements):
            part.append(command)
            continue
        left = command.intervals
        while left:
            part.append(command._replace(intervals=left[:room]))
            left, room = left[room:], room - len(left)
            if room <= 0:
                yield tuple(part)
                part, room = [], ELEMENTS_PER_TRANSACTION
    if part:
        yield tuple(part)
