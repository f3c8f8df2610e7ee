"""The static part of our table: its chain, its sets without elements, its counter, and its rules.

A change of the list changes only elements. The skeleton changes with the options (the scope, IPv6, ports), with the
first line that wants masquerading, and with the version of this program; rules are recognised as those of this very
skeleton by the digest in the last one's comment, which goes and comes with them. It is over the text that nft is
given, so nobody has to remember to raise a version. It is a CRC because it tells versions apart and keeps no attacker
out, and because hashlib's OpenSSL would cost the agent 4 MiB of memory.

Every rule has a comment that a person reads in `nft list table inet wayhome`; the comments are also how our rules
are known when they are read back, so no two are alike.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

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
    """A rule in nft's syntax, and what it is for."""

    statement: str
    comment: str


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Our table without the elements of its sets."""

    chain: Chain
    sets: tuple[SetType, ...]
    rules: tuple[Rule, ...]

    @property
    def comments(self) -> tuple[str, ...]:
        """The rules' comments, in order; the last one has the digest."""
        *first, last = (rule.comment for rule in self.rules)
        return (*first, f"{last}{STAMP}{self._digest()}")

    def set_commands(self, kinds: Iterable[SetType]) -> Iterator[str]:
        """The nft commands that make sets, one on each line (nft 1.0.6 refuses some one-liners)."""
        for kind in kinds:
            counter = " counter;" if kind.counted else ""
            yield f"add set inet {TABLE} {kind.name} {{ type {kind.type}; flags {kind.flags};{counter} }}"

    def chain_command(self) -> str:
        """The nft command that makes the chain."""
        chain, offset = self.chain, self.chain.priority - SRCNAT
        priority = f"srcnat {'+' if offset > 0 else '-'} {abs(offset)}"
        return (
            f"add chain inet {TABLE} {chain.name} {{ type {chain.type} hook {chain.hook} "
            f"priority {priority}; policy {chain.policy}; }}"
        )

    def rule_commands(self) -> Iterator[str]:
        """The nft commands that make the rules."""
        for rule, comment in zip(self.rules, self.comments, strict=True):
            yield f'add rule inet {TABLE} {self.chain.name} {rule.statement} comment "{comment}"'

    def _digest(self) -> str:
        rules = (f"{rule.statement} {rule.comment}" for rule in self.rules)
        return f"{zlib.crc32(chr(10).join([*self.set_commands(self.sets), self.chain_command(), *rules]).encode()):08x}"
