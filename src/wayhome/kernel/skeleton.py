"""The static part of our table: its chain, its sets without elements, its counter, and its rules.

A change of the list changes only elements. The skeleton changes with the options (the scope, IPv6, ports), with the
first line that wants masquerading, and with the version of this program; a table is recognised as holding this very skeleton by the digest in its comment. The
digest is over the text that nft is given, so nobody has to remember to raise a version. It is a CRC because it
tells versions apart and keeps no attacker out, and because hashlib would cost the agent 4 MiB of memory (OpenSSL).

Every rule has a comment that a person reads in `nft list table inet wayhome`; the comments are also how our rules
are known when they are read back, so no two are alike.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from wayhome.prefixes import Family

TABLE = "wayhome"
CHAIN = "postrouting"
COUNTER = "masqueraded"
"""It counts what comes to the translation."""
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
    def comment(self) -> str:
        """The comment of a table that holds this skeleton."""
        digest = zlib.crc32("\n".join(self._body()).encode())
        return f"written by wayhome; rules {digest:08x}"

    def commands(self, packets: int = 0, octets: int = 0) -> Iterator[str]:
        """The nft commands that make it where there is no table, one on each line (nft 1.0.6 refuses some one-liners).

        `packets` and `octets` are what the counter begins with.
        """
        yield f'add table inet {TABLE} {{ comment "{self.comment}"; }}'
        yield f"add counter inet {TABLE} {COUNTER} {{ packets {packets} bytes {octets} }}"
        yield from self._body()

    def _body(self) -> Iterator[str]:
        for kind in self.sets:
            counter = " counter;" if kind.counted else ""
            yield f"add set inet {TABLE} {kind.name} {{ type {kind.type}; flags {kind.flags};{counter} }}"
        chain, offset = self.chain, self.chain.priority - SRCNAT
        priority = f"srcnat {'+' if offset > 0 else '-'} {abs(offset)}"
        yield (
            f"add chain inet {TABLE} {chain.name} {{ type {chain.type} hook {chain.hook} "
            f"priority {priority}; policy {chain.policy}; }}"
        )
        for rule in self.rules:
            yield f'add rule inet {TABLE} {chain.name} {rule.statement} comment "{rule.comment}"'
