"""Which translations of others meet the connections about which our table decides. Pure.

All nat chains at a hook form one list by priority, whoever wrote them, and a connection takes the first translation
that it meets. A `return` of ours ends only our chain, so:

- towards a destination that keeps the Pod's address every translation of others breaks the promise, before and after
  our chain, unless the address is asserted before it;
- towards any other destination a translation that comes before ours takes the connection.

Chains of equal priority are called newest first, and nothing tells their age: what stands beside ours may come before.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from wayhome.kernel.foreign.ours import Ours
from wayhome.netfilter.rules import BaseChain, Variant
from wayhome.netfilter.walk import Subject, Translation, translations
from wayhome.netfilter.writers import Writer, writer_of
from wayhome.prefixes import Family, Intervals

ASSERTING_PRIORITY = 90
"""Of our chain with `--preserve assert`: srcnat - 10."""


_PROGRAMS = {"ip": "iptables", "ip6": "ip6tables"}


class Order(enum.StrEnum):
    """When the kernel meets a chain, seen from ours."""

    BEFORE = "before"
    AFTER = "after"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Conflict:
    """One rule of others and what it does to our decisions."""

    base: BaseChain
    translation: Translation
    order: Order
    breaks: Intervals
    """Destinations that shall see the Pod's address, and do not."""
    takes: Intervals
    """Destinations that shall see the node's address, translated by this rule first."""
    writer: Writer | None

    @property
    def certain(self) -> bool:
        """Whether every connection to these destinations meets the rule."""
        return self.translation.is_certain

    @property
    def removal(self) -> str:
        """The shell command that removes this very rule, until its writer comes back."""
        rule = self.translation.rule
        if self.base.variant is Variant.NATIVE:
            chain = f"{self.base.family} {self.base.table} {rule.chain}"
            return f"nft delete rule {chain} handle {rule.number}"
        program = str(self.base.variant).replace("iptables", _PROGRAMS[self.base.family])
        return f"{program} -t nat -D {rule.chain} {rule.number}"

    @property
    def assertion_helps(self) -> bool | None:
        """Whether `--preserve assert` would undo it; None where the order would be unknown."""
        if self.base.priority == ASSERTING_PRIORITY:
            return None
        return self.base.priority > ASSERTING_PRIORITY


def order_of(base: BaseChain, ours: Ours) -> Order:
    """Whether a chain comes before or after ours."""
    if base.priority == ours.priority:
        return Order.UNKNOWN
    return Order.BEFORE if base.priority < ours.priority else Order.AFTER


def conflicts(
    chains: Iterable[BaseChain], ours: Ours, pods: Mapping[Family, Intervals] | None
) -> tuple[Conflict, ...]:
    """All conflicts, in the order of the chains. `pods` are this node's Pod ranges; None where they are not known."""
    return tuple(c for base in chains for c in _of_chain(base, ours, pods))


def _of_chain(
    base: BaseChain, ours: Ours, pods: Mapping[Family, Intervals] | None
) -> Iterator[Conflict]:
    order = order_of(base, ours)
    for family, keep in ours.keep.items():
        if pods is not None and family not in pods:
            continue  # this node has no Pods of that family
        subject = Subject(family, None if pods is None else pods[family])
        for translation in translations(base, subject):
            writer = writer_of(base, translation.path)
            breaks = translation.destinations.intersection(keep)
            if translation.keeps_the_address or (ours.asserts and order is Order.AFTER):
                breaks = Intervals()
            takes = translation.destinations.minus(keep)
            if order is Order.AFTER:
                takes = Intervals()
            if (breaks or takes) and not (writer and writer.intended):
                yield Conflict(base, translation, order, breaks, takes, writer)
