"""Tells the cluster without keeping anybody waiting: what the keeper's events set off, and the pace of all writes.

The keeper's thread only says that something has happened; what is told is read from the tally at the moment at which
it is told, so that many events are one message and no message is older than its words.

Whatever happens to a cluster's configuration happens to all nodes at once, and so would their writes. Each waits for a
time that is drawn from (nodes / NODES_PER_SECOND) s first; its back-off after a failure begins with twice that ceiling.
"""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress

from wayhome.agent.holding import Held
from wayhome.kernel import Change
from wayhome.kube.backoff import FIRST_CEILING, HIGHEST_CEILING, Backoff, Random
from wayhome.kube.errors import KubeError, RefusedError

NODES_PER_SECOND = 200
LONGEST_PAUSE = 600.0
"""The highest ceiling between two attempts at what is not permitted: no time mends that, but somebody may."""


class Nudge:
    """An observer that has `nudge` called on the event loop it was made on, after each event that may be told."""

    def __init__(self, nudge: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._nudge = nudge

    def source(self, held: Held) -> None:  # noqa: ARG002  # an observer's, as below
        """The source was looked at."""
        self._post()

    def applied(self, held: Held, change: Change, seconds: float) -> None:
        """Is followed by `verified`."""

    def repaired(self, change: Change, *, alarm: bool, next_in: float) -> None:
        """Is followed by `verified`."""

    def verified(self) -> None:
        """The kernel holds what it shall."""
        self._post()

    def kernel_refused(self, problem: str, retry_in: float) -> None:  # noqa: ARG002
        """It does not, or cannot be asked."""
        self._post()

    def not_remembered(self, problem: str) -> None:
        """Is the node's own matter."""

    def _post(self) -> None:
        with suppress(RuntimeError):  # the loop has ended, and nothing is told any more
            self._loop.call_soon_threadsafe(self._nudge)


class Allowance:
    """So many writes at once, and one more every `seconds`. Pure: the caller says what time it is."""

    def __init__(self, at_once: int, seconds: float) -> None:
        self._ahead = at_once * seconds
        self._seconds = seconds
        self._due = -math.inf
        """When as many writes as there were would be over, at one every `seconds`."""

    def delay(self, now: float) -> float:
        """Seconds until the next write may be made."""
        return max(0.0, self._due + self._seconds - self._ahead - now)

    def record(self, now: float) -> None:
        """A write was made."""
        self._due = max(self._due, now) + self._seconds


class Spread:
    """Draws the pauses of one kind of write. `nodes`: how many do the same."""

    def __init__(self, nodes: Callable[[], int], random: Random) -> None:
        self._nodes = nodes
        self._random = random
        self._transient = self._new_backoff(HIGHEST_CEILING)
        self._standing = self._new_backoff(LONGEST_PAUSE)

    def before(self) -> float:
        """Seconds to wait before a write."""
        return self._random() * self._seconds

    def after(self, error: KubeError) -> float:
        """Seconds to wait after a write that failed."""
        if isinstance(error, RefusedError) and error.stands:
            return self._standing.delay(error.retry_after)
        return self._transient.delay(error.retry_after if isinstance(error, RefusedError) else None)

    def succeeded(self) -> None:
        """Failures are counted from here on."""
        self._transient = self._new_backoff(HIGHEST_CEILING)
        self._standing = self._new_backoff(LONGEST_PAUSE)

    @property
    def _seconds(self) -> float:
        return self._nodes() / NODES_PER_SECOND

    def _new_backoff(self, highest: float) -> Backoff:
        # Those whose first write failed come again while others' first writes are still to come.
        first = max(FIRST_CEILING, 2 * self._seconds)
        return Backoff(self._random, first, max(highest, 2 * first))


class Pace:
    """One kind of write to the cluster: when it may be made, when again, and which of its failures are news."""

    def __init__(
        self, nodes: Callable[[], int], random: Random, *, at_once: int, seconds: float
    ) -> None:
        """`nodes`: how many do the same. `at_once` writes may follow each other, and one more every `seconds`."""
        self._spread = Spread(nodes, random)
        self._allowance = Allowance(at_once, seconds)
        self._failed_with: object = None

    async def turn(self) -> None:
        """Returns when the next write may be made."""
        allowed = self._allowance.delay(asyncio.get_running_loop().time())
        await asyncio.sleep(max(allowed, self._spread.before()))

    def record(self) -> None:
        """A write was made."""
        self._allowance.record(asyncio.get_running_loop().time())

    def after(self, error: KubeError) -> float:
        """Seconds to wait after a write that failed."""
        return self._spread.after(error)

    def is_news(self, error: KubeError) -> bool:
        """Whether the write before it did not fail, or did for another reason."""
        kind = error.code if isinstance(error, RefusedError) else type(error)
        known, self._failed_with = self._failed_with, kind
        return kind != known

    def succeeded(self) -> bool:
        """Failures are counted from here on. Returns whether there were any."""
        self._spread.succeeded()
        known, self._failed_with = self._failed_with, None
        return known is not None
