"""Where a packet died, in the words of the recognisers: the hop, its VPC network, the addresses that it had there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from wayhome.clouds.gcp.resources.network import Network, Peering
from wayhome.clouds.kubernetes.attach import clusters_of, host_name
from wayhome.clouds.kubernetes.resources.node import Node as KubernetesNode
from wayhome.clouds.located import Located
from wayhome.diagnosis.causes.policy_rule import said_of
from wayhome.diagnosis.path import vpc_of
from wayhome.diagnosis.situation import Situation
from wayhome.network import Address, Drop, Evidence, Node, NodeKind
from wayhome.trace import Hop, Lost, Step
from wayhome.trace.hop import DROP

_AT_PORT = re.compile(r"(?P<step>[A-Z_]+) at port (?P<port>.*?)(?P<default>, by default)?")


@dataclass(frozen=True)
class Scene:
    """A lost packet. Made only where something dropped it for certain."""

    situation: Situation
    drop: Drop
    lost: Lost

    @classmethod
    def of(cls, situation: Situation) -> "Scene | None":
        """The scene of what is shown; None where nothing was dropped."""
        drop, lost = situation.trace.drop, situation.trace.lost
        return None if drop is None or lost is None else cls(situation, drop, lost)

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The way on which it was lost."""
        trace = self.situation.trace
        return trace.forward if self.lost is Lost.FORWARD else trace.reply

    @property
    def died_at(self) -> Hop:
        """The last hop."""
        return self.hops[-1]

    @property
    def node(self) -> Node:
        """The node that dropped it."""
        return self.situation.network.places[self.died_at.node].node

    @cached_property
    def vpc(self) -> Located[Network] | None:
        """The VPC network in which it died: the last one on its way."""
        for hop in reversed(self.hops):
            if found := vpc_of(hop.node):
                return self.situation.estate.get(Network, found)
        return None

    @property
    def towards(self) -> Address:
        """Where the packet was going when it died: on the way home, to the source that the destination saw."""
        trace = self.situation.trace
        if self.lost is Lost.FORWARD:
            return trace.flow.destination
        return self.seen_source

    @property
    def seen_source(self) -> Address:
        """The source that the destination saw, or would have seen."""
        return self.situation.trace.shown.result.packet.source

    @property
    def translated(self) -> bool:
        """Whether the source's address was translated on the way out."""
        return self.seen_source != self.situation.trace.flow.source

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What the last hops rest on, the most important first."""
        found = [self.drop.evidence]
        found += [step.evidence for hop in reversed(self.hops[-2:]) for step in reversed(hop.steps)]
        return unique(found)

    def steps(self, kind: str) -> Iterator[Step]:
        """The steps of a kind on the way out."""
        for hop in self.situation.trace.forward:
            yield from (step for step in hop.steps if step.kind == kind)

    @property
    def refused_by(self) -> str:
        """The object that refused it, and how."""
        drop = self.drop
        who = said_of(self.situation.estate, drop.evidence) if drop.evidence else self.node.name
        said = _AT_PORT.fullmatch(drop.detail)
        if said is None:
            return f"{who} refuses it ({drop.detail})" if drop.detail else f"{who} refuses it"
        direction = "ingress" if "INGRESS" in said["step"] else "egress"
        by_default = ", where no rule allows it" if said["default"] else ""
        return f"{who} refuses it ({direction} at {said['port']}{by_default})"

    @property
    def decided(self) -> tuple[Evidence, ...]:
        """The object that dropped it alone, where one did."""
        return unique([self.drop.evidence]) or self.evidence

    @property
    def dropped_by(self) -> str:
        """What the step that dropped it says."""
        return next((step.detail for step in self.died_at.steps if step.kind == DROP), "")

    def hosts(self) -> Iterator[Located[KubernetesNode]]:
        """The cluster's nodes on the way out: the first of them is where the source runs."""
        by_host = {
            host_name(node): node
            for cluster in clusters_of(self.situation.estate)
            for node in self.situation.estate.of(KubernetesNode, cluster)
        }
        for hop in self.situation.trace.forward:
            if hop.node in by_host:
                yield by_host[hop.node]

    @property
    def from_pod(self) -> bool:
        """Whether a Pod with an address of its own asks."""
        return (
            self.situation.network.places[self.situation.asked.source.node].node.kind
            is NodeKind.POD
        )

    def peerings(self, network: str) -> tuple[Peering, ...]:
        """A network's peerings."""
        found = self.situation.estate.get(Network, network)
        return found.value.peerings if found else ()


def unique(found: "list[Evidence | None]") -> tuple[Evidence, ...]:
    """Each once, in order."""
    return tuple(dict.fromkeys(one for one in found if one is not None))
