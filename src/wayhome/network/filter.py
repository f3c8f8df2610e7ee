"""Firewalls: stages of ordered rules on a port, in one direction.

In each stage the first rule that matches decides: it allows, denies, or hands over to the next stage, as a stage does
in which no rule matches. After the last stage the default holds. A stateful filter lets the replies of what its port
has let pass go the other way; the state is the port's own, so that two ports of one node never share it (a set of
five-tuples per port in a lab).

A filter sees a packet as it is routed: behind the translation of the destination on the way in, and before the
translation of the source on the way out, as in the kernel's forward hook. A reply's addresses there are those of its
flow, turned around.

A rule may match by something that no export says (a domain name, a country): it then carries `unknown`. Where its other
conditions hold, it may match or not; only if that makes a difference is the verdict UNDETERMINED. A policy that could
not be read is two such rules that match everything, one that allows and one that denies.

Filters are shared: one object for all ports that have the same rules.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from wayhome.network.address import Address
from wayhome.network.classifier import Classifier
from wayhome.network.evidence import Evidence
from wayhome.network.flow import Protocol
from wayhome.network.missing import Missing
from wayhome.network.prefix_set import PrefixSet
from wayhome.network.protocol_match import ProtocolMatch


class FilterAction(StrEnum):
    """What a rule does."""

    ALLOW = "allow"
    DENY = "deny"
    GOTO_NEXT = "goto_next"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRule:
    """One rule; what is None matches everything. `unknown`: it has one more condition, of which nothing is known."""

    action: FilterAction
    sources: PrefixSet | None = None
    destinations: PrefixSet | None = None
    protocols: tuple[ProtocolMatch, ...] | None = None
    evidence: Evidence | None = None
    unknown: Missing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A firewall of one direction.

    `step` is the analyzer's name for passing it, such as APPLY_INGRESS_FIREWALL_RULE, and `cause` the one for being
    dropped by it. `default` is ALLOW or DENY; `default_evidence` is the implied rule.
    """

    stages: tuple[tuple[FilterRule, ...], ...]
    default: FilterAction = FilterAction.DENY
    default_evidence: Evidence | None = None
    stateful: bool = True
    step: str = "APPLY_FIREWALL_RULE"
    cause: str = "FIREWALL_RULE"
    _classifiers: tuple[Classifier, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.default is FilterAction.GOTO_NEXT:
            raise ValueError(
                "after the last stage there is no next one: the default allows or denies"
            )
        classifiers = tuple(
            Classifier([(rule.sources, rule.destinations, rule.protocols) for rule in stage])
            for stage in self.stages
        )
        object.__setattr__(self, "_classifiers", classifiers)

    def matching(
        self, stage: int, source: Address, destination: Address, protocol: Protocol, port: int
    ) -> list[FilterRule]:
        """The rules of a stage whose known conditions hold, in order, up to the first that has no other."""
        rules, found = self.stages[stage], []
        for position in self._classifiers[stage].matching(source, destination, protocol, port):
            found.append(rules[position])
            if rules[position].unknown is None:
                break
        return found

    def about(self, stage: int, address: Address, *, as_source: bool) -> int:
        """The rules of a stage whose sources, or whose destinations, hold an address: a bit each."""
        return self._classifiers[stage].about(address, as_source=as_source)

    def port_edges(self, protocol: Protocol) -> set[int]:
        """The destination ports at which the answer may be another one than one port below."""
        return {edge for stage in self._classifiers for edge in stage.port_edges(protocol)}
