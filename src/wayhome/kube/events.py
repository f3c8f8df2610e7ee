"""An event of a watch: what became of an object, or a bookmark.

Source: Kubernetes API concepts, "Efficient detection of changes", "Watch bookmarks".
"""

import enum
import json
from dataclasses import dataclass

from wayhome.kube.errors import NonsenseError, refusal_of
from wayhome.kube.http import Lines
from wayhome.kube.objects import Object


class EventType(enum.Enum):
    """The types that a watch may send, but ERROR, which is raised."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclass(frozen=True, slots=True)
class Event:
    """`item` is the object after the change; of a bookmark only its resourceVersion means something."""

    type: EventType
    item: Object


def parse_event(line: bytes) -> Event:
    """Read a line of a watch. Raises RefusedError for an ERROR event, NonsenseError for what is none at all."""
    try:
        event = json.loads(line)
        item = event["object"]
        if event["type"] == "ERROR":
            raise refusal_of(item)
        kind = EventType(event["type"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NonsenseError("the watch sent what is no event") from error
    if not isinstance(item, dict):
        raise NonsenseError("the watch sent an event without an object")
    return Event(kind, item)


class EventStream:
    """The events of one watch, while its connection lasts."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    async def next(self) -> Event | None:
        """The next event; None where the server has ended the watch. Raises KubeError."""
        line = await self._lines.read()
        return parse_event(line) if line else None
