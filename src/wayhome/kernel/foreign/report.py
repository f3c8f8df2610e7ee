"""The question that a look at the rules of others answers, and its answer, as two small documents. Pure.

Reading everybody's rules starts the node's own programs and takes six times the agent's memory beside 50,000 rules, so
the agent has it done by a process of its own (`look`). What passes between the two is JSON: the policy's intervals one
way, and a few sentences and numbers the other way. This module is all of it that the agent itself imports.
"""

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from wayhome.policy import Policy
from wayhome.prefixes import Family, Intervals

SCHEMA = 1
MOST_CONFLICTS = 50
"""Sentences in one report."""

ByFamily = Mapping[Family, Intervals]


class Decider(enum.StrEnum):
    """Whose rules are to decide about the destinations: everything else that translates is in conflict with them."""

    TABLE = "table"
    """Our table `inet wayhome`."""
    CHAIN = "chain"
    """A chain of iptables of ours."""
    ANY_AGENT = "any-agent"
    """Whatever masquerade agent runs on the node; what its rules decide is compared with the question."""


@dataclass(frozen=True, slots=True)
class Question:
    """What shall be decided on this node, and by whom."""

    keep: ByFamily
    """The destinations that see the Pod's own address, by family; every other one sees the node's."""
    pods: ByFamily | None
    """This node's Pod ranges; None where they are not known."""
    decider: Decider
    asserts: bool = False
    """Whether our table asserts what it keeps (`--preserve assert`)."""
    chain: str = ""
    """The chain's name where one of iptables decides."""

    @classmethod
    def of(
        cls, policy: Policy, decider: Decider, *, asserts: bool = False, chain: str = ""
    ) -> Self:
        """The question whether a policy is what is decided."""
        keep = {family: policy.kept(family) for family in policy.families}
        return cls(keep, pods_of(policy), decider, asserts, chain)

    def text(self) -> str:
        """As a document."""
        return json.dumps(
            {
                "schema": SCHEMA,
                "keep": _written(self.keep),
                "pods": None if self.pods is None else _written(self.pods),
                "decider": self.decider.value,
                "asserts": self.asserts,
                "chain": self.chain,
            }
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the document. Raises ValueError, KeyError or TypeError for what is none."""
        document = _document(text)
        pods = document["pods"]
        return cls(
            _read(document["keep"]),
            None if pods is None else _read(pods),
            Decider(document["decider"]),
            document["asserts"],
            document["chain"],
        )


@dataclass(frozen=True, slots=True)
class ForeignRules:
    """Rules of others that do the same: what, and what helps, in one sentence; rules that come and go do not change it."""

    sentence: str
    certain: bool
    """Whether every connection to the destinations named meets them."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a look has found. Every text is printable."""

    conflicts: tuple[ForeignRules, ...] = ()
    """The first of them; the numbers count all."""
    certain: int = 0
    """Rules of others that translate what is decided otherwise, or translate it first."""
    conditional: int = 0
    """Those that do so under conditions that only a packet can tell."""
    deciders: tuple[str, ...] | None = None
    """The chains and tables that decide here; None where that was not asked."""
    disagreements: tuple[str, ...] = ()
    """What they decide otherwise than the question says."""

    @property
    def is_cut(self) -> bool:
        """Whether there may be more conflicts than are told."""
        return len(self.conflicts) >= MOST_CONFLICTS

    def text(self) -> str:
        """As a document."""
        return json.dumps(
            {
                "schema": SCHEMA,
                "conflicts": [[one.sentence, one.certain] for one in self.conflicts],
                "certain": self.certain,
                "conditional": self.conditional,
                "deciders": self.deciders,
                "disagreements": self.disagreements,
            }
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the document. Raises ValueError, KeyError or TypeError for what is none."""
        document = _document(text)
        deciders = document["deciders"]
        return cls(
            tuple(ForeignRules(sentence, certain) for sentence, certain in document["conflicts"]),
            document["certain"],
            document["conditional"],
            None if deciders is None else tuple(deciders),
            tuple(document["disagreements"]),
        )


def pods_of(policy: Policy) -> ByFamily | None:
    """A policy's Pod ranges; None where it is about whatever leaves the node."""
    if policy.pod_cidrs is None:
        return None
    spans: dict[Family, list[tuple[int, int]]] = {}
    for prefix in policy.pod_cidrs:
        spans.setdefault(prefix.family, []).append((prefix.first, prefix.last))
    return {family: Intervals.of(found) for family, found in spans.items()}


def _document(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    if document["schema"] != SCHEMA:
        raise ValueError(f"schema {document['schema']}")
    return document


def _written(intervals: ByFamily) -> dict[str, list[tuple[int, int]]]:
    return {str(int(family)): list(held.spans) for family, held in intervals.items()}


def _read(written: dict[str, list[tuple[int, int]]]) -> ByFamily:
    return {
        Family(int(family)): Intervals.of((first, last) for first, last in spans)
        for family, spans in written.items()
    }
