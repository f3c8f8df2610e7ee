"""What two views of the same attempts mean."""

import itertools

import pytest

from wayhome.cluster.probe_attempt import Attempt, Outcome, read_document
from wayhome.cluster.probe_verdict import Judged, Meaning, exit_code
from wayhome.kube.errors import NonsenseError
from wayhome.probe.observation import Protocol

R, A, F, I = Outcome.REACHED, Outcome.ANSWERED, Outcome.FAILED, Outcome.IMPOSSIBLE  # noqa: E741
N = None  # nobody could be asked


def judged(pod: Outcome | None, node: Outcome | None, protocol: Protocol = Protocol.TCP) -> Judged:
    def attempt(outcome: Outcome | None) -> Attempt | None:
        return Attempt(protocol=protocol, outcome=outcome) if outcome else None

    return Judged(protocol, attempt(pod), attempt(node))


@pytest.mark.parametrize(
    ("pod", "node", "meaning", "code"),
    [
        (R, R, Meaning.WORKS, 0),
        (R, A, Meaning.WORKS, 0),
        (R, F, Meaning.ONLY_NODE_FAILS, 0),
        (R, I, Meaning.WORKS, 0),
        (R, N, Meaning.WORKS, 0),
        (A, R, Meaning.ANSWERED, 1),
        (A, F, Meaning.ANSWERED, 1),
        (F, R, Meaning.ONLY_POD_FAILS, 1),
        (F, A, Meaning.ONLY_POD_FAILS, 1),
        (F, F, Meaning.BOTH_FAIL, 1),
        (F, I, Meaning.POD_FAILS, 1),
        (F, N, Meaning.POD_FAILS, 1),
        (I, R, Meaning.UNKNOWN, 3),
        (N, R, Meaning.UNKNOWN, 3),
        (N, N, Meaning.UNKNOWN, 3),
    ],
)
def test_one_protocol(
    pod: Outcome | None, node: Outcome | None, meaning: Meaning, code: int
) -> None:
    one = judged(pod, node)
    assert one.meaning is meaning
    assert one.sentence
    assert exit_code([one], all_asked=True) == exit_code([one], all_asked=False) == code


def test_what_works_by_one_protocol_works_where_none_was_asked_for() -> None:
    works = judged(R, R)
    for other in (judged(F, F), judged(A, A), judged(I, I), judged(I, R)):
        assert exit_code([works, other], all_asked=False) == 0
        assert exit_code([works, other], all_asked=True) != 0
    # What fails from the Pod alone is never passed over.
    for other in (judged(F, R), judged(F, N), judged(A, R)):
        assert exit_code([works, other], all_asked=False) == 1


def test_a_missing_fact_is_never_good() -> None:
    for outcomes in itertools.product((I, N), repeat=3):
        assert exit_code([judged(each, R) for each in outcomes], all_asked=False) == 3
    assert exit_code([], all_asked=False) == 3


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"attempts": 1}',
        b'{"attempts": [1]}',
        b'{"attempts": [{"protocol": "ftp", "outcome": "reached"}]}',
        b'{"attempts": [{"protocol": "tcp", "outcome": "excellent"}]}',
        b'{"attempts": [{"protocol": "tcp", "outcome": "reached", "seen_source": "\\u001b[2J"}]}',
        b'{"attempts": [{"protocol": "tcp", "outcome": "reached", "milliseconds": "fast"}]}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_is_no_document(text: bytes) -> None:
    with pytest.raises(NonsenseError):
        read_document(text)


def test_texts_of_a_container_are_made_printable() -> None:
    document = (
        b'{"attempts": [{"protocol": "tcp", "outcome": "failed", "detail": "\\u001b[2J\\nyes"}]}'
    )
    assert read_document(document).attempts[0].detail == r"\x1b[2J\nyes"
