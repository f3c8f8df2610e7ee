"""The objects of a selection as the API server has last shown them. Pure.

A list and the events after it are folded into one state, and each call returns what that changes: an object appears,
is another version of itself, or goes. After a list that follows another (events in between were lost) the difference
of the two is what changed. What is known already is no change; objects are compared as a whole, because an API server that was
restored from a backup gives the same resourceVersion to another content. The items of a list do not say their kind, the
objects of events do, so it is left out.

An object that was deleted and made anew unseen is one change, to the new one: whoever cares compares its uid.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wayhome.kube.events import Event, EventType
from wayhome.kube.objects import Key, Object, key_of


@dataclass(frozen=True, slots=True)
class Change:
    """`item` is what is there now; None: it is gone. `before`: what was there."""

    key: Key
    item: Object | None
    before: Object | None


class Collection:
    """The state, and how lists and events change it."""

    def __init__(self) -> None:
        self._items: dict[Key, Object] = {}

    @property
    def items(self) -> Mapping[Key, Object]:
        """What is there. Not to be changed."""
        return self._items

    def replace(self, listed: Iterable[Object]) -> list[Change]:
        """Take a list for what is there now. Returns what that changes; what is gone comes first."""
        new = {key_of(item): item for item in listed}
        gone = [(key, None) for key in self._items if key not in new]
        return [change for key, item in (*gone, *new.items()) if (change := self._set(key, item))]

    def apply(self, event: Event) -> list[Change]:
        """Take an event of a watch. Returns what that changes, which is one object at most."""
        if event.type is EventType.BOOKMARK:
            return []
        there = None if event.type is EventType.DELETED else event.item
        change = self._set(key_of(event.item), there)
        return [change] if change else []

    def _set(self, key: Key, item: Object | None) -> Change | None:
        before = self._items.get(key)
        if item is None:
            self._items.pop(key, None)
        else:
            item = {name: item[name] for name in item if name not in ("kind", "apiVersion")}
            self._items[key] = item
        return Change(key, item, before) if item != before else None
