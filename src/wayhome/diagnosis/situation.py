"""An estate, the network that it makes, and what becomes of one flow in it, in both directions.

A repair is a change of the estate; whether it works is seen by looking again.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes, effective_routes
from wayhome.diagnosis.damages import Damages
from wayhome.diagnosis.disputes import settled
from wayhome.diagnosis.question import Asked, Question, ask
from wayhome.network import Network, Verdict
from wayhome.trace import Trace, trace, trace_reverse


@dataclass(frozen=True)
class Situation:
    """One look. `trace` is the asked flow with its reply, `routes` those from which the network was made."""

    estate: Estate
    routes: EffectiveRoutes
    network: Network
    question: Question
    asked: Asked
    trace: Trace

    @classmethod
    def of(cls, estate: Estate, question: Question) -> Self:
        """Compile and trace. Raises EndpointError and NetworkError."""
        found = cls._as_used(estate, question)
        traced = found.trace

        def again(other: Estate) -> Trace:
            return cls._as_used(other, question).trace

        if estate.disputed:
            traced = settled(estate, traced, again)
        return replace(found, trace=Damages.of(estate).doubted(traced))

    @classmethod
    def _as_used(cls, estate: Estate, question: Question) -> Self:
        """Of objects that two files disagree about, as the first one has them."""
        routes = effective_routes(estate)
        network = compile_estate(estate, routes)
        asked = ask(estate, network, question)
        traced = trace(network, asked.flow, asked.source.node)
        return cls(estate, routes, network, question, asked, traced)

    @cached_property
    def reverse(self) -> Trace | None:
        """Whether the destination could open a connection to the source; None if nobody has its address."""
        return trace_reverse(self.network, self.trace)

    @property
    def works(self) -> bool:
        """Whether the flow reaches its destination and the reply comes home, for certain."""
        return self.trace.verdict is Verdict.REACHABLE

    def with_estate(self, estate: Estate) -> Self:
        """The same question about another estate. Raises EndpointError and NetworkError."""
        return type(self).of(estate, self.question)
