"""A ruleset as the text that `nft -f` takes; also what `wayhome policy render` prints.

Whole rulesets are written so that no connection meets the chain without the list. Within one transaction the kernel
lets new rules take effect before new elements (Linux 6.18: an interval set gets its elements when all else is
committed), so a first transaction makes the sets, which no rule looks up yet, and a second one the chain and its
rules. Where a table of ours is there already its sets stay, and one transaction writes the rules anew. Seen with
connections opened all the time: creating or replacing the table in one transaction masqueraded a kept one now and
then, and these ways none of 250,000.

Only a table that is not founded as ours is (a set of another type, a stranger's object, dormant) is deleted and made
in one transaction: it does not do what it shall anyway.

Counts of elements are not in the text: nft 1.0.6 takes them for intervals, and then forgets them. They follow by
netlink.

One command stands on each line. Elements are eight to a command: few enough to read, and enough that nft needs
little more memory for 10,000 of them (24 MiB, against 20 with all in one command and 35 with one in each).
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from wayhome.kernel.counts import NOTHING_COUNTED, Count
from wayhome.kernel.difference import ElementChanges
from wayhome.kernel.ruleset import Interval, Ruleset
from wayhome.kernel.skeleton import CHAIN, COUNTER, TABLE, TABLE_COMMENT, SetType
from wayhome.kernel.table import Table
from wayhome.prefixes import Family, Prefix, format_address

ELEMENTS_PER_COMMAND = 8


def render(ruleset: Ruleset, masqueraded: Count = NOTHING_COUNTED) -> str:
    """The whole table as one transaction, which replaces whatever is there."""
    anew = [f"add table inet {TABLE}", f"delete table inet {TABLE}"]
    return _text([*anew, *_foundation(ruleset, masqueraded), *_chain(ruleset)])


def creation(ruleset: Ruleset) -> tuple[str, ...]:
    """The transactions that make the table where there is none."""
    return _text(_foundation(ruleset, NOTHING_COUNTED)), _text(_chain(ruleset))


def rewriting(table: Table, ruleset: Ruleset, changes: ElementChanges | None) -> tuple[str, ...]:
    """The transactions that write the rules of a table anew whose sets stay; `changes` are those of its elements."""
    held = {one.type for one in table.sets}
    wanted = ruleset.skeleton.sets
    missing = [kind for kind in wanted if kind not in held]
    founding = list(ruleset.skeleton.set_commands(missing))
    if COUNTER not in table.counters:
        founding.insert(0, f"add counter inet {TABLE} {COUNTER}")
    for kind in missing:
        founding += _element_commands("add", kind, ruleset.elements[kind.name])
    lines = render_changes(changes).splitlines() if changes else []
    if table.chain is not None:
        lines.append(f"flush chain inet {TABLE} {CHAIN}")
        if table.chain != ruleset.skeleton.chain:
            lines.append(f"delete chain inet {TABLE} {CHAIN}")
    lines += _chain(ruleset)
    lines += [f"delete set inet {TABLE} {kind.name}" for kind in held if kind not in wanted]
    return (_text(founding), _text(lines)) if founding else (_text(lines),)


def _foundation(ruleset: Ruleset, masqueraded: Count) -> Iterator[str]:
    skeleton = ruleset.skeleton
    yield f'add table inet {TABLE} {{ comment "{TABLE_COMMENT}"; }}'
    yield (
        f"add counter inet {TABLE} {COUNTER} "
        f"{{ packets {masqueraded.packets} bytes {masqueraded.bytes} }}"
    )
    yield from skeleton.set_commands(skeleton.sets)
    for kind in skeleton.sets:
        yield from _element_commands("add", kind, ruleset.elements[kind.name])


def _chain(ruleset: Ruleset) -> Iterator[str]:
    yield ruleset.skeleton.chain_command()
    yield from ruleset.skeleton.rule_commands()


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def render_changes(changes: ElementChanges) -> str:
    """The transaction that makes only these changes; removals first, since what comes may overlap what goes."""
    lines: list[str] = []
    for kind, removed in changes.removed.items():
        lines += _element_commands("delete", kind, removed)
    for kind, added in changes.added.items():
        lines += _element_commands("add", kind, added)
    return _text(lines)


def format_interval(family: Family, interval: Interval) -> str:
    """`10.0.0.0/8` where the interval is a prefix, `10.0.0.1` for one address, else `10.0.0.1-10.0.0.9`."""
    first, last = interval
    if first == last:
        return format_address(family, first)
    size = last - first + 1
    if size & (size - 1) == 0 and first & (size - 1) == 0:
        return str(Prefix(family, first, family.bits - size.bit_length() + 1))
    return f"{format_address(family, first)}-{format_address(family, last)}"


def _element_commands(verb: str, kind: SetType, intervals: Iterable[Interval]) -> Iterator[str]:
    written = (format_interval(kind.family, interval) for interval in intervals)
    while some := ", ".join(islice(written, ELEMENTS_PER_COMMAND)):
        yield f"{verb} element inet {TABLE} {kind.name} {{ {some} }}"
