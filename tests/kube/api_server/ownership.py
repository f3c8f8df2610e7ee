"""Who owns which field: managedFields, and server-side apply.

Every write makes its manager the owner of what it changed. An apply declares everything that its manager wants; what
another manager holds with another value is a conflict, and what this one declared before and does not any more goes.
Lists count as one value, which is right for all fields that the project applies.

Source: Kubernetes, "Server-Side Apply" (field management, conflicts); structured-merge-diff's FieldsV1.
"""

from collections.abc import Iterable

from tests.kube.api_server.clock import Clock
from tests.kube.api_server.failure import Failure
from tests.kube.api_server.kinds import Object

Path = tuple[str, ...]
Owner = tuple[str, str, str]
"""Manager, operation (Update or Apply), subresource."""

_ABSENT = object()
_NOT_MANAGED = {"kind", "apiVersion"}
_NOT_MANAGED_METADATA = {
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "generation",
}


def leaves(item: Object) -> set[Path]:
    """The paths of all values that are no mappings, or empty ones."""
    found: set[Path] = set()
    for name, value in item.items():
        if name == "metadata":
            inner = {k: v for k, v in value.items() if k not in _NOT_MANAGED_METADATA}
            found |= {("metadata", *path) for path in _leaves(inner)} if inner else set()
        elif name not in _NOT_MANAGED:
            found |= {(name, *path) for path in _leaves(value)}
    return found


def _leaves(value: object) -> set[Path]:
    if not isinstance(value, dict) or not value:
        return {()}
    return {(name, *path) for name, inner in value.items() for path in _leaves(inner)}


def value_at(item: Object, path: Path) -> object:
    value: object = item
    for part in path:
        value = value.get(part, _ABSENT) if isinstance(value, dict) else _ABSENT
    return value


class Ownership:
    """The managedFields of one object."""

    def __init__(self, item: Object | None, api_version: str) -> None:
        self._api_version = api_version
        self._owned: dict[Owner, set[Path]] = {}
        self._times: dict[Owner, str] = {}
        for entry in (item or {}).get("metadata", {}).get("managedFields") or []:
            owner = (entry["manager"], entry["operation"], entry.get("subresource", ""))
            self._owned[owner] = set(_decoded(entry["fieldsV1"]))
            self._times[owner] = entry["time"]

    def updated(self, before: Object | None, after: Object, manager: str, subresource: str) -> None:
        """A create, an update or a patch made `after` out of `before`."""
        there = leaves(after)
        changed = {path for path in there if value_at(before or {}, path) != value_at(after, path)}
        self._owned = {owner: (owned & there) - changed for owner, owned in self._owned.items()}
        if changed:
            self._own((manager, "Update", subresource), changed)

    def apply(self, live: Object | None, applied: Object, manager: str, *, force: bool) -> Object:
        """The object that an apply makes of `live`. Raises Failure with the conflicts."""
        owner = (manager, "Apply", "")
        wanted = leaves(applied)
        held = live or {}
        conflicts = [
            (other, path)
            for other, owned in self._owned.items()
            for path in sorted(owned & wanted)
            if other != owner and value_at(held, path) != value_at(applied, path)
        ]
        if conflicts and not force:
            raise _conflict(conflicts, self._api_version)
        for other, path in conflicts:
            self._owned[other].discard(path)
        dropped = self._owned.pop(owner, set()) - wanted
        for path in dropped:
            if not any(path in owned for owned in self._owned.values()):
                held = _without(held, path)
        self._own(owner, wanted)
        return _merged(held, applied)

    def entries(self) -> list[Object]:
        """As managedFields, without owners that own nothing."""
        return [
            {
                "manager": manager,
                "operation": operation,
                **({"subresource": subresource} if subresource else {}),
                "apiVersion": self._api_version,
                "time": self._times[manager, operation, subresource],
                "fieldsType": "FieldsV1",
                "fieldsV1": _encoded(owned),
            }
            for (manager, operation, subresource), owned in self._owned.items()
            if owned
        ]

    def _own(self, owner: Owner, paths: set[Path]) -> None:
        self._owned.setdefault(owner, set()).update(paths)
        self._times[owner] = Clock.stamp()


def _conflict(conflicts: list[tuple[Owner, Path]], api_version: str) -> Failure:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{owner[0]}" using {api_version}',
            "field": "." + ".".join(path),
        }
        for owner, path in conflicts
    ]
    one = len(causes) == 1
    said = ", ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    message = f"Apply failed with {len(causes)} conflict{'' if one else 's'}: {said}"
    return Failure(409, "Conflict", message, {"causes": causes})


def _merged(below: Object, above: Object) -> Object:
    merged = dict(below)
    for name, value in above.items():
        inner = merged.get(name)
        both = isinstance(inner, dict) and isinstance(value, dict)
        merged[name] = _merged(inner, value) if both else value  # type: ignore[arg-type]
    return merged


def _without(item: Object, path: Path) -> Object:
    if path[0] not in item:
        return item
    inner = item[path[0]]
    if len(path) == 1 or not isinstance(inner, dict):
        return {name: value for name, value in item.items() if name != path[0]}
    return {**item, path[0]: _without(inner, path[1:])}


def _encoded(paths: Iterable[Path]) -> Object:
    fields: Object = {}
    for path in sorted(paths):
        inner = fields
        for part in path:
            inner = inner.setdefault(f"f:{part}", {})
    return fields


def _decoded(fields: Object, above: Path = ()) -> Iterable[Path]:
    for name, inner in fields.items():
        path = (*above, name.removeprefix("f:"))
        if inner:
            yield from _decoded(inner, path)
        else:
            yield path
