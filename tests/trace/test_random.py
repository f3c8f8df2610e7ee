"""Random networks: the tracer and a naive one agree, and what must hold of every trace does."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from tests.trace.naive import naive
from tests.trace.networks import Asked, questions

from wayhome.network import Drop, Filter, Missing, Route, Verdict
from wayhome.network import routing as routing_table
from wayhome.trace import Packet, Trace, filtering, trace, visit
from wayhome.trace.forks import TOO_MANY, Forks
from wayhome.trace.tracking import Tracking
from wayhome.trace.visit import Visit

EXAMPLES = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def ends(answer: Trace) -> set[tuple[str, str]]:
    found = set()
    for way in answer.ways:
        end = way.result
        cause = end.ended.cause if isinstance(end.ended, Drop) else ""
        found.add((str(end.lost) if end.lost else "home", cause))
    return found


def agree(asked: Asked) -> None:
    answer = trace(asked.network, asked.flow, asked.at)
    assume(TOO_MANY not in answer.missing)
    expected = naive(asked.network, asked.flow, asked.at)
    assert (answer.verdict, ends(answer)) == (expected.verdict, set(expected.ends))


test_it_agrees_with_a_naive_tracer = EXAMPLES(given(questions())(agree))


def forget(self: Tracking, *_: object) -> None:
    """Remember nothing."""


def never(self: Tracking, *_: object) -> bool:
    return False


def any_order(routes: tuple[Route, ...], ingress: frozenset[str]) -> tuple[Route, ...]:
    return tuple(route for route in routes if route.applies_to(ingress))


def first_of_all(routes: tuple[Route, ...], forks: Forks) -> Route:
    return routes[0]


def permit(self: Visit, *_: object) -> None:
    """Let everything enter."""


def as_known(filter_: Filter, packet: Packet, port: int, stage: int) -> list[filtering.Answer]:
    return REAL_ANSWERS(filter_, packet, port, stage)[:1]


REAL_ANSWERS = filtering._answers


@pytest.mark.parametrize(
    ("where", "what", "wrong", "odd"),
    [
        (Tracking, "is_reply", never, "filters"),
        (Tracking, "confirm", forget, "sources"),
        (routing_table, "_first_order", any_order, "routes"),
        (visit, "pick_route", first_of_all, "routes"),
        (Visit, "_permitted", permit, "ends"),
        (filtering, "_answers", as_known, "filters"),
    ],
    ids=[
        "a firewall forgets what it let pass",
        "a translation is not undone",
        "the order of routes is ignored",
        "of several routes only one is seen",
        "no source is ever foreign",
        "what is unknown is never so",
    ],
)
def test_a_wrong_tracer_is_caught(
    monkeypatch: pytest.MonkeyPatch,
    where: object,
    what: str,
    wrong: Callable[..., object],
    odd: str,
) -> None:
    monkeypatch.setattr(where, what, wrong)
    search = settings(
        EXAMPLES, max_examples=5000, phases=[Phase.generate], derandomize=True, database=None
    )
    with pytest.raises(AssertionError):
        search(given(questions(frozenset({odd})))(agree))()


@EXAMPLES
@given(questions())
def test_what_holds_of_every_trace(asked: Asked) -> None:
    answer = trace(asked.network, asked.flow, asked.at)
    for way in answer.ways:
        end = way.result
        last = (end.reply or end.forward)[-1]
        match end.ended:
            case None:
                # The reply reaches the very socket that sent.
                first = Packet.first_of(asked.flow)
                assert last.node == asked.at
                assert last.steps[-1].kind == "DELIVER"
                assert last.steps[-1].detail == str(first.source)
            case Drop(cause, _, evidence):
                # A drop names its step, and the object that decided.
                assert last.steps[-1].kind == "DROP"
                assert last.steps[-1].detail.startswith(cause)
                assert last.steps[-1].evidence == evidence
            case Missing():
                assert last.steps[-1].kind == "VIEWER_PERMISSION_MISSING"
    if answer.missing:
        assert answer.verdict in {Verdict.UNDETERMINED, Verdict.AMBIGUOUS}
    if answer.verdict is Verdict.UNDETERMINED:
        assert answer.missing
    if answer.verdict is Verdict.AMBIGUOUS:
        assert len({way.result.verdict for way in answer.ways}) > 1
    if answer.verdict is Verdict.REACHABLE:
        assert all(way.result.ended is None for way in answer.ways)
    if answer.verdict is Verdict.UNREACHABLE:
        assert answer.drop is not None
    for one, next_one in zip(answer.forward, answer.forward[1:], strict=False):
        if one.left is not None:
            assert asked.network.places[one.node].peers[one.left] == (
                next_one.node,
                next_one.entered,
            )
    assert trace(asked.network, asked.flow, asked.at) == answer
