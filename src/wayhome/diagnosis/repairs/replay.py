"""A proposal, tried: applied to the estate, compiled, and traced in both directions."""

from dataclasses import dataclass, field
from functools import cached_property

from wayhome.clouds.endpoints import EndpointError
from wayhome.diagnosis.cause import Found
from wayhome.diagnosis.causes import find_cause
from wayhome.diagnosis.repairs.consequences import applied
from wayhome.diagnosis.repairs.proposal import Proposal
from wayhome.diagnosis.repairs.side_effects import SideEffects
from wayhome.diagnosis.situation import Situation
from wayhome.network import NetworkError
from wayhome.trace import Trace, trace, trace_reverse


@dataclass(frozen=True)
class Replay:
    """What became of it.

    `after` is None where the estate could not be changed or compiled; `problem` says why. `cause` is why the flow is
    still lost, and `side_effects` what else changes. `reasons` are why it stands where it does among the others.
    """

    proposal: Proposal
    before: Situation
    after: Situation | None
    problem: str = ""
    cause: Found | None = None
    side_effects: SideEffects = field(default_factory=SideEffects)
    reasons: tuple[str, ...] = ()

    @property
    def works(self) -> bool:
        """Whether the flow then reaches its destination and comes home, and the cloud would take the change."""
        return self.after is not None and self.after.works and not self.proposal.refused

    @cached_property
    def reverse(self) -> Trace | None:
        """Whether the destination could then open a connection to the source: the one that was asked about.

        A proxy, which is what the source then asks, is not it. None if nobody has the destination's address, or the
        estate could not be changed.
        """
        if self.after is None:
            return None
        if self.proposal.question is None:
            return self.after.reverse
        network, asked = self.after.network, self.before.asked
        return trace_reverse(network, trace(network, asked.flow, asked.source.node))


def replay(before: Situation, proposal: Proposal) -> Replay:
    """Try a proposal."""
    try:
        estate = applied(before, proposal.changes)
        after = Situation.of(estate, proposal.question or before.question)
    except (EndpointError, NetworkError, ValueError) as error:
        return Replay(proposal, before, None, str(error))
    return Replay(proposal, before, after, cause=find_cause(after))
