"""Rounds in which every measurement of a candidate stands between two of its peer.

What a machine does besides changes over seconds. The mean of the peer before and after is what the peer would have
had at the time of the candidate.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Measure = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Pair:
    """A candidate's measurement and the mean of its two neighbours."""

    candidate: float
    peer: float

    @property
    def ratio(self) -> float:
        """How many times the peer's."""
        return self.candidate / self.peer

    @property
    def difference(self) -> float:
        """How much more than the peer's."""
        return self.candidate - self.peer


def interleaved(
    rounds: int, peer: Measure, candidates: Mapping[str, Measure], say: Callable[[str], None]
) -> dict[str, list[Pair]]:
    """As many pairs for each candidate as there are rounds. What is slow only once is done before."""
    peer()
    pairs: dict[str, list[Pair]] = {name: [] for name in candidates}
    for number in range(1, rounds + 1):
        before = peer()
        for name, candidate in candidates.items():
            say(f"round {number} of {rounds}: {name}")
            measured, after = candidate(), peer()
            pairs[name].append(Pair(measured, (before + after) / 2))
            before = after
    return pairs
