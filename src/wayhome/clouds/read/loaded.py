"""Objects that were read, before everything is known about where they belong."""

from dataclasses import dataclass

from wayhome.clouds.read.listing import Listing
from wayhome.clouds.resource import Resource


@dataclass(frozen=True, slots=True)
class Loaded:
    """An object and its place. `name` is its full name, empty until it is known."""

    resource: Resource
    file: str
    pointer: str
    listing: Listing | None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Damage:
    """A place that was not understood. `kind` and `scope` say what may be missing; None and '' mean anything."""

    file: str
    pointer: str
    kind: type[Resource] | None
    scope: str
    reason: str
