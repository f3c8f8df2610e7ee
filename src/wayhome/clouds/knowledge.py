"""What exports say about their own completeness.

An object that is not in the exports may not exist, or may not have been exported, or nobody may have been allowed to
read it, or its file may be damaged. Only the first is a fact about the network; the others are missing facts, and no
verdict may be built on them. So beside the objects stands what was read of which kind, and where.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field

from wayhome.clouds.resource import Resource
from wayhome.network.evidence import Evidence


class State(enum.Enum):
    """Whether all objects of a kind in a scope are known."""

    EXPORTED = "exported"
    NOT_EXPORTED = "not-exported"
    NOT_READABLE = "not-readable"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Claim:
    """What one file says about one kind of objects in one scope.

    `scope` is the beginning of full names: `projects/P`, `projects/P/regions/R`, a cluster, a namespace in it. For a
    damaged file of which nothing can be said, `kind` is None and `scope` empty: it may have held anything.
    """

    kind: type[Resource] | None
    scope: str
    state: State
    reason: str = ""
    """A sentence, where the state is not EXPORTED."""
    evidence: Evidence | None = None

    def covers(self, scope: str) -> bool:
        """Whether it speaks of all of a scope."""
        return not self.scope or scope == self.scope or scope.startswith(self.scope + "/")

    def touches(self, scope: str) -> bool:
        """Whether it speaks of a part of a scope, or of all of it."""
        return self.covers(scope) or self.scope.startswith(scope + "/")


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All claims of a directory."""

    claims: tuple[Claim, ...] = ()
    _by_kind: dict[type[Resource] | None, list[Claim]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        by_kind: dict[type[Resource] | None, list[Claim]] = {}
        for claim in self.claims:
            by_kind.setdefault(claim.kind, []).append(claim)
        object.__setattr__(self, "_by_kind", by_kind)

    def of(self, kind: type[Resource], scope: str) -> Claim:
        """What is known of a kind in a scope: the claim that decides.

        A scope is known if a list of all of it was read, and no part of it is damaged or was refused. What was
        refused to one and exported by another is known, as far as the refusal did not concern a part of the export.
        """
        found = [*self._by_kind.get(kind, ()), *self._by_kind.get(None, ())]
        whole = [claim for claim in found if claim.covers(scope)]
        exported = _first(whole, State.EXPORTED)
        refused = _first(
            (claim for claim in found if claim.touches(scope))
            if exported is None
            else (
                claim
                for claim in found
                if claim.touches(scope)
                and claim.scope != exported.scope
                and exported.covers(claim.scope)
            ),
            State.NOT_READABLE,
        )
        damaged = _first((claim for claim in found if claim.touches(scope)), State.DAMAGED)
        return damaged or refused or exported or Claim(kind, scope, State.NOT_EXPORTED)


def _first(claims: Iterable[Claim], state: State) -> Claim | None:
    return next((claim for claim in claims if claim.state is state), None)
