"""The walk for all destinations at once says what a walk with one packet says."""

from collections.abc import Collection, Mapping

from hypothesis import given
from hypothesis import strategies as st

from wayhome.netfilter.rules import (
    BaseChain,
    Condition,
    Destinations,
    Effect,
    FamilyIs,
    Mark,
    Rule,
    Sources,
    Unknown,
    Variant,
)
from wayhome.netfilter.walk import Subject, destinations_of, translations
from wayhome.prefixes import Family, Intervals

V4 = Family.IPV4
EVERYTHING = Intervals(((0, V4.last),))
CHAINS = ("base", "one", "two")


def make(chains: Mapping[str, tuple[Rule, ...]]) -> BaseChain:
    return BaseChain(Variant.NATIVE, "inet", "t", "base", 100, chains)


def rule(effect: Effect, *conditions: Condition, target: str | None = None) -> Rule:
    return Rule("base", 1, "", conditions, effect, target)


def to(first: int, last: int) -> Destinations:
    return Destinations("", V4, Intervals(((first, last),)))


def translated(
    *rules: Rule, subject: Subject | None = None, **chains: tuple[Rule, ...]
) -> Intervals:
    """Everything that may be translated."""
    found = translations(make({"base": rules, **chains}), subject or Subject(V4))
    return Intervals.of(destinations_of(found))


def test_what_returned_is_not_translated() -> None:
    assert translated(rule(Effect.RETURN, to(5, 9)), rule(Effect.TRANSLATE)) == EVERYTHING.minus(Intervals(((5, 9),)))  # fmt: skip


def test_behind_an_unknown_return_everything_may_be_translated() -> None:
    assert translated(rule(Effect.RETURN, to(5, 9), Unknown("x")), rule(Effect.TRANSLATE)) == EVERYTHING  # fmt: skip


def test_what_may_have_ended_before_is_said_of_the_translation() -> None:
    rules = (
        rule(Effect.RETURN, to(5, 9), Unknown("-p tcp")),
        rule(Effect.JUMP, Unknown("-o eth0"), target="one"),
        rule(Effect.TRANSLATE),
    )
    one = (rule(Effect.END, to(7, 19), Unknown("-p udp")),)
    found = translations(make({"base": rules, "one": one}), Subject(V4))
    assert [(t.conditions, t.unless, t.destinations.spans) for t in found] == [
        ((), (), ((0, 4), (20, V4.last))),
        ((), ("-p tcp", "-o eth0 and -p udp"), ((5, 19),)),
    ]


def test_a_condition_of_the_jump_is_one_of_the_translation() -> None:
    base = make({"base": (rule(Effect.JUMP, Unknown("-o eth0"), target="one"),), "one": (rule(Effect.TRANSLATE, Unknown("-p tcp")),)})  # fmt: skip
    (found,) = translations(base, Subject(V4))
    assert found.conditions == ("-o eth0", "-p tcp")
    assert [step.effect for step in found.path] == [Effect.JUMP, Effect.TRANSLATE]


def test_sources() -> None:
    pods = Subject(V4, Intervals(((100, 199),)))
    anything = Subject(V4)

    def conditions(subject: Subject, first: int, last: int) -> list[tuple[str, ...]]:
        condition = Sources("-s", V4, Intervals(((first, last),)))
        found = translations(make({"base": (rule(Effect.TRANSLATE, condition),)}), subject)
        return [one.conditions for one in found]

    assert conditions(pods, 0, 99) == []
    assert conditions(pods, 100, 500) == [()]
    assert conditions(pods, 150, 500) == [("-s",)]
    assert conditions(anything, 0, 99) == [("-s",)]
    assert conditions(anything, 0, V4.last) == [()]


def test_kube_proxys_mark_is_not_on_the_packet() -> None:
    def conditions(mask: int, value: int, *, negated: bool) -> list[tuple[str, ...]]:
        mark = Mark("mark", mask, value, negated)
        found = translations(make({"base": (rule(Effect.TRANSLATE, mark),)}), Subject(V4))
        return [one.conditions for one in found]

    assert conditions(0x4000, 0x4000, negated=False) == []
    assert conditions(0x4000, 0x4000, negated=True) == [()]
    assert conditions(0x4000, 0, negated=True) == []
    assert conditions(0x4000, 0, negated=False) == [()]
    assert conditions(0xFFFFFFFF, 0x4000, negated=False) == []
    assert conditions(0xFFFFFFFF, 0, negated=False) == [("mark",)]
    assert conditions(0x2000, 0x2000, negated=False) == [("mark",)]
    assert conditions(0x1, 0x2, negated=True) == [()]  # never equal


def test_the_other_family_is_left_alone() -> None:
    assert not translated(rule(Effect.TRANSLATE, FamilyIs("", Family.IPV6)))
    assert not translated(
        rule(Effect.TRANSLATE, Destinations("", Family.IPV6, Intervals(((0, 5),))))
    )
    only_six = BaseChain(Variant.NATIVE, "ip6", "t", "base", 100, {"base": (rule(Effect.TRANSLATE),)})  # fmt: skip
    assert translations(only_six, Subject(V4)) == ()


