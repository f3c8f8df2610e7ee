"""What etcd and the watch cache hold: objects, one version that counts every write, and a bounded history.

Objects are never changed in place: who has got one keeps it as it was.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tests.kube.api_server.kinds import KINDS, Key, Kind, Object


@dataclass(frozen=True, slots=True)
class Written:
    """One write. `item` is None for a deletion; `before` is None for a creation."""

    version: int
    item: Object | None
    before: Object | None


Subscriber = Callable[[Written], None]


class Store:
    """`window`: how many writes of a kind are remembered, for watches that go on from an older version."""

    def __init__(self, window: int = 1000) -> None:
        self.version = 1
        self._objects: dict[Kind, dict[Key, Object]] = {kind: {} for kind in KINDS}
        self._history: dict[Kind, deque[Written]] = {kind: deque() for kind in KINDS}
        self._forgotten = dict.fromkeys(KINDS, 0)
        self._subscribers: dict[Kind, list[Subscriber]] = {kind: [] for kind in KINDS}
        self.window = window

    def get(self, kind: Kind, key: Key) -> Object | None:
        return self._objects[kind].get(key)

    def all(self, kind: Kind) -> list[Object]:
        """In the order of etcd's keys."""
        return [self._objects[kind][key] for key in sorted(self._objects[kind])]

    def put(self, kind: Kind, key: Key, item: Object) -> Object:
        """Write an object; returns it with its new version."""
        before = self._objects[kind].get(key)
        self.version += 1
        item = {**item, "metadata": {**item["metadata"], "resourceVersion": str(self.version)}}
        self._objects[kind][key] = item
        self._tell(kind, Written(self.version, item, before))
        return item

    def remove(self, kind: Kind, key: Key) -> Object:
        """Remove an object that is there; returns it as it was last, at the version of its deletion."""
        before = self._objects[kind].pop(key)
        self.version += 1
        self._tell(kind, Written(self.version, None, before))
        return before

    def since(self, kind: Kind, version: int) -> list[Written] | None:
        """The writes after `version`; None where some of those are forgotten."""
        if version < self._forgotten[kind]:
            return None
        return [written for written in self._history[kind] if written.version > version]

    def oldest(self, kind: Kind) -> int:
        """The oldest version from which a watch may go on."""
        return self._forgotten[kind]

    def forget(self) -> None:
        """Forget all history, as etcd's compaction and a restarted watch cache do."""
        for kind in KINDS:
            self._history[kind].clear()
            self._forgotten[kind] = self.version

    def elsewhere(self, writes: int = 1) -> None:
        """Others write what nobody here watches: the version counts on."""
        self.version += writes

    def restore(self, version: int) -> None:
        """As if etcd had been restored from a backup: versions count on from an older one, and no history."""
        self.version = version
        self.forget()

    def subscribe(self, kind: Kind, subscriber: Subscriber) -> Callable[[], None]:
        """Have every later write told. Returns what ends that."""
        self._subscribers[kind].append(subscriber)
        return lambda: self._subscribers[kind].remove(subscriber)

    def _tell(self, kind: Kind, written: Written) -> None:
        history = self._history[kind]
        history.append(written)
        while len(history) > self.window:
            self._forgotten[kind] = history.popleft().version
        for subscriber in tuple(self._subscribers[kind]):
            subscriber(written)
