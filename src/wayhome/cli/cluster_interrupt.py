"""Signals while a change is on its way: the first turns it round, the second ends it where it is."""

import asyncio
import signal

from wayhome.cluster.outcome import Outcome
from wayhome.cluster.rollout import Rollout


async def interruptible(rollout: Rollout) -> Outcome:
    """Run it to its end, or back, or until it is abandoned."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def interrupted() -> None:
        if not rollout.interrupt():
            assert task is not None  # noqa: S101 (we are one)
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted)
    try:
        return await rollout.run()
    except asyncio.CancelledError:
        return rollout.abandoned()