def test_a_goto_does_not_come_back_to_its_chain() -> None:
    assert not translated(rule(Effect.GOTO, target="one"), rule(Effect.TRANSLATE), one=())
    assert translated(rule(Effect.JUMP, target="one"), rule(Effect.TRANSLATE), one=()) == EVERYTHING


def test_chains_that_call_each_other_come_to_an_end() -> None:
    assert not translated(rule(Effect.JUMP, target="base"))


def test_ten_thousand_returns_are_walked_in_one_go() -> None:
    returns = [rule(Effect.RETURN, to(n * 10, n * 10 + 4)) for n in range(10_000)]
    found = translated(*returns, rule(Effect.TRANSLATE))
    assert len(found.spans) == 10_000
    assert 5 in found
    assert 4 not in found


ranges = st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted)


UNKNOWN = ("x", "y")


@st.composite
def rules(draw: st.DrawFn, callable_chains: tuple[str, ...], unknown: tuple[str, ...] = ()) -> Rule:
    effects = [Effect.NEXT, Effect.RETURN, Effect.END, Effect.TRANSLATE]
    effects += [Effect.JUMP, Effect.GOTO] if callable_chains else []
    effect = draw(st.sampled_from(effects))
    target = (
        draw(st.sampled_from(callable_chains)) if effect in (Effect.JUMP, Effect.GOTO) else None
    )
    conditions: list[Condition] = [to(*draw(ranges)) for _ in range(draw(st.integers(0, 2)))]
    asks_more = draw(st.booleans())
    if unknown and asks_more:
        conditions.append(Unknown(draw(st.sampled_from(unknown))))
    return rule(effect, *conditions, target=target)


@st.composite
def tables(draw: st.DrawFn, unknown: tuple[str, ...] = ()) -> dict[str, tuple[Rule, ...]]:
    return {
        name: tuple(draw(st.lists(rules(CHAINS[number + 1 :], unknown), max_size=6)))
        for number, name in enumerate(CHAINS)
    }


class Translated(Exception):  # noqa: N818
    """The packet met a translation."""


class Ended(Exception):  # noqa: N818
    """The packet left the base chain."""


def send(
    table: Mapping[str, tuple[Rule, ...]], chain: str, destination: int, holds: Collection[str] = ()
) -> None:
    """One packet, as the kernel does it, where these conditions hold."""
    for one in table[chain]:
        if not all(
            destination in c.addresses if isinstance(c, Destinations) else c.text in holds
            for c in one.conditions
        ):
            continue
        match one.effect:
            case Effect.TRANSLATE:
                raise Translated
            case Effect.END:
                raise Ended
            case Effect.RETURN:
                return
            case Effect.JUMP:
                send(table, str(one.target), destination, holds)
            case Effect.GOTO:
                send(table, str(one.target), destination, holds)
                return


@given(tables())
def test_every_destination_is_treated_as_one_packet_is(table: dict[str, tuple[Rule, ...]]) -> None:
    found = translations(make(table), Subject(V4))
    assert not any(one.conditions for one in found)
    together = Intervals.of(destinations_of(found))
    assert sum(len(range(a, b + 1)) for one in found for a, b in one.destinations.spans) == sum(
        len(range(a, b + 1)) for a, b in together.spans
    )  # each is translated once
    for destination in range(22):
        assert (destination in together) == is_translated(table, destination), destination


@given(tables(UNKNOWN))
def test_what_is_certain_happens_whatever_is_unknown(table: dict[str, tuple[Rule, ...]]) -> None:
    found = translations(make(table), Subject(V4))
    certain = Intervals.of(destinations_of(one for one in found if one.is_certain))
    perhaps = Intervals.of(destinations_of(found))
    for destination in range(22):
        outcomes = {
            is_translated(table, destination, holds) for holds in ((), ("x",), ("y",), UNKNOWN)
        }
        assert destination not in certain or outcomes == {True}, destination
        assert destination in perhaps or outcomes == {False}, destination


@given(tables(UNKNOWN), st.sets(st.sampled_from(UNKNOWN)))
def test_what_is_known_of_a_condition_settles_it(
    table: dict[str, tuple[Rule, ...]], holds: set[str]
) -> None:
    found = translations(make(table), Subject(V4, fulfils=lambda text: text in holds))
    assert all(one.is_certain for one in found)
    together = Intervals.of(destinations_of(found))
    for destination in range(22):
        assert (destination in together) == is_translated(table, destination, holds), destination


def is_translated(
    table: Mapping[str, tuple[Rule, ...]], destination: int, holds: Collection[str] = ()
) -> bool:
    try:
        send(table, "base", destination, holds)
    except Ended:
        return False
    except Translated:
        return True
    return False
