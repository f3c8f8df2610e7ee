"""One proxy of a balanced pair dies under a steady stream of requests: how many are lost, and for how long.

What is lost is between the death and the moment at which the balancer leaves the dead one out; how long that takes
follows from the health check's interval and threshold. Behind it nothing may be lost.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from wayhome.clouds.gcp.resources.load_balancing import HealthCheck
from wayhome.lab.compiled.built import BuiltNetwork
from wayhome.lab.repairs.balancers import Backend, Balancer
from wayhome.lab.repairs.health import Change, HealthChecks
from wayhome.lab.repairs.stream import Sent, Stream

BEFORE_SECONDS, AFTER_SECONDS = 0.5, 1.0
"""How long requests flow before the death, and behind it."""
SLACK_SECONDS = 0.5
"""By how much a busy machine may make checks late, or the one after a late one early."""


@dataclass(frozen=True, slots=True)
class Survival:
    """What was sent, when which backend died, and when it was left out (None: it never was)."""

    check: HealthCheck
    died: Backend
    died_at: float
    left_out_at: float | None
    sent: tuple[Sent, ...]

    @property
    def seconds(self) -> float | None:
        """From the death until the balancer left it out."""
        return None if self.left_out_at is None else self.left_out_at - self.died_at

    @property
    def bounds(self) -> tuple[float, float]:
        """How long that may take, by the check's interval, time-out and threshold."""
        check = self.check
        intervals = check.unhealthy_threshold * check.check_interval_sec
        return intervals - check.check_interval_sec, intervals + check.timeout_sec

    @property
    def before(self) -> tuple[Sent, ...]:
        """Requests that were over while both lived."""
        return tuple(one for one in self.sent if one.ended_at < self.died_at)

    @property
    def between(self) -> tuple[Sent, ...]:
        """Requests that were under way while the balancer did not know."""
        end = self.left_out_at
        return tuple(
            one
            for one in self.sent
            if one.ended_at >= self.died_at and (end is None or one.at <= end)
        )

    @property
    def after(self) -> tuple[Sent, ...]:
        """Requests that were sent when the dead one was left out."""
        end = self.left_out_at
        return () if end is None else tuple(one for one in self.sent if one.at > end)

    @property
    def as_expected(self) -> bool:
        """Whether some were lost while the balancer did not know, in the time that the check allows, and none else."""
        if self.seconds is None or not self.after:
            return False
        soonest, latest = self.bounds
        in_time = soonest - SLACK_SECONDS <= self.seconds <= latest + SLACK_SECONDS
        return in_time and lost(self.between) > 0 and lost(self.before) == lost(self.after) == 0


def lost(sent: Sequence[Sent]) -> int:
    """How many were not answered."""
    return sum(not one.observation.reached for one in sent)


async def survive(
    built: BuiltNetwork, balancer: Balancer, stream: Stream, die: Callable[[Backend], None]
) -> Survival:
    """Let the first backend die, and wait until the balancer knows. Raises OSError."""
    checks, stop = HealthChecks(built, balancer), asyncio.Event()
    checking = asyncio.create_task(checks.run())
    sending = asyncio.create_task(stream.run(stop))
    try:
        await asyncio.sleep(BEFORE_SECONDS)
        dying = balancer.backends[0]
        died_at = time.perf_counter()
        die(dying)
        change = await _left_out(checks, dying, balancer.check)
        await asyncio.sleep(AFTER_SECONDS)
        stop.set()
        await sending
    finally:
        for task in (checking, sending):
            task.cancel()
        await asyncio.gather(checking, sending, return_exceptions=True)
    left_out_at = change.at if change else None
    return Survival(balancer.check, dying, died_at, left_out_at, tuple(stream.sent))


async def _left_out(checks: HealthChecks, backend: Backend, check: HealthCheck) -> Change | None:
    """The change that leaves it out; None where that takes much longer than it may."""
    patience = check.unhealthy_threshold * (check.check_interval_sec + check.timeout_sec) + 2.0
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while True:
                for change in checks.changes:
                    if change.backend == backend and not change.healthy:
                        return change
                checks.changed.clear()
                await checks.changed.wait()
    return None
