"""What is handed on: a packet, what the network remembers of it, and the verdict of a branch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from wayhome.network import (
    Address,
    Protocol,
    Verdict,
)

Option = TypeVar("Option")

R, U, AMBIGUOUS, UNDETERMINED = (
    Verdict.REACHABLE,
    Verdict.UNREACHABLE,
    Verdict.AMBIGUOUS,
    Verdict.UNDETERMINED,
)


@dataclass(frozen=True)
class Wire:
    source: Address
    destination: Address
    protocol: Protocol
    sport: int
    dport: int

    def back(self) -> "Wire":
        return Wire(self.destination, self.source, self.protocol, self.dport, self.sport)


@dataclass
class State:
    passed: list[tuple[str, str, Wire]] = field(default_factory=list)
    connections: list[tuple[str, Wire, Wire]] = field(default_factory=list)
    fixed: list[tuple[object, int]] = field(default_factory=list)

    def copy(self) -> "State":
        return State(list(self.passed), list(self.connections), list(self.fixed))


@dataclass(frozen=True)
class Outcome:
    verdict: Verdict
    ends: frozenset[tuple[str, str]]  # (forward | reply | home, the cause or "")


Then = Callable[[State, str, Wire], Outcome]


def dead(leg: str, cause: str) -> Outcome:
    return Outcome(U, frozenset({(leg, cause)}))


def blind(leg: str) -> Outcome:
    return Outcome(UNDETERMINED, frozenset({(leg, "")}))


def combine(outcomes: list[Outcome], *, missing: bool) -> Outcome:
    ends = frozenset[tuple[str, str]]().union(*(outcome.ends for outcome in outcomes))
    verdicts = {outcome.verdict for outcome in outcomes}
    if len(verdicts) == 1:
        return Outcome(verdicts.pop(), ends)
    if missing:
        return Outcome(UNDETERMINED, ends)
    mixed = AMBIGUOUS in verdicts or {R, U} <= verdicts
    return Outcome(AMBIGUOUS if mixed else UNDETERMINED, ends)


def spread(
    state: State, options: Sequence[Option], go: Callable[[State, Option], Outcome]
) -> Outcome:
    return combine([go(state.copy(), option) for option in options], missing=False)


def fixed(
    state: State,
    fact: object,
    options: Sequence[Option],
    go: Callable[[State, Option], Outcome],
    *,
    missing: bool,
) -> Outcome:
    for known, number in state.fixed:
        if known is fact:
            return go(state, options[number])
    outcomes = []
    for number, option in enumerate(options):
        mine = state.copy()
        mine.fixed.append((fact, number))
        outcomes.append(go(mine, option))
    return combine(outcomes, missing=missing)
