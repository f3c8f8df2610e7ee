"""A proposal, tried: applied to the estate, compiled, and traced in both directions."""

from dataclasses import dataclass

from wayhome.clouds.endpoints import EndpointError
from wayhome.diagnosis.cause import Found
from wayhome.diagnosis.causes import find_cause
from wayhome.diagnosis.repairs.proposal import Proposal
from wayhome.diagnosis.situation import Situation
from wayhome.network import NetworkError


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of it.

    `after` is None where the estate could not be changed or compiled; `problem` says why. `cause` is why the flow is
    still lost, and `side_effects` what else changes.
    """

    proposal: Proposal
    after: Situation | None
    problem: str = ""
    cause: Found | None = None
    side_effects: tuple[str, ...] = ()

    @property
    def works(self) -> bool:
        """Whether the flow then reaches its destination and comes home, and the cloud would take the change."""
        return self.after is not None and self.after.works and not self.proposal.refused


def replay(before: Situation, proposal: Proposal) -> Replay:
    """Try a proposal."""
    try:
        after = before.with_estate(proposal.changes.applied_to(before.estate))
    except (EndpointError, NetworkError, ValueError) as error:
        return Replay(proposal, None, str(error))
    return Replay(proposal, after, cause=find_cause(after))
