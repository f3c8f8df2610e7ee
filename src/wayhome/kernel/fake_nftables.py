"""An nftables in memory, which takes the text that nft takes and refuses what nft and the kernel refuse.

It knows the commands and statements that this package writes, and those with which tests do damage; anything else
is refused, as nft refuses a syntax error. A script is one transaction: it takes effect as a whole or not at all.

It is stricter than nft in two points. An address with bits to the right of its prefix is refused (nft drops the
bits), and so is an element that is there already (nft passes over it): our own transactions never contain either.
"""

import copy
import re
from bisect import bisect_right, insort
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from wayhome.kernel.backend import RefusedError
from wayhome.kernel.counts import Count
from wayhome.kernel.ruleset import Interval
from wayhome.kernel.skeleton import SRCNAT, Chain, SetType
from wayhome.prefixes import Family, Prefix, PrefixError, parse_address

COMMENT_MAX = 128
_HEADERS = {"ip": "ipv4_addr", "ip6": "ipv6_addr"}
_STATEMENT = re.compile(
    r"meta mark & 0x[0-9a-f]{8} == 0x[0-9a-f]{8} return"
    r"|meta nfproto != ipv4 return"
    r"|ct direction reply return|ct state invalid,untracked return"
    r"|(?:meta iif 0 )?fib [sd]addr type local return"
    r"|tcp flags & \(fin \| syn \| rst \| ack\) != syn tcp [sd]port (?:<|>=) \d+ return"
    r"|(?:ct status dnat )?(?:ip6? daddr @\w+ )*ip6? [sd]addr (?:!= )?@\w+ return"
    r"|(?P<header>ip6?) daddr @\w+ snat (?P=header) to (?P=header) saddr"
    r"|meta l4proto (?:tcp|udp|sctp) (?:numgen random mod \d+ < \d+ )?masquerade to :\d+-\d+(?: fully-random)?"
    r"|masquerade(?: fully-random)?"
    r"|ip6? daddr @\w+ continue"
    r'|counter(?: name "\w+")?|accept|return'
)

_LOOKUP = re.compile(r"(ip6?) [sd]addr (?:!= )?@(\w+)")

_COMMANDS: list[tuple[re.Pattern[str], Callable[..., None]]] = []


