"""One state of an estate, asked completely: every source's classes with their outcomes.

Several states that shall be compared are prepared apart and surveyed in one space. So are the versions of an estate in
which files disagree: what is not answered alike in all of them is not known.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Self

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes, effective_routes
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.kubernetes.nodes_of_google import nodes_of_google
from wayhome.diagnosis.audit.destinations import Outside, outside
from wayhome.diagnosis.audit.outcome import Outcome, Outcomes
from wayhome.diagnosis.audit.settled import Answers, settled
from wayhome.diagnosis.audit.sources import Source, Sources, sources
from wayhome.diagnosis.damages import Damages
from wayhome.diagnosis.disputes import MOST, Version, versions
from wayhome.diagnosis.neighbourhood import LARGE
from wayhome.network import Flow, NetworkError
from wayhome.prefixes import Intervals
from wayhome.trace import Trace, trace
from wayhome.trace.classes import Box, FlowClass, Space, classes
from wayhome.trace.classes.line import position

Progress = Callable[[int, int], None]
"""How many sources of how many were asked."""


@dataclass(frozen=True)
class State:
    """An estate, compiled, with who asks in it and about what, by cluster."""

    estate: Estate
    routes: EffectiveRoutes
    sources: Sources
    outside: Outside
    versions: tuple[tuple[Version, "State | None"], ...] = ()
    """With disputed objects as the other file has them; None where that is no network."""
    of_google: tuple[str, ...] = ()
    """Nodes that only Google's objects tell of."""

    @classmethod
    def of(cls, estate: Estate) -> Self:
        """Compile; nodes that kubectl did not tell of are those that Google tells of. Raises NetworkError."""
        derived = nodes_of_google(estate)
        estate = estate.with_changes(created=derived)
        most = MOST if len(estate.all(Network)) <= LARGE else 1
        tried = versions(estate, most=most)
        return replace(
            cls._as_used(estate),
            versions=tuple((one, cls._version(one.estate)) for one in tried),
            of_google=tuple(node.name for node in derived),
        )

    @classmethod
    def _as_used(cls, estate: Estate) -> Self:
        routes = effective_routes(estate)
        asking = sources(estate, routes)
        clusters = dict.fromkeys(source.cluster for source in asking.all)
        return cls(estate, routes, asking, outside(estate, routes, clusters))

    @classmethod
    def _version(cls, estate: Estate) -> Self | None:
        try:
            return cls._as_used(estate)
        except NetworkError:
            return None


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A class of a source's flows: its boxes, what becomes of them, and one that was traced."""

    source: Source
    boxes: tuple[Box, ...]
    outcome: Outcome
    flow: Flow


def space_of(*states: State) -> Space:
    """One space for all states, and the versions of each."""
    asked = Intervals.of(s for state in states for s in state.outside.everything().spans)
    others = (other for state in states for _, other in state.versions if other is not None)
    everyone = [one.sources for one in (*states, *others)]
    asking = (source.address for one in everyone for source in one.all)
    told_apart = [distinction for one in everyone for distinction in one.told_apart]
    return Space([one.network for one in everyone], told_apart, asked, asking)


class Surveyor:
    """Asks in one state."""

    def __init__(self, state: State, space: Space) -> None:
        self._state, self._space = state, space
        self._versions = [
            (version, Surveyor(other, space) if other else None)
            for version, other in state.versions
        ]
        self._outcomes = Outcomes(state.estate, state.routes)
        self._damages = Damages.of(state.estate)
        self._by_range: dict[tuple[str, str, str], list[Source]] = {}
        for source in state.sources.all:
            self._by_range.setdefault(source.of_range, []).append(source)
        self._recorded = space.recorded(state.sources.network)
        named = state.outside.by_network
        bits = {network: space.atoms.bits(held.spans) for network, held in named.items()}
        self._outside = {}
        for cluster, (networks, held) in state.outside.own.items():
            atoms = space.atoms.bits(held.spans)
            for network, of_network in bits.items():
                if network not in networks:
                    atoms |= of_network
            self._outside[cluster] = atoms

    @property
    def everything(self) -> int:
        """The atoms that anybody is asked about."""
        found = 0
        for atoms in self._outside.values():
            found |= atoms
        return found

    def asked(self, source: Source) -> int:
        """The atoms that a source is asked about; a stand-in not about itself."""
        atoms = self._outside[source.cluster]
        return (
            atoms & ~self._space.atoms.alone(position(source.address)) if source.stand_in else atoms
        )

    def classes(self, source: Source) -> Iterator[Surveyed]:
        """All classes of a source."""
        asked = self.asked(source)
        answers = [
            (version, surveyor.answers(asked, source, self.of_range(source)) if surveyor else {})
            for version, surveyor in self._versions
        ]
        for one in self._traced(source, asked):
            for boxes, answer in settled(self._state.estate, one, answers):
                flow = one.trace.flow
                if boxes != one.boxes:
                    flow = self._space.flow(source.address, *self._space.example(*boxes[0]))
                yield Surveyed(source, boxes, self._outcome(source, answer), flow)

    def of_range(self, source: Source) -> list[Source]:
        """All that ask for the range that a source asks for."""
        return self._by_range.get(source.of_range, [])

    def answers(self, asked: int, source: Source, alike: Sequence[Source]) -> Answers:
        """What a source of another version is answered here; nothing, unless the same ask for its range."""
        own = self.of_range(source)
        if [(one.at, one.address) for one in own] != [(one.at, one.address) for one in alike]:
            return {}
        found: Answers = {}
        for one in own:
            if one.at == source.at:
                for each in self._traced(one, asked):
                    found.setdefault(each.trace.verdict, []).extend(each.boxes)
        return found

    def _traced(self, source: Source, asked: int) -> Iterator[FlowClass]:
        with self._present(source):
            yield from classes(self._space, self._recorded, source.address, source.at, asked)

    def ask(self, source: Source, flow: Flow) -> tuple[Trace, Outcome]:
        """About one flow."""
        with self._present(source):
            answer = trace(self._recorded.as_network, flow, source.at)
            return answer, self._outcome(source, answer)

    def _outcome(self, source: Source, answer: Trace) -> Outcome:
        doubted = self._damages.doubted(answer)
        return self._outcomes.of(self._recorded.as_network, doubted, source.cluster)

    def _present(self, source: Source) -> AbstractContextManager[None]:
        if source.host is None or source.pod is None:
            return nullcontext()
        return self._recorded.standing_in(source.host, source.pod)

    def survey(self, sources: Sequence[Source], progress: Progress) -> Iterator[Surveyed]:
        """All classes of several sources, in their order."""
        for done, source in enumerate(sources):
            progress(done, len(sources))
            yield from self.classes(source)
        progress(len(sources), len(sources))
