"""Equal routes, choices and missing facts: when they matter, and what is said then."""

import pytest
from tests.trace.small import UNKNOWN_INTERNAL, P, attached, fabric, host, link, tcp

from wayhome.network import (
    Action,
    Choice,
    DeliverAttached,
    Drop,
    Filter,
    FilterAction,
    FilterRule,
    Forward,
    Missing,
    Network,
    Node,
    Opaque,
    Port,
    Route,
    Verdict,
)
from wayhome.trace import Lost, Trace, trace
from wayhome.trace.forks import MOST_WAYS, TOO_MANY

FLOW = tcp("10.0.0.1", "10.0.0.2")
FACT = Missing(
    "does the peer know 10.0.0.1?", "ask the peer", Verdict.UNREACHABLE, "it has a route"
)
DEAD = Drop("ROUTE_BLACKHOLE")


def diamond(
    *actions: Action, into_b: Filter | None = None, orders: tuple[int, ...] = ()
) -> Network:
    """a - fabric - (left | right) - end - b; the fabric's routes to b are the actions, all of one order."""
    routes = [
        Route(P("10.0.0.2/32"), action, order=order)
        for action, order in zip(actions, orders or (0,) * len(actions), strict=True)
    ]
    nodes = [
        host("a", "10.0.0.1"),
        fabric(
            "fabric",
            [attached("a", "10.0.0.1/32"), Port(name="left"), Port(name="right")],
            Route(P("10.0.0.1/32"), DeliverAttached(UNKNOWN_INTERNAL)),
            *routes,
        ),
        *(
            fabric(
                side,
                [Port(name="in"), Port(name="out")],
                Route(P("10.0.0.2/32"), Forward("out")),
                Route(P("10.0.0.1/32"), Forward("in")),
            )
            for side in ("left", "right")
        ),
        fabric(
            "end",
            [
                Port(name="left"),
                Port(name="right"),
                attached("b", "10.0.0.2/32", filter_out=into_b),
            ],
            Route(P("10.0.0.2/32"), DeliverAttached(UNKNOWN_INTERNAL)),
            Route(P("10.0.0.1/32"), Forward("left")),
        ),
        host("b", "10.0.0.2"),
    ]
    links = [
        link("a/eth0", "fabric/a"),
        link("fabric/left", "left/in"),
        link("fabric/right", "right/in"),
        link("left/out", "end/left"),
        link("right/out", "end/right"),
        link("end/b", "b/eth0"),
    ]
    return Network.of(nodes, links)


def ask(*actions: Action, into_b: Filter | None = None) -> Trace:
    return trace(diamond(*actions, into_b=into_b), FLOW, "a")


LEFT, RIGHT = Forward("left"), Forward("right")


def test_equal_routes_with_equal_outcomes_are_no_ambiguity() -> None:
    answer = ask(LEFT, RIGHT)
    assert (answer.verdict, len(answer.ways)) == (Verdict.REACHABLE, 2)
    assert {way.result.forward[2].node for way in answer.ways} == {"left", "right"}
    dead = ask(DEAD, Drop("ROUTE_BLACKHOLE", "another one"))
    assert (dead.verdict, len(dead.ways)) == (Verdict.UNREACHABLE, 2)


def test_equal_routes_with_different_outcomes_are_ambiguous_and_the_loss_is_shown() -> None:
    answer = ask(LEFT, DEAD)
    assert answer.verdict is Verdict.AMBIGUOUS
    assert answer.drop == DEAD
    taken = answer.shown.taken[0]
    assert str(taken) == "STATIC route 2: dropped: ROUTE_BLACKHOLE"
    assert isinstance(taken.about, tuple)
    assert taken.about[taken.option].action == DEAD


def test_a_worse_route_is_not_used_at_all() -> None:
    answer = trace(diamond(LEFT, DEAD, orders=(0, 1)), FLOW, "a")
    assert (answer.verdict, len(answer.ways)) == (Verdict.REACHABLE, 1)


@pytest.mark.parametrize(
    ("alternatives", "missing", "verdict"),
    [
        ((LEFT, RIGHT), None, Verdict.REACHABLE),
        ((LEFT, DEAD), None, Verdict.AMBIGUOUS),
        ((LEFT, RIGHT), FACT, Verdict.REACHABLE),
        ((LEFT, DEAD), FACT, Verdict.UNDETERMINED),
        ((DEAD, DEAD), FACT, Verdict.UNREACHABLE),
    ],
)
def test_a_choice_matters_only_where_outcomes_differ(
    alternatives: tuple[Action, ...], missing: Missing | None, verdict: Verdict
) -> None:
    answer = ask(Choice(alternatives, "the cloud picks a peer", missing))
    assert answer.verdict is verdict
    assert answer.missing == ((FACT,) if verdict is Verdict.UNDETERMINED else ())


def test_a_fact_that_is_met_twice_is_the_same_fact() -> None:
    """Two fabrics that hang on one choice: of the four combinations two cannot be."""
    choice = Choice((Forward("left"), Forward("right")), "which side is the active one")
    answer = trace(diamond(choice), FLOW, "a")
    assert len(answer.ways) == 2
    nodes = [
        host("a", "10.0.0.1"),
        *(
            fabric(
                name,
                [Port(name="left"), Port(name="right"), Port(name="back")],
                Route(P("10.0.0.2/32"), choice),
                Route(P("10.0.0.1/32"), Forward("back")),
            )
            for name in ("one", "two")
        ),
        host("b", "10.0.0.2"),
        _sink("sink1"),
        _sink("sink2"),
    ]
    links = [
        link("a/eth0", "one/back"),
        link("one/left", "two/back"),
        link("one/right", "sink1/eth0"),
        link("two/left", "b/eth0"),
        link("two/right", "sink2/eth0"),
    ]
    answer = trace(Network.of(nodes, links), FLOW, "a")
    last = [way.result.forward[-1].node for way in answer.ways]
    assert last == ["b", "sink1"]


