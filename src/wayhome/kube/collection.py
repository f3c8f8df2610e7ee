"""The objects of a selection as the API server has last shown them. Pure.

A list and the events after it are folded into one state, and each call returns what that changes: an object appears,
is another version of itself, or goes. After a list that follows another (events in between were lost) the difference
of the two is what changed. Two versions are only ever compared for equality, so what is known already is no change.

An object that was deleted and made anew unseen is one change, to the new one: whoever cares compares its uid.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from wayhome.kube.events import Event, EventType
from wayhome.kube.objects import Key, Object, key_of, version_of


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

    def replace(self, listed: Iterable[Object]) -> Iterator[Change]:
        """Take a list for what is there now. The changes must be iterated over to be made."""
        new = {key_of(item): item for item in listed}
        for key in [key for key in self._items if key not in new]:
            yield from self._set(key, None)
        for key, item in new.items():
            yield from self._set(key, item)

    def apply(self, event: Event) -> Iterator[Change]:
        """Take an event of a watch. The changes must be iterated over to be made."""
        if event.type is EventType.BOOKMARK:
            return
        yield from self._set(
            key_of(event.item), None if event.type is EventType.DELETED else event.item
        )

    def _set(self, key: Key, item: Object | None) -> Iterator[Change]:
        before = self._items.get(key)
        if item is None:
            self._items.pop(key, None)
        else:
            self._items[key] = item
        gone_twice = item is None and before is None
        same = item is not None and before is not None and version_of(item) == version_of(before)
        if not gone_twice and not same:
            yield Change(key, item, before)
