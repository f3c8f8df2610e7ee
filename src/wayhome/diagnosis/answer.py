"""The whole answer to a question: what becomes of the flow, why, and which repairs work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from wayhome.clouds.estate import Estate
from wayhome.diagnosis.cause import Found
from wayhome.diagnosis.causes import find_cause
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.combine import tried
from wayhome.diagnosis.repairs.kinds import FOLLOW_UPS, KINDS
from wayhome.diagnosis.repairs.proposal import Kind, NotPossible
from wayhome.diagnosis.repairs.ranking import ranked
from wayhome.diagnosis.repairs.replay import Replay
from wayhome.diagnosis.situation import Situation


@dataclass(frozen=True)
class Answer:
    """`found` is None where nothing is lost for certain. `repairs` are in the order in which they are recommended."""

    situation: Situation
    found: Found | None
    repairs: tuple[Replay, ...]
    not_possible: tuple[NotPossible, ...]

    @classmethod
    def to(cls, estate: Estate, question: Question, kinds: Sequence[Kind] = KINDS) -> Self:
        """Answer a question. Raises EndpointError and NetworkError."""
        situation = Situation.of(estate, question)
        found = find_cause(situation)
        if situation.works:
            return cls(situation, found, (), ())
        repairs = list(tried(situation, kinds, FOLLOW_UPS))
        return cls(
            situation,
            found,
            ranked(one for one in repairs if isinstance(one, Replay)),
            tuple(one for one in repairs if isinstance(one, NotPossible)),
        )
