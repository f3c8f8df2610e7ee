"""A ruleset as the text that `nft -f` takes; also what `wayhome policy render` prints.

A replacement is one transaction: whatever table of ours is there goes, and the whole new one comes. `add table`
stands before `delete table` because deleting what is not there is an error.

Counts of elements are not in it: nft 1.0.6 takes them for intervals, and then forgets them. They follow by netlink.

One command stands on each line. Elements are eight to a command: few enough to read, and enough that nft needs
little more memory for 10,000 of them (24 MiB, against 20 with all in one command and 35 with one in each).
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from wayhome.kernel.counts import NOTHING_COUNTED, Count
from wayhome.kernel.difference import ElementChanges
from wayhome.kernel.ruleset import Interval, Ruleset
from wayhome.kernel.skeleton import TABLE, SetType
from wayhome.prefixes import Family, Prefix, format_address

ELEMENTS_PER_COMMAND = 8


def render(ruleset: Ruleset, masqueraded: Count = NOTHING_COUNTED) -> str:
    """The transaction that replaces our table, whatever it holds."""
    lines = [
        f"add table inet {TABLE}",
        f"delete table inet {TABLE}",
        *ruleset.skeleton.commands(masqueraded.packets, masqueraded.bytes),
    ]
    for kind in ruleset.skeleton.sets:
        lines += _element_commands("add", kind, ruleset.elements[kind.name])
    return "\n".join(lines) + "\n"


def render_changes(changes: ElementChanges) -> str:
    """The transaction that makes only these changes; removals first, since what comes may overlap what goes."""
    lines: list[str] = []
    for kind, removed in changes.removed.items():
        lines += _element_commands("delete", kind, removed)
    for kind, added in changes.added.items():
        lines += _element_commands("add", kind, added)
    return "\n".join(lines) + "\n"


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
