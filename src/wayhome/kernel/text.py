"""Transactions as the text that `nft -f` takes: what `wayhome policy render` prints, and what `FakeKernel` runs.

One command stands on each line (nft 1.0.6 refuses some one-liners). Elements are eight to a command: few enough to
read, and enough that nft needs little more memory for 10,000 of them (24 MiB, against 20 with all in one command and
35 with one in each).

Counts of elements are not in the text: nft 1.0.6 takes them for intervals, and then forgets them.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import assert_never

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
    SkeletonCommand,
    Transaction,
)
from wayhome.kernel.ruleset import Interval, Ruleset
from wayhome.kernel.skeleton import SRCNAT, TABLE, Chain, SetType
from wayhome.kernel.transactions import replacement
from wayhome.prefixes import Family, Prefix, format_address

ELEMENTS_PER_COMMAND = 8


def render(ruleset: Ruleset) -> str:
    """The whole table as one transaction, which replaces whatever is there."""
    return script(replacement(ruleset))


def script(transaction: Transaction) -> str:
    """A transaction as nft takes it."""
    return "".join(f"{line}\n" for command in transaction for line in _lines(command))


def format_interval(family: Family, interval: Interval) -> str:
    """`10.0.0.0/8` where the interval is a prefix, `10.0.0.1` for one address, else `10.0.0.1-10.0.0.9`."""
    first, last = interval
    if first == last:
        return format_address(family, first)
    size = last - first + 1
    if size & (size - 1) == 0 and first & (size - 1) == 0:
        return str(Prefix(family, first, family.bits - size.bit_length() + 1))
    return f"{format_address(family, first)}-{format_address(family, last)}"


def _lines(command: Command) -> Iterator[str]:
    match command:
        case AddElements(kind, intervals):
            yield from _element_lines("add", kind, intervals)
        case DeleteElements(kind, intervals):
            yield from _element_lines("delete", kind, intervals)
        case _:
            yield _line(command)


def _line(command: SkeletonCommand) -> str:
    match command:
        case AddTable(comment):
            return f"add table inet {TABLE}" + (f' {{ comment "{comment}"; }}' if comment else "")
        case DeleteTable():
            return f"delete table inet {TABLE}"
        case AddCounter(name, count):
            begin = f"packets {count.packets} bytes {count.bytes}"
            return f"add counter inet {TABLE} {name} {{ {begin} }}"
        case AddSet(kind):
            counter = " counter;" if kind.counted else ""
            description = f"type {kind.type}; flags {kind.flags};{counter}"
            return f"add set inet {TABLE} {kind.name} {{ {description} }}"
        case AddChain(chain):
            return f"add chain inet {TABLE} {chain.name} {{ {_description(chain)} }}"
        case FlushChain(name):
            return f"flush chain inet {TABLE} {name}"
        case AddRule(name, rule):
            return f'add rule inet {TABLE} {name} {rule.text} comment "{rule.comment}"'
        case Delete(what, name):
            return f"delete {what} inet {TABLE} {name}"
    assert_never(command)


def _description(chain: Chain) -> str:
    offset = chain.priority - SRCNAT
    priority = f"srcnat {'+' if offset > 0 else '-'} {abs(offset)}"
    return f"type {chain.type} hook {chain.hook} priority {priority}; policy {chain.policy};"


def _element_lines(verb: str, kind: SetType, intervals: Iterable[Interval]) -> Iterator[str]:
    written = (format_interval(kind.family, interval) for interval in intervals)
    while some := ", ".join(islice(written, ELEMENTS_PER_COMMAND)):
        yield f"{verb} element inet {TABLE} {kind.name} {{ {some} }}"
