"""The static part of our table: its chain, its sets without elements, its counter, and its rules.

A change of the list changes only elements. The skeleton changes with the options (the scope, IPv6, ports), with the
first line that wants masquerading, and with the version of this program; rules are recognised as those of this very
skeleton by the digest in the last one's comment, which goes and comes with them. It is over what is written, the
expressions too, so nobody has to remember to raise a version. It is a CRC because it tells versions apart and keeps no
attacker out, and because hashlib's OpenSSL would cost the agent 4 MiB of memory.

Every rule has a comment that a person reads in `nft list table inet wayhome`; the comments are also how our rules
are known when they are read back, so no two are alike.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from wayhome.kernel.statements import Statement
from wayhome.prefixes import Family

TABLE = "wayhome"
CHAIN = "postrouting"
TABLE_COMMENT = "written by wayhome"
COUNTER = "masqueraded"
"""It counts what comes to the translation."""
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
class Skeleton:
    """Our table without the elements of its sets."""

    chain: Chain
    sets: tuple[SetType, ...]
    rules: tuple[Rule, ...]
    """The last one's comment has the digest."""

    @property
    def comments(self) -> tuple[str, ...]:
        """The rules' comments, in order."""
        return tuple(rule.comment for rule in self.rules)


def stamped(chain: Chain, sets: Iterable[SetType], rules: Iterable[Rule]) -> Skeleton:
    """A skeleton out of its parts, with the digest in the last rule's comment."""
    kinds, (*first, last) = tuple(sets), rules
    written = [(rule.comment, rule.expressions) for rule in (*first, last)]
    digest = zlib.crc32(repr((chain, kinds, written)).encode())
    return Skeleton(
        chain, kinds, (*first, replace(last, comment=f"{last.comment}{STAMP}{digest:08x}"))
    )
