"""The pace of what is told, and events from another thread."""

import asyncio
import random
import threading

import pytest

from wayhome.agent.telling import Allowance, Nudge, Spread
from wayhome.kube.errors import RefusedError, UnreachableError


def test_some_writes_at_once_and_then_one_each_time() -> None:
    allowance = Allowance(3, 5.0)
    for _ in range(3):
        assert allowance.delay(100.0) == 0.0
        allowance.record(100.0)
    assert allowance.delay(100.0) == 5.0
    allowance.record(105.0)
    assert allowance.delay(105.0) == 5.0
    assert allowance.delay(1000.0) == 0.0
    for _ in range(3):
        allowance.record(1000.0)
    assert allowance.delay(1000.0) == 5.0  # what was not used is not saved up


def test_writes_are_spread_over_the_nodes() -> None:
    spread = Spread(lambda: 5000, random.Random(1).random)
    drawn = [spread.before() for _ in range(1000)]
    assert 0 <= min(drawn) < 0.2
    assert 24.8 < max(drawn) <= 25


@pytest.mark.parametrize(
    ("error", "highest"),
    [
        (UnreachableError("down"), 60.0),
        (RefusedError(500, "x", "x", None, too_new=False), 60.0),
        (RefusedError(403, "Forbidden", "x", None, too_new=False), 600.0),
        (RefusedError(429, "x", "x", 30.0, too_new=False), 90.0),
    ],
)
def test_pauses_grow_to_what_the_failure_calls_for(
    error: UnreachableError | RefusedError, highest: float
) -> None:
    spread = Spread(lambda: 1, lambda: 0.999)
    pauses = [spread.after(error) for _ in range(20)]
    asked = getattr(error, "retry_after", None) or 0.0
    assert pauses[0] == pytest.approx(asked + 5.0, rel=0.01)
    assert pauses[-1] == pytest.approx(highest, rel=0.01)
    spread.succeeded()
    assert spread.after(error) == pytest.approx(asked + 5.0, rel=0.01)


def test_the_keepers_thread_nudges_the_loop_and_is_not_told_when_that_has_ended() -> None:
    seen: list[int] = []

    async def scenario() -> Nudge:
        told = asyncio.Event()

        def tell() -> None:
            seen.append(threading.get_ident())
            told.set()

        nudge = Nudge(tell)
        thread = threading.Thread(target=nudge.verified)
        thread.start()
        await asyncio.wait_for(told.wait(), 10)
        thread.join()
        return nudge

    nudge = asyncio.run(scenario())
    assert seen == [threading.get_ident()]
    nudge.verified()
    assert len(seen) == 1
