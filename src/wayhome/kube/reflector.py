"""Lists and watches one selection for ever, and tells what changed: each change once, in order.

    list at 0 ──> watch from there ──> ends as asked ──> watch from the last version seen
                       │                                          ▲
                       ├─ breaks, is silent, ends early ── wait ──┘   three in a row that brought nothing: list
                       └─ 410, as a status or as an event ── wait ──> list

- The first list takes what a cache holds (resourceVersion 0). A later one asks for nothing older than what was seen
  already, so that a cache that lags cannot take a change back. After a 410, and where the API server does not know
  that version (it was restored from a backup), the newest there is.
- A version that is gone is announced by 410, as a status or as an ERROR event; some servers only end the stream
  (kubernetes#137089). A stream that brings neither an event nor a bookmark is therefore counted, however it ended.
- Silence: an API server sends a bookmark about once a minute. A stream on which nothing comes for QUIET_SECONDS is given
  up, whatever its connection says, and followed by a list: an API server that does not know the version yet may wait
  for it without a word. A server without bookmarks costs us two requests each time, and nothing else.
- The server is asked to end a watch after 5 to 10 minutes, another time for each watch: then the token is a fresh one
  and load spreads over the API servers. Only such an end is followed by the next watch at once; everything else waits,
  because it happens to all nodes at the same moment.
- After a failure a list comes first: the API server may have been restored from a backup meanwhile, and a watch from a
  version of another history hears nothing, or something wrong. For one object that is one request more to a cache.
- What went wrong is told once it is a failure of a request; a stream that ends is no failure yet. It is over when a
  list is had, or, where it was a watch that failed, when one has begun: who may list and not watch is told of changes
  whenever the back-off allows, and stays failed.

Time is the event loop's, and randomness is given: on a loop of which the clock is a test's, any sequence of failures
plays in no time. Source: Kubernetes API concepts, "Efficient detection of changes", "Resource versions".
"""

import asyncio
import random
from typing import Protocol

from wayhome.kube.backoff import Backoff, Random
from wayhome.kube.client import Client, Selection
from wayhome.kube.collection import Change, Collection
from wayhome.kube.errors import KubeError, RefusedError, UnreachableError
from wayhome.kube.events import Event, EventStream
from wayhome.kube.objects import version_of

QUIET_SECONDS = 150.0
WATCH_SECONDS = (300.0, 600.0)
FRUITLESS = 3
"""Streams in a row that brought nothing, after which the version is not trusted any more."""
NEWEST = ""
ANY = "0"


class Listener(Protocol):
    """Is told, on the event loop. Nothing here may raise or wait."""

    def changed(self, change: Change) -> None:
        """One object is another now."""

    def current(self) -> None:
        """All that the API server has shown has been told. Said after a list, and when a failure is over."""

    def failed(self, error: KubeError) -> None:
        """The API server cannot be asked at the moment; what was told stays the last that is known."""


class Reflector:
    """One selection. `run` is to be a task of its own, and is ended by cancelling that."""

    def __init__(
        self,
        client: Client,
        selection: Selection,
        listener: Listener,
        random: Random = random.random,
    ) -> None:
        """`random` draws from [0, 1)."""
        self._client = client
        self._selection = selection
        self._listener = listener
        self._random = random
        self._backoff = Backoff(random)
        self.collection = Collection()
        self._version = ANY
        """The last one seen, of an object, a list or a bookmark."""
        self._list_at: str | None = ANY
        """At which version a list is due; None: none is."""
        self._fruitless = 0
        self._watch_failed = False
        """A watch was refused, and none has begun since: then a list is no more than a look."""

    async def run(self) -> None:
        """Never returns."""
        while True:
            pause = await self._turn()
            if pause > 0:
                await asyncio.sleep(pause)

    async def _turn(self) -> float:
        """List or watch once. Returns the seconds until the next turn."""
        try:
            if self._list_at is not None:
                await self._list(self._list_at)
            return 0.0 if await self._watch() else self._backoff.delay()
        except RefusedError as error:
            return self._refused(error)
        except KubeError as error:
            return self._failed(error)

    async def _list(self, version: str) -> None:
        listed = await self._client.list(self._selection, version)
        for change in self.collection.replace(listed.items):
            self._listener.changed(change)
        self._version, self._list_at = listed.version or ANY, None
        self._fruitless = 0
        if not self._watch_failed:
            self._listener.current()

    async def _watch(self) -> bool:
        """Watch until the stream ends. Returns whether it did when we had asked for that."""
        loop = asyncio.get_running_loop()
        low, high = WATCH_SECONDS
        seconds = float(round(low + self._random() * (high - low)))
        async with self._client.watch(self._selection, self._version, seconds) as stream:
            began = loop.time()
            self._fruitless += 1
            if self._watch_failed:
                self._watch_failed = False
                self._listener.current()
            try:
                while event := await self._next(stream):
                    self._take(event)
            except TimeoutError:
                self._list_at = self._version
            except UnreachableError:
                pass  # whether that is a failure, the next request shows
        if self._fruitless >= FRUITLESS:
            self._list_at = self._version
        return loop.time() - began >= seconds - 1.0

    async def _next(self, stream: EventStream) -> Event | None:
        async with asyncio.timeout(QUIET_SECONDS):
            return await stream.next()

    def _take(self, event: Event) -> None:
        for change in self.collection.apply(event):
            self._listener.changed(change)
        self._version = version_of(event.item) or self._version
        self._fruitless = 0
        self._backoff.reset()

    def _refused(self, error: RefusedError) -> float:
        if error.expired or error.too_new:
            known, self._list_at = self._list_at == NEWEST, NEWEST
            if not known:
                return self._backoff.delay(error.retry_after)
        return self._failed(error, error.retry_after)

    def _failed(self, error: KubeError, retry_after: float | None = None) -> float:
        if self._list_at is None:
            self._watch_failed = True
            self._list_at = self._version
        self._listener.failed(error)
        return self._backoff.delay(retry_after)
