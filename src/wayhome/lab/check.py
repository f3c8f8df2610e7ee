"""Asks the tracer and the kernel the same questions about one network.

A lab is built once for all flows that go one way, or whose packets the kernel may spread over equals because nothing
depends on it. Where something does, or where what holds is not known, a lab is built for each way, and asked about the
flows that may go it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from wayhome.lab.agreement import Disagreement, compare
from wayhome.lab.compiled.alternatives import Decided, Key, alternative, decisions
from wayhome.lab.compiled.asked import Asked, Seen
from wayhome.network import Flow, Network, Verdict
from wayhome.trace import ForkKind, Trace, trace

MOST_WAYS = 8
"""Of one flow that are built."""


class Kernel(Protocol):
    """Something in which flows can be tried."""

    def ask(self, questions: Sequence[Asked]) -> list[Seen]:
        """What becomes of these flows, in their order."""


Lab = Callable[[Network], AbstractContextManager[Kernel]]
Tracer = Callable[[Network, Flow, str], Trace]
_Expected = list[tuple[Asked, Trace]]
_NOTHING: Decided = {}


@dataclass(frozen=True, slots=True)
class Checked:
    """What both say of each flow, in how many labs, and where they differ. `not_built`: ways that no lab can have."""

    both: tuple[tuple[Trace, Seen], ...]
    labs: int
    not_built: int
    disagreements: tuple[Disagreement, ...]

    @property
    def flows(self) -> int:
        """How often both were asked."""
        return len(self.both)


def check(network: Network, asked: Sequence[Asked], lab: Lab, tracer: Tracer = trace) -> Checked:
    """Ask both. Raises what the lab raises."""
    both: list[tuple[Trace, Seen]] = []
    labs = not_built = 0
    for decided, expected in _by_lab(network, asked, tracer):
        if decided is None:
            not_built += len(expected)
            continue
        labs += 1
        with lab(alternative(network, decided)) as kernel:
            answers = kernel.ask([one for one, _ in expected])
        both += zip((traced for _, traced in expected), answers, strict=True)
    differ = tuple(found for traced, seen in both if (found := compare(traced, seen)) is not None)
    return Checked(tuple(both), labs, not_built, differ)


def predicted(network: Network, asked: Sequence[Asked]) -> list[Trace]:
    """What a check would hold against a kernel: a trace for each way that may be the one that holds."""
    return [traced for _, expected in _by_lab(network, asked, trace) for _, traced in expected]


def _by_lab(
    network: Network, asked: Sequence[Asked], tracer: Tracer
) -> Iterator[tuple[Decided | None, _Expected]]:
    groups: dict[frozenset[tuple[Key, int]] | None, _Expected] = {}
    for one in asked:
        for decided, traced in _alternatives(tracer(network, one.flow, one.at)):
            key = None if decided is None else frozenset(decided.items())
            groups.setdefault(key, []).append((one, traced))
    for key, expected in groups.items():
        yield None if key is None else dict(key), expected


def _alternatives(traced: Trace) -> Iterator[tuple[Decided | None, Trace]]:
    """What has to hold in a lab, and the trace of what then may happen."""
    known = all(t.fork.kind is ForkKind.SPREAD for way in traced.ways for t in way.taken)
    if known and traced.verdict is not Verdict.AMBIGUOUS:
        yield _NOTHING, traced
        return
    for number, way in enumerate(traced.ways):
        decided = decisions(way.taken) if number < MOST_WAYS else None
        yield decided, replace(traced, ways=(way,))
