import random
from itertools import islice

import pytest

from wayhome.lab.marks import SPAN, first_sequences
from wayhome.probe.flow import identifiers


def test_no_two_attempts_share_a_number_and_none_begins_with_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(random, "randrange", lambda *_: 2**32 - 2 * SPAN)
    assert list(islice(first_sequences(), 4)) == [2**32 - 2 * SPAN, 2**32 - SPAN, SPAN, 2 * SPAN]


def test_identifiers_do_not_come_again_soon_and_stay_in_the_ephemeral_range() -> None:
    fresh = identifiers()
    taken = [next(fresh) for _ in range(60999 - 32768 + 1)]
    assert len(set(taken)) == len(taken)
    assert (min(taken), max(taken)) == (32768, 60999)
