"""Nat chains of others as data: what a rule asks of a packet, and what becomes of the packet.

Only those conditions are told apart that the first packet of a Pod's connection can be held against before it is
sent: its destination, its source and its firewall mark. `Never` is what such a packet never fulfils (it is not sent by
the node itself, belongs to no established connection, does not go to the node). A condition that it always fulfils is
left out. Everything else is `Unknown`: a packet may fulfil it.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from wayhome.prefixes import Family, Intervals

AGENT_CHAINS = ("IP-MASQ-AGENT", "IP-MASQ")
"""The chains of masquerade agents, as upstream and Azure (the first) and GKE (the second) call them."""


class Variant(enum.StrEnum):
    """Who keeps the rules, and so which program reads and changes them."""

    NATIVE = "nft"
    IPTABLES_NFT = "iptables-nft"
    IPTABLES_LEGACY = "iptables-legacy"


@dataclass(frozen=True, slots=True)
class Destinations:
    """The destination is one of these."""

    text: str
    family: Family
    addresses: Intervals


@dataclass(frozen=True, slots=True)
class Sources:
    """The source is one of these."""

    text: str
    family: Family
    addresses: Intervals


@dataclass(frozen=True, slots=True)
class Mark:
    """The firewall mark, masked, is `value`; or, negated, is not."""

    text: str
    mask: int
    value: int
    negated: bool


@dataclass(frozen=True, slots=True)
class FamilyIs:
    """The packet is of this family."""

    text: str
    family: Family


@dataclass(frozen=True, slots=True)
class ToItself:
    """Source and destination are the same: a Pod that reaches itself through a Service, which has to be translated."""

    text: str


@dataclass(frozen=True, slots=True)
class Never:
    """Not the first packet of a connection from a Pod to another machine."""

    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Whether a packet fulfils it cannot be said beforehand."""

    text: str


Condition = Destinations | Sources | Mark | FamilyIs | ToItself | Never | Unknown


class Effect(enum.Enum):
    """What becomes of a packet that fulfils all conditions of a rule."""

    NEXT = "the next rule"
    RETURN = "return"
    END = "the end of this base chain"
    JUMP = "jump"
    GOTO = "goto"
    TRANSLATE = "translation of the source"
    IDENTITY = "translation of the source to itself"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `number` is nft's handle, or for iptables the rule's place in its chain, from 1."""

    chain: str
    number: int
    text: str
    """As iptables-save prints it, or in nft's words."""
    conditions: tuple[Condition, ...]
    effect: Effect
    target: str | None = None
    """The chain to which it jumps."""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class BaseChain:
    """A nat chain at the postrouting hook, with all chains of its table by name."""

    variant: Variant
    family: str
    """nft's word for the table's family: ip, ip6 or inet."""
    table: str
    name: str
    priority: int
    chains: Mapping[str, tuple[Rule, ...]]

    @property
    def families(self) -> tuple[Family, ...]:
        """The families of the packets that pass it."""
        return {"ip": (Family.IPV4,), "ip6": (Family.IPV6,)}.get(
            self.family, (Family.IPV4, Family.IPV6)
        )

    def __str__(self) -> str:
        return f"{self.family} {self.table} {self.name} ({self.variant})"
