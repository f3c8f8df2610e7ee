"""Which connections of Pods a nat chain translates. Pure.

The chain is walked once for all destinations together: beside the place in it goes the set of destinations of which a
packet may come there. A rule with a condition that is unknown may apply to a packet and may leave it alone, so it takes
nothing away from the set. A translation by it, or behind it where it would have ended the way, is conditional and says
on what.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from wayhome.netfilter.rules import (
    BaseChain,
    Condition,
    Destinations,
    Effect,
    FamilyIs,
    Mark,
    Never,
    Rule,
    Sources,
    ToItself,
    Unknown,
)
from wayhome.prefixes import Family, Intervals

_DEEPEST = 16
"""NFT_JUMP_STACK_SIZE: the kernel refuses chains that jump deeper."""


def nothing_more(condition: str) -> bool | None:  # noqa: ARG001 (what a `Subject` may know)
    """Of no other condition it is known whether packets fulfil it."""
    return None


@dataclass(frozen=True, slots=True)
class Subject:
    """The connections in question: their first packets, unmarked by kube-proxy, from these sources (None: from any).

    `fulfils` says of other conditions, by their text, whether the packets fulfil them; None where some may.
    """

    family: Family
    sources: Intervals | None = None
    kube_proxy_mark: int = 1 << 14
    fulfils: Callable[[str], bool | None] = nothing_more


@dataclass(frozen=True, slots=True)
class Translation:
    """What one rule translates."""

    path: tuple[Rule, ...]
    """The jumps that lead to the rule, and the rule."""
    family: Family
    destinations: Intervals
    conditions: tuple[str, ...]
    """What else must be true of a packet."""
    unless: tuple[str, ...] = ()
    """What must not be true of it, each by itself: else an earlier rule has ended its way."""

    @property
    def is_certain(self) -> bool:
        """Whether it is translated whatever else is true of it."""
        return not self.conditions and not self.unless

    @property
    def rule(self) -> Rule:
        """The rule that translates."""
        return self.path[-1]

    @property
    def keeps_the_address(self) -> bool:
        """Whether it translates a source to itself."""
        return self.rule.effect is Effect.IDENTITY


def translations(base: BaseChain, subject: Subject) -> tuple[Translation, ...]:
    """All translations of the subject's packets in a base chain, in the order of its rules."""
    if subject.family not in base.families:
        return ()
    walk = _Walk(base.chains, subject)
    everything = Intervals(((0, subject.family.last),))
    walk.chain(base.chains.get(base.name, ()), everything, _Way())
    return tuple(walk.found)


@dataclass(frozen=True, slots=True)
class _Exit:
    """Destinations of which a packet is gone before, if it fulfils all of these conditions."""

    destinations: Intervals
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Way:
    """How a chain is come to: by which jumps, on what conditions, and past which exits."""

    path: tuple[Rule, ...] = ()
    conditions: tuple[str, ...] = ()
    exits: tuple[_Exit, ...] = ()


@dataclass(frozen=True, slots=True)
class _Left:
    """How a chain is left: where a packet may come back to the calling chain, and where it is gone for good."""

    back: Intervals = field(default_factory=Intervals)
    gone: tuple[_Exit, ...] = ()


@dataclass(slots=True)
class _Here:
    """Which destinations may still come to the next rule, and which went back to the calling chain.

    What is taken away waits until somebody asks: a chain of 10,000 RETURNs is one subtraction. `exits` are where only a
    part of the packets may have left.
    """

    may_come: Intervals
    exits: list[_Exit]
    returned: list[tuple[int, int]] = field(default_factory=list)
    _returning: list[tuple[int, int]] = field(default_factory=list)

    def settle(self) -> Intervals:
        if self._returning:
            gone = Intervals.of(self._returning)
            self.returned += self.may_come.intersection(gone).spans
            self.may_come = self.may_come.minus(gone)
            self._returning = []
        return self.may_come

    def go_back(self, destinations: Intervals, *, certain: bool) -> None:
        if certain:
            self._returning += destinations.spans
        else:
            self.returned += self.settle().intersection(destinations).spans

    def may_leave(self, destinations: Intervals, conditions: tuple[str, ...]) -> None:
        """Without conditions it is no matter of doubt: it was taken away."""
        if conditions:
            self.exits.append(_Exit(destinations, conditions))

    def leave(self, destinations: Intervals) -> None:
        self.may_come = self.settle().minus(destinations)


