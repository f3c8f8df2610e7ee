"""Transactions and repairs in time."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wayhome.kernel import RepairBackoff, TransactionPace


@given(st.lists(st.floats(0, 2), max_size=60))
def test_never_more_than_five_in_any_second(waits: list[float]) -> None:
    pace, now, made = TransactionPace(), 0.0, []
    for wait in waits:
        now += wait
        delay = pace.delay(now)
        assert 0 <= delay <= 1
        now += delay
        pace.record(now)
        made.append(now)
    for first, sixth in zip(made, made[5:], strict=False):
        assert sixth - first > 0.999_999


def test_five_at_once_then_a_pause() -> None:
    pace = TransactionPace()
    for _ in range(5):
        assert pace.delay(10.0) == 0.0
        pace.record(10.0)
    assert pace.delay(10.0) == 1.0
    assert pace.delay(10.75) == 0.25
    assert pace.delay(11.0) == 0.0


def test_a_clock_that_jumps_ahead_frees_at_once() -> None:
    pace = TransactionPace()
    for _ in range(5):
        pace.record(0.0)
    assert pace.delay(1e9) == 0.0


def repair_at_once(backoff: RepairBackoff, now: float) -> tuple[float, bool]:
    now = max(now, backoff.not_before)
    return now, backoff.record(now)


def test_the_first_repair_is_immediate_and_a_quarrel_is_spaced_to_a_minute_with_an_alarm() -> None:
    backoff, now, repairs = RepairBackoff(), 0.0, []
    assert backoff.not_before < 0
    for _ in range(10):
        now, alarm = repair_at_once(backoff, now)
        repairs.append((now, alarm))
    times = [at for at, _ in repairs]
    assert [b - a for a, b in pairwise(times)] == [
        1,
        2,
        4,
        8,
        16,
        32,
        60,
        60,
        60,
    ]
    assert [alarm for _, alarm in repairs] == [False] * 4 + [True] * 6


def test_quiet_is_forgiving() -> None:
    backoff = RepairBackoff()
    for now in (0.0, 1.0, 3.0, 7.0, 15.0):
        alarm = backoff.record(now)
    assert alarm
    assert backoff.record(15.0 + 600) is False
    assert backoff.not_before == 15.0 + 600 + 1
