"""One state of an estate, asked completely: every source's classes with their outcomes.

Several states that shall be compared are prepared apart and surveyed in one space.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Self

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes, effective_routes
from wayhome.diagnosis.audit.destinations import Outside, outside
from wayhome.diagnosis.audit.outcome import Outcome, Outcomes
from wayhome.diagnosis.audit.sources import Source, Sources, sources
from wayhome.diagnosis.damages import Damages
from wayhome.network import Flow
from wayhome.prefixes import Intervals
from wayhome.trace import Trace, trace
from wayhome.trace.classes import Box, Space, classes
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

    @classmethod
    def of(cls, estate: Estate) -> Self:
        """Compile. Raises NetworkError."""
        routes = effective_routes(estate)
        asking = sources(estate, routes)
        clusters = dict.fromkeys(source.cluster for source in asking.all)
        return cls(estate, routes, asking, outside(estate, routes, clusters))


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A class of a source's flows: its boxes, what becomes of them, and one that was traced."""

    source: Source
    boxes: tuple[Box, ...]
    outcome: Outcome
    flow: Flow


def space_of(*states: State) -> Space:
    """One space for all states."""
    asked = Intervals.of(s for state in states for s in state.outside.everything().spans)
    asking = (source.address for state in states for source in state.sources.all)
    told_apart = [one for state in states for one in state.sources.told_apart]
    return Space([state.sources.network for state in states], told_apart, asked, asking)


class Surveyor:
    """Asks in one state."""

    def __init__(self, state: State, space: Space) -> None:
        self._space = space
        self._outcomes = Outcomes(state.estate, state.routes)
        self._damages = Damages.of(state.estate)
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
        with self._present(source):
            for one in classes(self._space, self._recorded, source.address, source.at, asked):
                yield Surveyed(source, one.boxes, self._outcome(source, one.trace), one.trace.flow)

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
