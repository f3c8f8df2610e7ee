"""Where a flow's way forks, and how all ways are explored.

The walk is straight-line code that asks at each fork which way to go (`Forks.pick`). It is run again for each answer
that was not given yet, until all are: depth first, without any copy of its state, and without a word about branches in
the walk itself. Most flows fork nowhere and are walked once.

The outcomes form a tree, and the verdict is read from it: where all branches of a fork agree it does not matter; equal
routes and free choices make a flow AMBIGUOUS where they do not; a missing fact makes it UNDETERMINED. A fork about a
fact is decided once in a walk, however often the walk comes by.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import Generic, TypeVar

from wayhome.network import Missing, Verdict

Result = TypeVar("Result")

MOST_WAYS = 4096
"""Ways that are explored, in about a second: more than a Service has endpoints, or equal tunnels both ways."""

TOO_MANY = Missing(
    fact=f"the flow has more than {MOST_WAYS} ways through the network, and the rest was not walked",
    command="wayhome why SOURCE ENDPOINT (one of those that the flows spread over, in place of all)",
)


class ForkKind(Enum):
    """What decides: each flow's hash, a fact that is fixed for all flows, or a fact that could be known."""

    SPREAD = "flows are spread over equals"
    CHOICE = "one of several holds"
    MISSING = "a fact is missing"


@dataclass(frozen=True, slots=True)
class Fork:
    """A place where the way forks, and what each way is called. `missing` is set where a fact is."""

    kind: ForkKind
    options: tuple[str, ...]
    fact: str = ""
    missing: Missing | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A fork, and the option that was taken.

    `about` is what forks: the routes or the targets that flows spread over, the Choice or the Either, the ports that
    own one address. It is None for a filter. A lab that builds this way alone puts the option in its place.
    """

    fork: Fork
    option: int
    about: object = None

    def __str__(self) -> str:
        return self.fork.options[self.option]


class Forks:
    """The decisions of one walk: those of its script, and behind its end always the first option."""

    def __init__(self, script: Sequence[int]) -> None:
        self._script = script
        self._fixed: dict[int, int] = {}
        self.taken: list[Taken] = []

    def pick(self, fork: Fork, about: object = None) -> int:
        """Which option to take. Where the fork is about a fact, and not about each flow, it is the same each time."""
        fixed = about is not None and fork.kind is not ForkKind.SPREAD
        if fixed and id(about) in self._fixed:
            return self._fixed[id(about)]
        at = len(self.taken)
        option = self._script[at] if at < len(self._script) else 0
        self.taken.append(Taken(fork, option, about))
        if fixed:
            self._fixed[id(about)] = option
        return option


@dataclass(frozen=True, slots=True)
class Way(Generic[Result]):
    """One way through all forks, and where it led."""

    taken: tuple[Taken, ...]
    result: Result


def explore(walk: Callable[[Forks], Result]) -> tuple[tuple[Way[Result], ...], bool]:
    """All ways in order, at most MOST_WAYS, and whether that is all of them."""
    ways: list[Way[Result]] = []
    script: list[int] | None = []
    while script is not None and len(ways) < MOST_WAYS:
        forks = Forks(script)
        result = walk(forks)
        ways.append(Way(tuple(forks.taken), result))
        script = _next_script(forks.taken)
    return tuple(ways), script is None


def _next_script(taken: list[Taken]) -> list[int] | None:
    """The last fork that has an option left takes it."""
    for depth in range(len(taken) - 1, -1, -1):
        if taken[depth].option + 1 < len(taken[depth].fork.options):
            return [t.option for t in taken[:depth]] + [taken[depth].option + 1]
    return None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and the facts that it lacks."""

    verdict: Verdict
    missing: tuple[Missing, ...] = ()


def judge(
    ways: Sequence[Way[Result]], verdict: Callable[[Result], Judgement], depth: int = 0
) -> Judgement:
    """The verdict on all ways that share their first `depth` decisions, in the order in which they were explored."""
    if len(ways) == 1:
        return verdict(ways[0].result)
    fork = ways[0].taken[depth].fork
    branches = [
        judge(tuple(branch), verdict, depth + 1)
        for _, branch in groupby(ways, key=lambda way: way.taken[depth].option)
    ]
    verdicts = {branch.verdict for branch in branches}
    missing = tuple(dict.fromkeys(fact for branch in branches for fact in branch.missing))
    if len(verdicts) == 1:
        return Judgement(branches[0].verdict, missing)
    if fork.missing is not None:
        return Judgement(Verdict.UNDETERMINED, tuple(dict.fromkeys((fork.missing, *missing))))
    if Verdict.AMBIGUOUS in verdicts or {Verdict.REACHABLE, Verdict.UNREACHABLE} <= verdicts:
        return Judgement(Verdict.AMBIGUOUS, missing)
    return Judgement(Verdict.UNDETERMINED, missing)
