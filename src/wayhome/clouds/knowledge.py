"""What exports say about their own completeness.

An object that is not in the exports may not exist, or may not have been exported, or nobody may have been allowed to
read it, or its file may be damaged. Only the first is a fact about the network; the others are missing facts, and no
verdict may be built on them. So beside the objects stands what was read of which kind, and where.
"""

import enum
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter

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
    """All claims of a directory. They are found by scope: hundreds of projects have thousands of claims."""

    claims: tuple[Claim, ...] = ()
    _by_kind: dict[type[Resource] | None, "_ByScope"] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_kind: dict[type[Resource] | None, list[tuple[int, Claim]]] = {}
        for position, claim in enumerate(self.claims):
            by_kind.setdefault(claim.kind, []).append((position, claim))
        indexed = {kind: _ByScope(claims) for kind, claims in by_kind.items()}
        object.__setattr__(self, "_by_kind", indexed)

    def of(self, kind: type[Resource], scope: str) -> Claim:
        """What is known of a kind in a scope: the claim that decides.

        A scope is known if a list of all of it was read, and no part of it is damaged or was refused. What was
        refused to one and exported by another is known, as far as the refusal did not concern a part of the export.
        """
        touching = [
            claim
            for each in (kind, None)
            if each in self._by_kind
            for claim in self._by_kind[each].touching(scope)
        ]
        exported = _first((claim for claim in touching if claim.covers(scope)), State.EXPORTED)
        refused = _first(
            touching
            if exported is None
            else (
                claim
                for claim in touching
                if claim.scope != exported.scope and exported.covers(claim.scope)
            ),
            State.NOT_READABLE,
        )
        damaged = _first(touching, State.DAMAGED)
        return damaged or refused or exported or Claim(kind, scope, State.NOT_EXPORTED)


class _ByScope:
    """The claims about one kind: those about a scope, about what it lies in, and about what lies in it."""

    def __init__(self, claims: Iterable[tuple[int, Claim]]) -> None:
        self._claims: dict[str, list[tuple[int, Claim]]] = {}
        for position, claim in claims:
            self._claims.setdefault(claim.scope, []).append((position, claim))
        self._scopes = sorted(self._claims)

    def touching(self, scope: str) -> list[Claim]:
        """Those that speak of all of a scope or of a part of it, in the order of the directory."""
        parts = scope.split("/")
        around = ["", *("/".join(parts[: end + 1]) for end in range(len(parts)))]
        found = [item for name in dict.fromkeys(around) for item in self._claims.get(name, ())]
        below = scope + "/"
        at = bisect_left(self._scopes, below)
        while at < len(self._scopes) and self._scopes[at].startswith(below):
            found += self._claims[self._scopes[at]]
            at += 1
        return [claim for _, claim in sorted(found, key=itemgetter(0))]


def _first(claims: Iterable[Claim], state: State) -> Claim | None:
    return next((claim for claim in claims if claim.state is state), None)
