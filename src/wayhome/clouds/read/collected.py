"""`collected.json`: what was asked for, of whom, into which file, and what could not be read.

`wayhome collect` writes it; one written by hand does as well. It is where a file's subject comes from if its content
does not name it (an empty list, the routes of a peering), and how "nobody may read it" differs from "nobody asked":

    {"schema": 1,
     "collected": [
       {"resource": "compute#route", "scope": "projects/P", "state": "exported", "file": "P/routes.json"},
       {"resource": "compute#network", "scope": "projects/Q", "state": "not-readable", "reason": "HTTP 403 …"}]}

`resource` is the `kind` of the objects. `scope` is the beginning of their full names: a project, a region of one, a
cluster; for outputs that do not name their subject it is that subject's full name, for routes of a peering
`NETWORK/peerings/PEERING/routes/DIRECTION/REGION`. `file` is relative to the folder of `collected.json`.
"""

import posixpath
from dataclasses import dataclass

import msgspec

from wayhome.clouds.knowledge import State
from wayhome.clouds.read.kinds import BY_KIND
from wayhome.clouds.resource import Resource

FILE_NAME = "collected.json"


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One command, as the file has it."""

    resource: str
    scope: str
    state: State
    file: str = ""
    reason: str = ""
    command: str = ""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The file."""

    schema: int
    collected: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Collected:
    """One command. `file` is relative to the directory that is read, like every path here; empty: none was written."""

    kind: type[Resource]
    scope: str
    state: State
    file: str
    reason: str
    source: str
    """The `collected.json`."""
    index: int


class NotCollectedError(Exception):
    """The file is not what it should be. The message says what is wrong; `pointer` where."""

    def __init__(self, pointer: str, problem: str) -> None:
        super().__init__(problem)
        self.pointer = pointer


def parse_collected(text: bytes, path: str) -> tuple[Collected, ...]:
    """Read the file. Raises NotCollectedError, msgspec.DecodeError."""
    document = msgspec.json.decode(text, type=Document)
    if document.schema != 1:
        raise NotCollectedError("/schema", f"is {document.schema}, and not 1")
    folder = posixpath.dirname(path)
    found = []
    for index, entry in enumerate(document.collected):
        kind = BY_KIND.get(entry.resource)
        if kind is None:
            raise NotCollectedError(f"/collected/{index}/resource", "is no kind that is read")
        file = posixpath.normpath(posixpath.join(folder, entry.file)) if entry.file else ""
        found.append(Collected(kind, entry.scope, entry.state, file, entry.reason, path, index))
    return tuple(found)
