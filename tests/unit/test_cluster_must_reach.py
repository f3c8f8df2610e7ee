"""What must be reached: how it is written, and when it is proven or lost."""

import pytest

from wayhome.cluster.must_reach import (
    SETTLE_SECONDS,
    MustReach,
    Proof,
    Standing,
    Tried,
    parse_must_reach,
    standing,
)
from wayhome.probe.target import Target

WANTED = MustReach(("default", "my-pod"), Target("10.2.0.1", 80))


def proof(before: bool, after: bool | None) -> Proof:
    return Proof(WANTED, Tried(before, "then"), Tried(after, "no answer within 3 s"))


def test_how_it_is_written() -> None:
    assert parse_must_reach("my-pod=10.2.0.1:80", "default") == WANTED
    assert parse_must_reach("shop/web-0=db.example:5432", "default").pod == ("shop", "web-0")
    assert str(parse_must_reach("a=[fd00::1]:443", "n")) == "n/a -> [fd00::1]:443"


@pytest.mark.parametrize(
    "text", ["", "a", "a=", "=h:1", "a=h", "a=h:0", "a=h:x", "/a=h:1", "a/b/c=h:1"]
)
def test_what_it_is_not(text: str) -> None:
    with pytest.raises(ValueError):
        parse_must_reach(text, "default")


def test_what_is_mended_is_proven_at_once() -> None:
    assert standing([proof(before=False, after=True)], 0.5, 0.0, 120.0) is Standing.PROVEN


def test_what_was_reached_before_proves_nothing_before_everybody_has_read_the_change() -> None:
    proofs = [proof(before=True, after=True), proof(before=False, after=True)]
    assert standing(proofs, 119.0, 0.0, 120.0) is Standing.OPEN
    assert standing(proofs, 120.0, 0.0, 120.0) is Standing.PROVEN
    assert standing(proofs, 0.0, 0.0, 0.0) is Standing.PROVEN


def test_what_is_lost_for_a_moment_is_not_lost_yet() -> None:
    lost = [proof(before=True, after=False)]
    assert standing(lost, 30.0, SETTLE_SECONDS - 1, 120.0) is Standing.OPEN
    assert standing(lost, 30.0, SETTLE_SECONDS, 120.0) is Standing.FAILED


def test_what_is_still_not_reached_when_everybody_has_read_it_has_failed() -> None:
    still = [proof(before=False, after=False)]
    assert standing(still, 129.0, 0.0, 120.0) is Standing.OPEN
    assert standing(still, 130.0, 0.0, 120.0) is Standing.FAILED
    untried = [proof(before=True, after=None)]
    assert standing(untried, 11.0, 11.0, 0.0) is Standing.FAILED


def test_what_failed_before_is_told_apart() -> None:
    assert str(proof(before=False, after=False)).endswith(
        "(so it is not this change that broke it)"
    )
    assert "broke" not in str(proof(before=True, after=False))
