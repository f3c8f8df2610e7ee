"""The whole answer to a question: what becomes of the flow, why, and which repairs work."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from wayhome.clouds.estate import Estate
from wayhome.diagnosis.cause import Found
from wayhome.diagnosis.causes import find_cause
from wayhome.diagnosis.causes.doubts import AT_TIMES
from wayhome.diagnosis.causes.likely import likely_cause
from wayhome.diagnosis.causes.unexamined import Unexamined, unexamined
from wayhome.diagnosis.notes import notes
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.beyond import beyond_doubt
from wayhome.diagnosis.repairs.combine import tried
from wayhome.diagnosis.repairs.kinds import FOLLOW_UPS, KINDS
from wayhome.diagnosis.repairs.proposal import Kind, NotPossible
from wayhome.diagnosis.repairs.ranking import ranked
from wayhome.diagnosis.repairs.replay import Replay
from wayhome.diagnosis.situation import Situation
from wayhome.network import Verdict


@dataclass(frozen=True)
class Answer:
    """`found` is None where nothing is lost for certain; `likely` is what an UNDETERMINED flow very probably suffers from.

    `repairs` are in the order in which they are recommended.
    """

    situation: Situation
    found: Found | None
    repairs: tuple[Replay, ...] = ()
    not_possible: tuple[NotPossible, ...] = ()
    likely: Found | None = None

    @property
    def verdict(self) -> Verdict:
        """The trace's; AMBIGUOUS where it comes home, and not for every packet."""
        verdict = self.situation.trace.verdict
        if verdict is Verdict.REACHABLE and self.found and self.found.cause in AT_TIMES:
            return Verdict.AMBIGUOUS
        return verdict

    @property
    def certain(self) -> bool:
        """Whether it is known what becomes of the flow, each time or at times."""
        return self.situation.trace.verdict is not Verdict.UNDETERMINED

    @cached_property
    def unexamined(self) -> tuple[Unexamined, ...]:
        """Causes that were not looked for."""
        return unexamined(self.situation)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What else was seen on the way."""
        return notes(self.situation)

    @classmethod
    def to(cls, estate: Estate, question: Question, kinds: Sequence[Kind] = KINDS) -> Self:
        """Answer a question. Raises EndpointError and NetworkError."""
        situation = Situation.of(estate, question)
        found = find_cause(situation)
        if situation.works:
            return cls(situation, found, (), tuple(beyond_doubt(found)) if found else ())
        repairs = list(tried(situation, kinds, FOLLOW_UPS))
        return cls(
            situation,
            found,
            ranked(one for one in repairs if isinstance(one, Replay)),
            tuple(one for one in repairs if isinstance(one, NotPossible)),
            likely_cause(situation),
        )