def _sink(name: str) -> Node:
    return host(name, "10.9.9.9")


def test_what_is_opaque_is_undetermined_and_says_what_to_ask() -> None:
    answer = ask(Opaque(FACT))
    assert (answer.verdict, answer.missing, answer.lost) == (
        Verdict.UNDETERMINED,
        (FACT,),
        Lost.FORWARD,
    )
    assert (answer.likely, answer.unless) == (Verdict.UNREACHABLE, "it has a route")
    assert answer.forward[-1].steps[-1].kind == "VIEWER_PERMISSION_MISSING"
    assert answer.drop is None


def rules(*actions: tuple[FilterAction, bool]) -> tuple[FilterRule, ...]:
    return tuple(
        FilterRule(action=action, unknown=FACT if unknown else None) for action, unknown in actions
    )


ALLOW, DENY, NEXT = FilterAction.ALLOW, FilterAction.DENY, FilterAction.GOTO_NEXT


@pytest.mark.parametrize(
    ("stages", "verdict"),
    [
        ([rules((ALLOW, True), (ALLOW, False))], Verdict.REACHABLE),
        ([rules((ALLOW, True), (DENY, False))], Verdict.UNDETERMINED),
        ([rules((DENY, True), (ALLOW, False))], Verdict.UNDETERMINED),
        ([rules((DENY, True), (DENY, False))], Verdict.UNREACHABLE),
        ([rules((DENY, True))], Verdict.UNREACHABLE),
        ([rules((ALLOW, True))], Verdict.UNDETERMINED),
        ([rules((ALLOW, False), (DENY, True))], Verdict.REACHABLE),
        ([rules((NEXT, True), (DENY, False)), rules((DENY, False))], Verdict.UNREACHABLE),
        ([rules((NEXT, True), (DENY, False)), rules((ALLOW, False))], Verdict.UNDETERMINED),
        ([rules((NEXT, True), (ALLOW, False)), rules((DENY, False))], Verdict.UNDETERMINED),
        ([rules((NEXT, False)), rules((ALLOW, False))], Verdict.REACHABLE),
        ([rules((ALLOW, True), (DENY, True)), rules((ALLOW, False))], Verdict.UNDETERMINED),
    ],
)
def test_an_unknown_condition_matters_only_where_it_makes_a_difference(
    stages: list[tuple[FilterRule, ...]], verdict: Verdict
) -> None:
    answer = ask(LEFT, into_b=Filter(stages=tuple(stages)))
    assert answer.verdict is verdict
    assert answer.missing == ((FACT,) if verdict is Verdict.UNDETERMINED else ())


def test_a_certain_loss_behind_an_unknown_condition_is_certain() -> None:
    network = diamond(LEFT, into_b=Filter(stages=(rules((DENY, True), (ALLOW, False)),)))
    nodes = [
        fabric(
            node.name,
            node.ports,
            Route(P("10.0.0.2/32"), DeliverAttached(UNKNOWN_INTERNAL)),
            Route(P("10.0.0.1/32"), DEAD),
        )
        if node.name == "end"
        else node
        for node in network.nodes
    ]
    answer = trace(Network.of(nodes, network.links), FLOW, "a")
    assert (answer.verdict, answer.missing) == (Verdict.UNREACHABLE, ())


def test_more_ways_than_can_be_understood_are_undetermined() -> None:
    """Thirteen forks of two ways each."""
    nodes, links = [host("a", "10.0.0.1"), host("b", "10.0.0.2")], []
    for number in range(13):
        nodes.append(
            fabric(
                f"f{number}",
                [Port(name="back"), Port(name="on"), Port(name="on2")],
                Route(P("10.0.0.2/32"), Forward("on")),
                Route(P("10.0.0.2/32"), Forward("on2")),
                Route(P("10.0.0.1/32"), Forward("back")),
            )
        )
        nodes.append(
            fabric(
                f"g{number}",
                [Port(name="back"), Port(name="back2"), Port(name="on")],
                Route(P("10.0.0.2/32"), Forward("on")),
                Route(P("10.0.0.1/32"), Forward("back")),
            )
        )
        links += [
            link(f"f{number}/on", f"g{number}/back"),
            link(f"f{number}/on2", f"g{number}/back2"),
        ]
        links.append(
            link(f"g{number}/on", f"f{number + 1}/back")
            if number < 12
            else link("g12/on", "b/eth0")
        )
    links.append(link("a/eth0", "f0/back"))
    answer = trace(Network.of(nodes, links), FLOW, "a")
    assert len(answer.ways) == MOST_WAYS
    assert (answer.verdict, answer.missing) == (Verdict.UNDETERMINED, (TOO_MANY,))


def test_two_ports_that_own_one_address_are_a_choice() -> None:
    nodes = [
        host("a", "10.0.0.1"),
        host("b", "10.0.0.2"),
        host("c", "10.0.0.3"),
        fabric(
            "fabric",
            [
                attached("a", "10.0.0.1/32"),
                attached("b", "10.0.0.2/32"),
                attached("c", "10.0.0.3/32", "10.0.0.2/32"),
            ],
            Route(P("10.0.0.0/24"), DeliverAttached(UNKNOWN_INTERNAL)),
        ),
    ]
    links = [link(f"{name}/eth0", f"fabric/{name}") for name in "abc"]
    answer = trace(Network.of(nodes, links), FLOW, "a")
    assert answer.verdict is Verdict.AMBIGUOUS
    assert answer.shown.taken[0].fork.fact == "several ports of fabric own 10.0.0.2"
