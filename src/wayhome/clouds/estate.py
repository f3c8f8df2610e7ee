"""Everything that a directory of exports says: objects by type and name, and how complete they are.

An estate is frozen. A repair makes another one by `with_changes`, which shares everything that did not change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

from wayhome.clouds.finding import Finding
from wayhome.clouds.knowledge import Claim, Knowledge
from wayhome.clouds.located import Located
from wayhome.clouds.node_state import NodeState
from wayhome.clouds.resource import Resource
from wayhome.clouds.table import Table

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, slots=True)
class Dispute:
    """One object that two files have differently. `used` is the one that stands in the tables."""

    used: Located[Resource]
    other: Located[Resource]

    @property
    def name(self) -> str:
        """The object's full name."""
        return self.used.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """Several projects and clusters. Full names are the keys: `projects/P/global/networks/N`."""

    tables: Mapping[type[Resource], Table[Resource]] = field(default_factory=dict)
    knowledge: Knowledge = field(default_factory=Knowledge)
    node_states: Mapping[str, NodeState] = field(default_factory=dict)
    """By the full name of the node."""
    disputed: Mapping[str, Dispute] = field(default_factory=dict)
    """By full name, the objects that files disagree about."""
    findings: tuple[Finding, ...] = ()

    def all(self, kind: type[R]) -> Mapping[str, Located[R]]:
        """All objects of a type, by full name."""
        table = self.tables.get(kind)
        return cast("Mapping[str, Located[R]]", table.objects if table else {})

    def get(self, kind: type[R], name: str) -> Located[R] | None:
        """The object of that full name."""
        return self.all(kind).get(name)

    def of(self, kind: type[R], owner: str) -> tuple[Located[R], ...]:
        """The objects that belong to another one: the routes of a network, the Pods of a namespace."""
        table = self.tables.get(kind)
        return cast("tuple[Located[R], ...]", table.of(owner) if table else ())

    def knows(self, kind: type[Resource], scope: str) -> Claim:
        """Whether all objects of a type in a scope are known: `knows(Route, "projects/P").state`."""
        return self.knowledge.of(kind, scope)

    def with_changes(
        self,
        *,
        created: Iterable[Located[Resource]] = (),
        changed: Iterable[Located[Resource]] = (),
        deleted: Iterable[tuple[type[Resource], str]] = (),
    ) -> "Estate":
        """The estate after a change. What is known to be complete stays so; what is changed is no longer disputed.

        Raises ValueError for creating what is there, and for changing or deleting what is not.
        """
        put: dict[type[Resource], dict[str, Located[Resource]]] = {}
        gone: dict[type[Resource], set[str]] = {}
        for kind, name in deleted:
            self._require(kind, name, there=True)
            gone.setdefault(kind, set()).add(name)
        for there, objects in ((False, created), (True, changed)):
            for located in objects:
                kind = type(located.value)
                self._require(kind, located.name, there=there)
                put.setdefault(kind, {})[located.name] = located
        tables = dict(self.tables)
        for kind in {*put, *gone}:
            table = tables.get(kind) or Table({})
            tables[kind] = table.with_changes(put.get(kind, {}).values(), gone.get(kind, ()))
        settled = {name for names in (*put.values(), *gone.values()) for name in names}
        disputed = {name: one for name, one in self.disputed.items() if name not in settled}
        return replace(self, tables=tables, disputed=disputed)

    def _require(self, kind: type[Resource], name: str, *, there: bool) -> None:
        if (self.get(kind, name) is not None) is not there:
            raise ValueError(f"{name} is {'not in' if there else 'already in'} the estate")
