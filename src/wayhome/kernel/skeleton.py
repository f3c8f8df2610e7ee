"""The static part of our table: its chains with their rules, its sets without elements, and its counters.

There is always the chain that translates. With `--accounting` there is a second one, which counts packets; the first
rules, sets and counter are the same with it and without.

A change of the list changes only elements. The skeleton changes with the options (the scope, IPv6, ports), with the
first line that wants masquerading, and with the version of this program; rules are recognised as those of this very
skeleton by the digest in the comment of the translating chain's last one, which goes and comes with them. It is over
what is written in both chains, the expressions too, so nobody has to remember to raise a version. It is a CRC because it tells versions apart and keeps no
attacker out, and because hashlib's OpenSSL would cost the agent 4 MiB of memory.

Every rule has a comment that a person reads in `nft list table inet wayhome`; the comments are also how our rules
are known when they are read back, so no two of a chain are alike.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from wayhome.kernel.statements import Statement
from wayhome.prefixes import Family

TABLE = "wayhome"
CHAIN = "postrouting"
"""The chain that translates."""
ACCOUNTING_CHAIN = "accounting"
"""The chain that counts packets."""
CHAINS = (CHAIN, ACCOUNTING_CHAIN)
"""All chains that a table of ours may have, in the order of a skeleton."""
TABLE_COMMENT = "written by wayhome"
COUNTER = "masqueraded"
"""It counts what comes to the translation."""
SENT_ELSEWHERE = "sent_elsewhere"
"""It counts the packets to destinations that no line names, in the chain that counts packets."""
COUNTERS = frozenset((COUNTER, SENT_ELSEWHERE))
"""All counters that a table of ours may have."""
STAMP = "; rules "
"""What stands before the digest."""
SRCNAT = 100
"""NF_IP_PRI_NAT_SRC, the priority that nft calls `srcnat`."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A base chain: where netfilter calls it, and what becomes of a packet that falls off its end."""

    name: str
    type: str
    hook: str
    priority: int
    policy: str


@dataclass(frozen=True, slots=True)
class SetType:
    """A set's name, the type of its keys and its flags, in nft's words."""

    name: str
    type: str
    flags: str = "interval"
    counted: bool = field(default=False, compare=False)
    """Whether the kernel counts what meets each element. Not compared: the policy holds without it, and Linux before
    5.7 does not know it."""

    @property
    def family(self) -> Family:
        """The family of the addresses in it."""
        return Family.IPV6 if self.type == "ipv6_addr" else Family.IPV4


@dataclass(frozen=True, slots=True)
class Rule:
    """What is asked and done, in order, and what it is for."""

    statements: tuple[Statement, ...]
    comment: str

    @property
    def text(self) -> str:
        """The statements in nft's language."""
        return " ".join(statement.text for statement in self.statements)

    @property
    def expressions(self) -> bytes:
        """The statements as expressions of nf_tables, each with what it requires, if no other one asked before."""
        written: list[bytes] = []
        for statement in self.statements:
            if statement.requires not in written:
                written.append(statement.requires)
            written.append(statement.expressions)
        return b"".join(written)


@dataclass(frozen=True, slots=True)
class RuledChain:
    """A chain and its rules."""

    chain: Chain
    rules: tuple[Rule, ...]

    @property
    def comments(self) -> tuple[str, ...]:
        """The rules' comments, in order."""
        return tuple(rule.comment for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Our table without the elements of its sets."""

    translation: RuledChain
    """The last rule's comment has the digest."""
    sets: tuple[SetType, ...]
    accounting: RuledChain | None = None
    """It counts packets, if that is asked for."""

    @property
    def chains(self) -> tuple[RuledChain, ...]:
        """The chains, in the order of `CHAINS`."""
        return (self.translation, self.accounting) if self.accounting else (self.translation,)

    @property
    def counters(self) -> tuple[str, ...]:
        """The names of the counters."""
        return (COUNTER, SENT_ELSEWHERE) if self.accounting else (COUNTER,)


def stamped(
    translation: RuledChain, sets: Iterable[SetType], accounting: RuledChain | None = None
) -> Skeleton:
    """A skeleton out of its parts, with the digest in the comment of the translation's last rule."""
    kinds, (*first, last) = tuple(sets), translation.rules
    more = ((accounting.chain, _written(accounting)),) if accounting else ()
    whole = (translation.chain, kinds, _written(translation), *more)
    digest = zlib.crc32(repr(whole).encode())
    rules = (*first, replace(last, comment=f"{last.comment}{STAMP}{digest:08x}"))
    return Skeleton(replace(translation, rules=rules), kinds, accounting)


def _written(ruled: RuledChain) -> list[tuple[str, bytes]]:
    return [(rule.comment, rule.expressions) for rule in ruled.rules]
