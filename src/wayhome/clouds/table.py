"""The objects of one type, by full name and by what they belong to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource

R_co = TypeVar("R_co", bound=Resource, covariant=True)


@dataclass(frozen=True, slots=True)
class Table(Generic[R_co]):
    """An immutable table with an index, made once."""

    objects: Mapping[str, Located[R_co]]
    _by_owner: Mapping[str, tuple[Located[R_co], ...]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        by_owner: dict[str, list[Located[R_co]]] = {}
        for name, located in self.objects.items():
            for owner in {*located.value.owners(), *_enclosing(name)}:
                by_owner.setdefault(owner, []).append(located)
        object.__setattr__(self, "_by_owner", {key: tuple(all_) for key, all_ in by_owner.items()})

    def of(self, owner: str) -> tuple[Located[R_co], ...]:
        """The objects that belong to a project, a network, a cluster, a namespace."""
        return self._by_owner.get(owner, ())

    def with_changes(
        self, put: Iterable[Located[Resource]], deleted: Iterable[str]
    ) -> "Table[R_co]":
        """Another table. Raises KeyError for a deleted object that is not there."""
        objects: dict[str, Located[Resource]] = dict(self.objects)
        for name in deleted:
            del objects[name]
        objects.update((located.name, located) for located in put)
        return Table(objects)  # type: ignore[arg-type]  # the estate keeps tables apart by type


def _enclosing(name: str) -> tuple[str, ...]:
    """The project, the cluster and the namespace that a full name begins with."""
    parts = name.split("/")
    if "k8s" in parts:
        cluster = parts.index("k8s")
        names = ["/".join(parts[:cluster])]
        if parts[cluster + 1 : cluster + 2] == ["namespaces"] and len(parts) > cluster + 3:
            names.append("/".join(parts[: cluster + 3]))
        return tuple(names)
    return ("/".join(parts[:2]),) if parts[0] == "projects" else ()