def _command(pattern: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The method that executes lines of this shape; the groups are its arguments, empty where they are absent."""

    def register(method: Callable[..., None]) -> Callable[..., None]:
        _COMMANDS.append((re.compile(pattern), method))
        return method

    return register


@dataclass(slots=True)
class FakeSet:
    """A set and its elements, sorted."""

    type: SetType
    intervals: list[Interval] = field(default_factory=list)
    counts: dict[int, Count] = field(default_factory=dict)
    """By an element's first address."""


@dataclass(frozen=True, slots=True)
class FakeRule:
    """A rule as it was written, and its comment."""

    statement: str
    comment: str


@dataclass(slots=True)
class FakeChain:
    """A chain and its rules; one without a hook is only called by others."""

    base: Chain
    rules: list[FakeRule] = field(default_factory=list)


@dataclass(slots=True)
class FakeTable:
    """A table, with its chains and sets by name."""

    comment: str = ""
    dormant: bool = False
    sets: dict[str, FakeSet] = field(default_factory=dict)
    chains: dict[str, FakeChain] = field(default_factory=dict)
    counters: dict[str, Count] = field(default_factory=dict)


class FakeNftables:
    """The tables of one network namespace."""

    def __init__(self) -> None:
        self.tables: dict[str, FakeTable] = {}

    def run(self, script: str) -> None:
        """Run a script as one transaction. Raises RefusedError, which names the line; nothing has changed then."""
        before = copy.deepcopy(self.tables)
        for number, line in enumerate(script.splitlines(), 1):
            try:
                self._execute(line)
            except RefusedError as refused:
                self.tables = before
                raise RefusedError(f"line {number}: {refused}: {line[:100]}") from None

    def _execute(self, line: str) -> None:
        for pattern, method in _COMMANDS:
            if found := pattern.fullmatch(line):
                method(self, *found.groups(default=""))
                return
        raise RefusedError("syntax error")

    @_command(r"flush ruleset")
    def _flush_ruleset(self) -> None:
        self.tables.clear()

    @_command(r'add table (\w+ \w+)(?: \{ (?:(flags dormant); )?(?:comment "([^"]*)"; )?\})?')
    def _add_table(self, name: str, flags: str, comment: str) -> None:
        _refuse_long(comment)
        table = self.tables.setdefault(name, FakeTable(comment))
        table.dormant = bool(flags)

    @_command(r"delete table (\w+ \w+)")
    def _delete_table(self, name: str) -> None:
        self._table(name)
        del self.tables[name]

    @_command(r"add counter (\w+ \w+) (\w+)(?: \{ packets (\d+) bytes (\d+) \})?")
    def _add_counter(self, table: str, name: str, packets: str, octets: str) -> None:
        self._table(table).counters.setdefault(name, Count(int(packets or 0), int(octets or 0)))

    @_command(r"delete counter (\w+ \w+) (\w+)")
    def _delete_counter(self, table: str, name: str) -> None:
        if name not in self._table(table).counters:
            raise RefusedError(f"No such file or directory: counter {name}")
        for chain in self._table(table).chains.values():
            if any(f'counter name "{name}"' in rule.statement for rule in chain.rules):
                raise RefusedError("Device or resource busy: a rule counts in it")
        del self._table(table).counters[name]

    @_command(r"add set (\w+ \w+) (\w+) \{ type (\w+); (?:flags (\w+);)?( counter;)? ?\}")
    def _add_set(self, table: str, name: str, kind: str, flags: str, counter: str) -> None:
        wanted = SetType(name, kind, flags, counted=bool(counter))
        if self._table(table).sets.setdefault(name, FakeSet(wanted)).type != wanted:
            raise RefusedError("File exists: a set of another type")

    @_command(r"delete set (\w+ \w+) (\w+)")
    def _delete_set(self, table: str, name: str) -> None:
        self._set(table, name)
        for chain in self._table(table).chains.values():
            if any(f"@{name} " in rule.statement for rule in chain.rules):
                raise RefusedError("Device or resource busy: a rule looks it up")
        del self._table(table).sets[name]

    @_command(r"add chain (\w+ \w+) (\w+)(?: \{ (.+) \})?")
    def _add_chain(self, table: str, name: str, description: str) -> None:
        base = _parse_base(name, description) if description else Chain(name, "", "", 0, "")
        chain = self._table(table).chains.setdefault(name, FakeChain(base))
        if replace(chain.base, policy=base.policy) != base:
            raise RefusedError("File exists: a chain of another type or priority")
        chain.base = base

    @_command(r"delete chain (\w+ \w+) (\w+)")
    def _delete_chain(self, table: str, name: str) -> None:
        self._chain(table, name)
        del self._table(table).chains[name]

    @_command(r"flush chain (\w+ \w+) (\w+)")
    def _flush_chain(self, table: str, name: str) -> None:
        self._chain(table, name).rules.clear()

    @_command(r'add rule (\w+ \w+) (\w+) (.+?)(?: comment "([^"]*)")?')
    def _add_rule(self, table: str, chain: str, statement: str, comment: str) -> None:
        _refuse_long(comment)
        if not _STATEMENT.fullmatch(statement):
            raise RefusedError("syntax error in the statement")
        for header, name in _LOOKUP.findall(statement):
            if self._set(table, name).type.type != _HEADERS[header]:
                raise RefusedError("datatype mismatch between the header and the set")
        named = re.fullmatch(r'counter name "(\w+)"', statement)
        if named and named[1] not in self._table(table).counters:
            raise RefusedError(f"No such file or directory: counter {named[1]}")
        target = self._chain(table, chain)
        translates = "masquerade" in statement or "snat" in statement
        if translates and (target.base.type, target.base.hook) != ("nat", "postrouting"):
            raise RefusedError("Operation not supported: translation outside nat postrouting")
        target.rules.append(FakeRule(statement, comment))

    @_command(r"add element (\w+ \w+) (\w+) \{ (.+) \}")
    def _add_elements(self, table: str, name: str, elements: str) -> None:
        target = self._set(table, name)
        for first, last in _parse_elements(target.type.family, elements):
            at = bisect_right(target.intervals, (first, first)) - 1
            neighbours = target.intervals[max(at, 0) : at + 2]
            if any(start <= last and first <= end for start, end in neighbours):
                raise RefusedError("interval overlaps with an existing one")
            insort(target.intervals, (first, last))

    @_command(r"delete element (\w+ \w+) (\w+) \{ (.+) \}")
    def _delete_elements(self, table: str, name: str, elements: str) -> None:
        target = self._set(table, name)
        for interval in _parse_elements(target.type.family, elements):
            if interval not in target.intervals:
                raise RefusedError("No such file or directory: element does not exist")
            target.intervals.remove(interval)
            target.counts.pop(interval[0], None)

    def _table(self, name: str) -> FakeTable:
        if name not in self.tables:
            raise RefusedError(f"No such file or directory: table {name}")
        return self.tables[name]

    def _set(self, table: str, name: str) -> FakeSet:
        if name not in self._table(table).sets:
            raise RefusedError(f"No such file or directory: set {name}")
        return self._table(table).sets[name]

    def _chain(self, table: str, name: str) -> FakeChain:
        if name not in self._table(table).chains:
            raise RefusedError(f"No such file or directory: chain {name}")
        return self._table(table).chains[name]


def _parse_base(name: str, description: str) -> Chain:
    found = re.fullmatch(
        r"type (\w+) hook (\w+) priority srcnat ([+-]) (\d+); policy (\w+);", description
    )
    if not found:
        raise RefusedError("syntax error in the chain")
    kind, hook, sign, offset, policy = found.groups()
    return Chain(name, kind, hook, SRCNAT + int(sign + offset), policy)


def _parse_elements(family: Family, text: str) -> list[Interval]:
    return [_parse_element(family, element) for element in text.split(", ")]


def _parse_element(family: Family, text: str) -> Interval:
    """`10.0.0.0/8`, `10.0.0.1` or `10.0.0.1-10.0.0.9`."""
    try:
        if "/" in text:
            prefix = Prefix.parse(text)
            found, first, last = prefix.family, prefix.first, prefix.last
        else:
            start, _, end = text.partition("-")
            found, first = parse_address(start)
            other, last = parse_address(end or start)
            if found is not other or first > last:
                raise RefusedError(f"{text}: range has zero or negative size")
    except (PrefixError, ValueError) as error:
        raise RefusedError(f"{text}: {error}") from error
    if found is not family:
        raise RefusedError(f"{text}: datatype mismatch, expected an IPv{family:d} address")
    return first, last


def _refuse_long(comment: str) -> None:
    if len(comment) > COMMENT_MAX:
        raise RefusedError(f"comment too long, {COMMENT_MAX} characters maximum allowed")