class _Walk:
    def __init__(self, chains: Mapping[str, tuple[Rule, ...]], subject: Subject) -> None:
        self._chains = chains
        self._subject = subject
        self.found: list[Translation] = []

    def chain(self, rules: Iterable[Rule], may_come: Intervals, way: _Way) -> _Left:
        """Walk one chain."""
        here, gone = _Here(may_come, list(way.exits)), list[_Exit]()
        for rule in rules:
            if rule.effect is Effect.NEXT or (asked := self._ask(rule)) is None:
                continue
            destinations, unknown = asked
            if rule.effect is Effect.RETURN:
                here.go_back(destinations, certain=not unknown)
                here.may_leave(destinations, unknown)
                continue
            matched = here.settle().intersection(destinations)
            if not matched:
                continue
            left = self._apply(rule, matched, unknown, way, here)
            gone += left.gone
            if not unknown:
                here.leave(matched)
            if rule.effect is Effect.GOTO:
                here.returned += left.back.spans
                here.may_leave(matched, unknown)
            else:
                here.may_come = here.may_come.union(left.back)
            for one in left.gone:
                here.may_leave(one.destinations, one.conditions)
        return _Left(here.settle().union(Intervals.of(here.returned)), tuple(gone))

    def _apply(
        self, rule: Rule, matched: Intervals, unknown: tuple[str, ...], way: _Way, here: _Here
    ) -> _Left:
        """What becomes of the packets that a rule matches."""
        path, conditions = (*way.path, rule), (*way.conditions, *unknown)
        if rule.effect in (Effect.TRANSLATE, Effect.IDENTITY):
            self._translate(path, matched, conditions, here.exits)
        elif rule.effect is Effect.END:
            return _Left(gone=(_Exit(matched, unknown),))
        elif len(way.path) < _DEEPEST:
            deeper = _Way(path, conditions, tuple(here.exits))
            left = self.chain(self._chains.get(rule.target or "", ()), matched, deeper)
            gone = (_Exit(one.destinations, (*unknown, *one.conditions)) for one in left.gone)
            return _Left(left.back, tuple(gone))
        return _Left()

    def _translate(
        self,
        path: tuple[Rule, ...],
        matched: Intervals,
        conditions: tuple[str, ...],
        exits: Iterable[_Exit],
    ) -> None:
        """Where a packet may be gone before, it is translated only if it is not."""
        family = self._subject.family
        before = [one for one in exits if one.destinations.intersection(matched)]
        doubtful = matched.intersection(
            Intervals.of(span for one in before for span in one.destinations.spans)
        )
        unless = tuple(dict.fromkeys(" and ".join(one.conditions) for one in before))
        for destinations, exceptions in ((matched.minus(doubtful), ()), (doubtful, unless)):
            if destinations:
                self.found.append(Translation(path, family, destinations, conditions, exceptions))

    def _ask(self, rule: Rule) -> tuple[Intervals, tuple[str, ...]] | None:
        """The destinations that a rule matches, and on what else it depends; None where it never matches."""
        destinations = Intervals(((0, self._subject.family.last),))
        unknown: list[str] = []
        for condition in rule.conditions:
            answer = self._fulfilled(condition)
            if answer is False:
                return None
            if isinstance(condition, Destinations):
                destinations = destinations.intersection(condition.addresses)
            elif answer is None:
                unknown.append(condition.text)
        return (destinations, tuple(unknown)) if destinations else None

    def _fulfilled(self, condition: Condition) -> bool | None:
        """Whether every packet fulfils a condition, none does, or (None) some may."""
        match condition:
            case Never() | ToItself():
                return False
            case FamilyIs(_, family) | Destinations(_, family):
                return family is self._subject.family
            case Sources(_, family, addresses):
                return family is self._subject.family and self._sources(addresses)
            case Mark():
                return self._mark(condition)
            case Unknown(text):
                return self._subject.fulfils(text)

    def _sources(self, addresses: Intervals) -> bool | None:
        everything = addresses.spans == ((0, self._subject.family.last),)
        if self._subject.sources is None:
            return True if everything else None
        if not self._subject.sources.intersection(addresses):
            return False
        return None if self._subject.sources.minus(addresses) else True

    def _mark(self, condition: Mark) -> bool | None:
        """Of the packets' mark one bit is known: kube-proxy's is not set."""
        clear = self._subject.kube_proxy_mark
        if condition.value & ~condition.mask:
            equal: bool | None = False
        elif condition.mask & clear and condition.value & clear:
            equal = False
        elif condition.mask & ~clear & 0xFFFFFFFF:
            equal = None
        else:
            equal = True
        return None if equal is None else equal != condition.negated


def destinations_of(found: Iterable[Translation]) -> Iterator[tuple[int, int]]:
    """The spans of all destinations of some translations, in no order."""
    for translation in found:
        yield from translation.destinations.spans
