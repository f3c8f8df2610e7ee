"""An object of the API, as its JSON says, and the few parts of it that everything here reads."""

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
"""Decoded JSON. It comes from the API server, which has validated the fields of the kinds that we ask for."""

Key = tuple[str, str]
"""Namespace (empty for what has none) and name."""


def metadata(item: Object) -> Object:
    """Its metadata; empty where it has none."""
    found = item.get("metadata")
    return found if isinstance(found, dict) else {}


def key_of(item: Object) -> Key:
    """What the API server knows it by, within its resource."""
    found = metadata(item)
    return str(found.get("namespace", "")), str(found.get("name", ""))


def version_of(item: Object) -> str:
    """Its resourceVersion: opaque, compared for equality only; empty where there is none."""
    return str(metadata(item).get("resourceVersion", ""))


@dataclass(frozen=True, slots=True, order=True)
class ObjectVersion:
    """One version of one object. `uid` tells it from another one that had its name before."""

    namespace: str
    name: str
    uid: str
    version: str

    @classmethod
    def of(cls, item: Object) -> "ObjectVersion":
        """The version that `item` is."""
        return cls(*key_of(item), str(metadata(item).get("uid", "")), version_of(item))
