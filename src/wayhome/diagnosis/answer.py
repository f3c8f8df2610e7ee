"""The whole answer to a question: what becomes of the flow, why, and which repairs work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from wayhome.clouds.estate import Estate
from wayhome.diagnosis.cause import Found
from wayhome.diagnosis.causes import find_cause
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.kinds import KINDS
from wayhome.diagnosis.repairs.proposal import Kind, NotPossible
from wayhome.diagnosis.repairs.replay import Replay, replay
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
        tried: list[Replay] = []
        not_possible: list[NotPossible] = []
        for kind in kinds:
            for one in kind(situation):
                if isinstance(one, NotPossible):
                    not_possible.append(one)
                else:
                    tried.append(replay(situation, one))
        return cls(situation, found, tuple(tried), tuple(not_possible))
