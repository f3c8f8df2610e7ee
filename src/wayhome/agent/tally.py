"""What has happened since the start, counted: the facts behind metrics, health and readiness.

Written on the keeper's thread and read on the loop's, without a lock: a scrape in the middle of an event may see one
of its counters a moment before the other.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from wayhome.agent.exposition import Histogram
from wayhome.agent.holding import Held
from wayhome.kernel import Change, ChangeKind
from wayhome.kernel.pace import QUIET_SECONDS

if TYPE_CHECKING:
    from wayhome.kernel.foreign.report import Report

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Tally:
    """Counts the keeper's events."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.held: Held | None = None
        """What the source says now."""
        self.applied_held: Held | None = None
        """What the kernel holds."""
        self.applied_at = 0.0
        """When the kernel got it, in seconds since the epoch; 0 before."""
        self.verified_at = 0.0
        """When the kernel was last compared with it, likewise."""
        self.problem = ""
        """Why the kernel does not hold what it shall, as it says itself."""
        self._quarrel_until = 0.0
        self.changes: Counter[str] = Counter({kind.value: 0 for kind in ChangeKind})
        self.repairs: Counter[str] = Counter()
        self.kernel_errors = 0
        self.rejections = 0
        self.unreadable = 0
        self.not_remembered_count = 0
        self.delay = Histogram(*_BOUNDS)
        self.report: Report | None = None
        """What the last look at the rules of others has found; None where nobody looked, or the look failed."""
        self.looked_at = 0.0
        """When that was, in seconds since the epoch."""
        self.look_failures = 0
        self.bypassed: bool | None = None
        """Whether packets of Pods go past netfilter; None where that has not been judged yet."""

    @property
    def quarrel(self) -> bool:
        """Whether somebody keeps damaging the rules, or did until QUIET_SECONDS ago."""
        return self._clock() < self._quarrel_until

    @property
    def ready(self) -> bool:
        """Whether the newest valid configuration is in the kernel, as far as is known, whoever brought it there."""
        held, applied = self.held, self.applied_held
        return (
            held is not None
            and applied is not None
            and held.configuration == applied.configuration
            and not self.problem
            and not self.disagreement
        )

    @property
    def disagreement(self) -> str:
        """What the rules of others, which are only observed, decide otherwise; empty where they do not."""
        return self.report.disagreements[0] if self.report and self.report.disagreements else ""

    def source(self, held: Held) -> None:
        """Count what is wrong with the source."""
        if held.rejected:
            self.rejections += 1
        elif held.unreadable:
            self.unreadable += 1
        self.held = held
        if self.applied_held and held.configuration == self.applied_held.configuration:
            self.applied_held = (
                held  # another text that means the same, or the same on another footing
            )

    def applied(self, held: Held, change: Change, seconds: float) -> None:
        """Count a change of the configuration."""
        self.changes[change.kind.value] += 1
        self.delay.observe(seconds)
        self.applied_held, self.applied_at = held, self._clock()

    def repaired(self, change: Change, *, alarm: bool, next_in: float) -> None:  # noqa: ARG002  # an observer's
        """Count a repair by what was damaged."""
        self.repairs[change.damage] += 1
        self._quarrel_until = self._clock() + QUIET_SECONDS if alarm else 0.0

    def verified(self) -> None:
        """The kernel holds what it shall."""
        self.problem, self.verified_at = "", self._clock()

    def kernel_refused(self, problem: str, retry_in: float) -> None:  # noqa: ARG002
        """Count a refusal."""
        self.kernel_errors += 1
        self.problem = problem

    def not_remembered(self, problem: str) -> None:  # noqa: ARG002
        """Count a failure of the disk."""
        self.not_remembered_count += 1

    def looked(self, report: "Report") -> None:
        """A look at the rules of others came to an end."""
        self.report, self.looked_at = report, self._clock()

    def not_looked(self) -> None:
        """Count one that failed."""
        self.report = None
        self.look_failures += 1


def digest(held: Held | None) -> str:
    """SHA-256 of the configuration's text, as `sha256sum FILE` prints it; empty for the defaults."""
    if held is None or held.data is None:
        return ""
    return hashlib.sha256(held.data).hexdigest()
