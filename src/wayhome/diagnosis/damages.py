"""Files that were not understood, in a project that a flow goes through: it may come home, but nobody can say so.

Where what is damaged decides a step, the network says so itself, and the trace is UNDETERMINED. But a damaged file may
also have held what no step asks for: a Pod with a host port, a second owner of the address. Only success is taken back:
a way on which a step lacks what a damaged file may hold is UNDETERMINED already, and not lost.
"""

from dataclasses import dataclass, replace
from typing import Self

from wayhome.clouds.collect.commands import listed_by
from wayhome.clouds.estate import Estate
from wayhome.clouds.finding import quoted_place
from wayhome.clouds.knowledge import Claim, State
from wayhome.network import Missing, Verdict
from wayhome.trace import Trace


@dataclass(frozen=True, slots=True)
class Damages:
    """What an estate's damaged files speak of."""

    claims: tuple[Claim, ...]

    @classmethod
    def of(cls, estate: Estate) -> Self:
        """All of an estate."""
        return cls(tuple(one for one in estate.knowledge.claims if one.state is State.DAMAGED))

    def doubted(self, traced: Trace) -> Trace:
        """The trace, and UNDETERMINED where a flow comes home through a project of which a file was not understood."""
        if traced.verdict is not Verdict.REACHABLE or not self.claims:
            return traced
        missing = dict.fromkeys(
            _missing(claim, scope)
            for claim in self.claims
            if (scope := _touched(claim, _scopes(traced)))
        )
        if not missing:
            return traced
        return replace(traced, verdict=Verdict.UNDETERMINED, missing=tuple(missing))


def _touched(claim: Claim, scopes: tuple[str, ...]) -> str:
    """The scope that the claim is about, or the first one that it may be about; empty where it is about another."""
    found = next((scope for scope in scopes if claim.touches(scope)), "")
    return found and (claim.scope or found)


def _scopes(traced: Trace) -> tuple[str, ...]:
    """The projects that the flow goes through; of what is of no project, the cluster."""
    names = (hop.node for hop in (*traced.forward, *traced.reply))
    return tuple(dict.fromkeys(_scope(name) for name in names))


def _scope(name: str) -> str:
    parts = name.split("/")
    return "/".join(parts[:2]) if parts[0] == "projects" else name.partition("/k8s/")[0]


def _missing(claim: Claim, scope: str) -> Missing:
    file = quoted_place(claim.evidence.file) if claim.evidence else "a damaged file"
    return Missing(
        f"what {file} holds, which was not understood",
        listed_by(claim.kind, scope),
        Verdict.REACHABLE,
        f"something in {file} says otherwise",
    )
