"""How an apply ended. Pure."""

import enum
from dataclasses import dataclass

from wayhome.cluster.must_reach import Proof
from wayhome.cluster.notes import Weight, notes, verdict
from wayhome.cluster.report import UNCOUNTED, Condition, Report


class Result(enum.Enum):
    """What became of the configuration."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    UNVERIFIED = "unverified"
    TIMED_OUT = "timed out"
    ROLLED_BACK = "rolled back"
    NOT_ROLLED_BACK = "not rolled back"
    MOVED = "changed by somebody else"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`reasons`: sentences, the decisive one first. `changed`: whether the ConfigMap is another than before."""

    result: Result
    reasons: tuple[str, ...] = ()
    report: Report | None = None
    proofs: tuple[Proof, ...] = ()
    version: str = ""
    """The ConfigMap's now, as far as it is known."""
    changed: bool = False
    interrupted: bool = False

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left on the ConfigMap that a next apply would have to take up."""
        return self.result in (
            Result.APPLIED,
            Result.UNVERIFIED,
            Result.UNCHANGED,
            Result.ROLLED_BACK,
        )

    @property
    def exit_code(self) -> int:
        """0 in force everywhere; 1 it is not, or not wanted; 3 that is not known."""
        if self.result in (Result.ROLLED_BACK, Result.NOT_ROLLED_BACK, Result.MOVED):
            return 1
        if self.result in (Result.TIMED_OUT, Result.UNKNOWN):
            return 3
        if not all(proof.holds for proof in self.proofs):
            return 1
        if self.report is None:
            return 3
        return 0 if self._is_proven(self.report) else verdict(self.report)

    def _is_proven(self, report: Report) -> bool:
        """Whether the proofs stand for agents that say nothing, and that is all that is missing."""
        if not self.proofs or any(note.weight in (Weight.ERROR, Weight.MISSING) for note in notes(report)):  # fmt: skip
            return False
        good = (Condition.CURRENT, Condition.UNVERIFIED, *UNCOUNTED)
        return all(row.condition in good for row in report.rows)
