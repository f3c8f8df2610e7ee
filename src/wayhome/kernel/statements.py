"""The statements that our rules are made of, as data: each knows its text in nft's language and its expressions.

Text and bytes come from the same fields, and stand side by side, so that what `wayhome policy render` prints is what
the agent writes over netlink. Here are those that act; those that test are in `matches`.

Some statements only make sense on packets of one kind: a source of four bytes is there in IPv4 alone. nft asks for the
kind without being told, once in a rule and right before the first statement that needs it; `requires` is that question.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from wayhome.kernel.expressions import (
    Base,
    Code,
    Comparison,
    Meta,
    compare,
    masquerade,
    meta,
    object_reference,
    payload,
    source_translation,
    verdict,
)
from wayhome.kernel.nf_tables import NFT_OBJECT_COUNTER
from wayhome.prefixes import Family

NFPROTO = {Family.IPV4: 2, Family.IPV6: 10}
"""linux/netfilter.h"""
HEADER = {Family.IPV4: "ip", Family.IPV6: "ip6"}
"""The headers' names in nft's language."""

AddressField = Literal["saddr", "daddr"]
_ADDRESS_AT: dict[tuple[Family, AddressField], int] = {
    (Family.IPV4, "saddr"): 12,
    (Family.IPV4, "daddr"): 16,
    (Family.IPV6, "saddr"): 8,
    (Family.IPV6, "daddr"): 24,
}


class Statement(ABC):
    """A test, or what is done with the packets that passed all tests before it.

    `str()` is its text, and `bytes()` its expressions, one after the other.
    """

    __slots__ = ()

    @property
    def requires(self) -> bytes:
        """The expressions that ask for packets of the kind that this statement is about."""
        return b""

    @abstractmethod
    def __str__(self) -> str: ...

    @abstractmethod
    def __bytes__(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Return(Statement):
    """Our chain has nothing more to say."""

    def __str__(self) -> str:
        return "return"

    def __bytes__(self) -> bytes:
        return verdict(Code.RETURN)


@dataclass(frozen=True, slots=True)
class Continue(Statement):
    """On to the next rule: the tests before were for their counters."""

    def __str__(self) -> str:
        return "continue"

    def __bytes__(self) -> bytes:
        return verdict(Code.CONTINUE)


@dataclass(frozen=True, slots=True)
class CountIn(Statement):
    """Count in a counter of the table."""

    name: str

    def __str__(self) -> str:
        return f'counter name "{self.name}"'

    def __bytes__(self) -> bytes:
        return object_reference(NFT_OBJECT_COUNTER, self.name)


@dataclass(frozen=True, slots=True)
class KeepSource(Statement):
    """Translate the source to itself, so that nobody translates it to something else."""

    family: Family

    def __str__(self) -> str:
        header = HEADER[self.family]
        return f"snat {header} to {header} saddr"

    @property
    def requires(self) -> bytes:
        """The family."""
        return of_family(self.family)

    def __bytes__(self) -> bytes:
        return address(self.family, "saddr") + source_translation(NFPROTO[self.family])


@dataclass(frozen=True, slots=True)
class Masquerades(Statement):
    """Translate the source to the address of the outgoing interface."""

    ports: tuple[int, int] | None
    """The first and the last port to choose from; after a test of the protocol only."""
    fully_random: bool

    def __str__(self) -> str:
        to = f" to :{self.ports[0]}-{self.ports[1]}" if self.ports else ""
        return f"masquerade{to}{' fully-random' if self.fully_random else ''}"

    def __bytes__(self) -> bytes:
        return masquerade(self.ports, fully_random=self.fully_random)


def of_family(family: Family) -> bytes:
    """Leave the rule unless the packet is of this family."""
    return meta(Meta.NFPROTO) + compare(Comparison.EQ, bytes([NFPROTO[family]]))


def address(family: Family, field: AddressField) -> bytes:
    """Load an address of the packet, which is of this family."""
    return payload(Base.NETWORK, _ADDRESS_AT[family, field], family.bits // 8)
