"""A machine that becomes slower all the time does not make the candidate look slow."""

import pytest
from bench.interleave import Pair, interleaved


def test_every_candidate_stands_between_two_of_its_peer() -> None:
    called: list[str] = []

    def measure(name: str, value: float) -> float:
        called.append(name)
        return value

    pairs = interleaved(
        2,
        lambda: measure("peer", 2.0),
        {"a": lambda: measure("a", 1.0), "b": lambda: measure("b", 4.0)},
        lambda _: None,
    )
    once = ["peer", "a", "peer", "b", "peer"]
    assert called == ["peer", *once, *once]
    assert pairs == {"a": [Pair(1.0, 2.0)] * 2, "b": [Pair(4.0, 2.0)] * 2}
    assert (pairs["b"][0].ratio, pairs["b"][0].difference) == (2.0, 2.0)


def test_a_steady_drift_of_the_machine_cancels_out() -> None:
    speed = 100.0

    def measure(share: float) -> float:
        nonlocal speed
        speed -= 1
        return share * speed

    pairs = interleaved(10, lambda: measure(1.0), {"a": lambda: measure(0.9)}, lambda _: None)
    assert [pair.ratio for pair in pairs["a"]] == pytest.approx([0.9] * 10)
