"""How often we may change the kernel's tables, and how often repair them. Pure: the caller says what time it is.

Every transaction raises the namespace's generation, and whoever prepares a large one against an older generation
has to start again: a tight loop of one-element transactions once stretched a restore of 52,000 rules from 1.3 s to
246 s. So there are at most five in any second.

A table that somebody damages again and again is a quarrel that we would win at the node's expense. The first repair
is immediate, further ones are spaced more and more, up to one a minute, and after a few of them it is an alarm.
After a quiet time all is forgotten.
"""

import math
from collections import deque

QUIET_SECONDS = 600.0
"""After as long without damage a quarrel is over."""


class TransactionPace:
    """At most `limit` transactions in any `window` seconds."""

    def __init__(self, limit: int = 5, window: float = 1.0) -> None:
        self._limit = limit
        self._window = window
        self._latest: deque[float] = deque(maxlen=limit)

    def delay(self, now: float) -> float:
        """Seconds until the next transaction may be made."""
        if len(self._latest) < self._limit:
            return 0.0
        return max(0.0, self._latest[0] + self._window - now)

    def record(self, now: float) -> None:
        """A transaction was made."""
        self._latest.append(now)


class RepairBackoff:
    """Spaces repairs: the second may come 1 s after the first, then 2, 4, … `longest` seconds."""

    def __init__(
        self, longest: float = 60.0, quiet: float = QUIET_SECONDS, alarm_after: int = 5
    ) -> None:
        self._longest = longest
        self._quiet = quiet
        self._alarm_after = alarm_after
        self._repairs = 0
        self._last = -math.inf

    def record(self, now: float) -> bool:
        """A repair was made. Whether this is by now a quarrel that a person has to end."""
        if now - self._last >= self._quiet:
            self._repairs = 0
        self._repairs += 1
        self._last = now
        return self._repairs >= self._alarm_after

    @property
    def not_before(self) -> float:
        """When the next repair may be made."""
        return self._last + min(self._longest, 2.0 ** (min(self._repairs, 32) - 1))
