"""A list of objects in a file. That an object is not in a list says something; outside of lists it says nothing."""

from dataclasses import dataclass, field

from wayhome.clouds.resource import Resource


@dataclass(slots=True)
class Listing:
    """A list, while it is read.

    `kind` and `scope` are what the list says about itself (`compute#routeList`, `projects/P/global/routes`), if it
    says anything. `partial`: why it is not all of what it should be; empty otherwise.
    """

    file: str
    pointer: str
    kind: type[Resource] | None = None
    scope: str = ""
    empty: bool = False
    """Whether nothing at all is in it, known here or not."""
    partial: str = ""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Scopes that the cloud did not answer for, with what it said."""
    members: dict[type[Resource], set[str]] = field(default_factory=dict)
    """The full names' beginnings of what is in it: projects, or namespaces of a cluster."""

    def add(self, kind: type[Resource], scope: str) -> None:
        """Note an object that is in the list."""
        self.members.setdefault(kind, set()).add(scope)
