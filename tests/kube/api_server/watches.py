"""Watches: what happened after a version, then what happens.

| resourceVersion | begins with |
| --- | --- |
| none, or 0 | an ADDED for everything that there is |
| N | what happened after N; an ERROR event with 410 Expired where that is forgotten |
| N, not known yet | silence, until the version is reached or the time is over |

An object that begins or ceases to match a label selector is ADDED or DELETED. Bookmarks come about once a minute and
shortly before the time is over, to those who asked for them.

Source: Kubernetes API concepts, "Efficient detection of changes", "Watch bookmarks", "Unavailable resource versions";
k8s.io/apiserver, pkg/storage/cacher.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from tests.kube.api_server.failure import Failure, expired, invalid
from tests.kube.api_server.kinds import Object
from tests.kube.api_server.lists import matches
from tests.kube.api_server.request import Asked, Request, version_of
from tests.kube.api_server.store import Store, Written

BEFORE_THE_END = 2.0
"""Seconds before its end at which a watch brings a last bookmark."""
LONGEST = 1800.0


class Watch:
    """One watch. `feed` lets a test say something on it that the store does not."""

    def __init__(
        self, store: Store, asked: Asked, request: Request, bookmark_seconds: float | None
    ) -> None:
        if request.query.get("sendInitialEvents"):
            raise invalid("ListOptions", "", "sendInitialEvents: Forbidden: not served here")
        self.asked = asked
        self._store = store
        self._matches = matches(asked, request)
        self._bookmarks = bookmark_seconds if request.flag("allowWatchBookmarks") else None
        self._version = version_of(request)
        seconds = request.query.get("timeoutSeconds", "")
        self._seconds = float(seconds) if seconds.isdigit() and int(seconds) else LONGEST
        self._queue: asyncio.Queue[Written | bytes | None] = asyncio.Queue()

    def end(self) -> None:
        """End it as if its time were over."""
        self._queue.put_nowait(None)

    def feed(self, event: Object) -> None:
        """Send an event that a test made."""
        self._queue.put_nowait(line(event))

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """The events, each as a line."""
        unsubscribe = self._store.subscribe(self.asked.kind, self._queue.put_nowait)
        try:
            for event in self._beginning():
                yield line(event)
                if event["type"] == "ERROR":
                    return
            async with aclosing(self._live()) as live:
                async for text in live:
                    yield text
        finally:
            unsubscribe()

    def _beginning(self) -> list[Object]:
        if not self._version:
            self._sent = self._store.version
            return [
                {"type": "ADDED", "object": item}
                for item in self._store.all(self.asked.kind)
                if self._matches(item)
            ]
        self._sent = self._version
        past = self._store.since(self.asked.kind, self._version)
        if past is None:
            return [error_event(expired(self._version, self._store.oldest(self.asked.kind)))]
        return [event for written in past if (event := self._event(written))]

    async def _live(self) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._seconds
        last = end - BEFORE_THE_END
        bookmark = min(loop.time() + self._bookmarks, last) if self._bookmarks else None
        while True:
            due = min(end, bookmark) if bookmark else end
            try:
                async with asyncio.timeout_at(due):
                    next_one = await self._queue.get()
            except TimeoutError:
                if loop.time() >= end or bookmark is None:
                    return
                if self._queue.empty() and self._store.version >= self._sent:
                    yield line(self._bookmark())
                # The last comes before the end; after it there is none.
                now = loop.time()
                bookmark = None if now >= last else min(now + (self._bookmarks or 0), last)
                continue
            if next_one is None:
                return
            if isinstance(next_one, bytes):
                yield next_one
            elif next_one.version > self._sent and (event := self._event(next_one)):
                yield line(event)

    def _bookmark(self) -> Object:
        self._sent = self._store.version
        metadata = {"resourceVersion": str(self._sent), "creationTimestamp": None}
        kind = self.asked.kind
        item = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
        return {"type": "BOOKMARK", "object": item}

    def _event(self, written: Written) -> Object | None:
        """What a write is to this watch."""
        self._sent = written.version
        was = written.before is not None and self._matches(written.before)
        item = written.item
        if item is not None and self._matches(item):
            return {"type": "MODIFIED" if was else "ADDED", "object": item}
        if not was or written.before is None:
            return None
        gone = {**written.before["metadata"], "resourceVersion": str(written.version)}
        return {"type": "DELETED", "object": {**written.before, "metadata": gone}}


def error_event(failure: Failure) -> Object:
    return {"type": "ERROR", "object": failure.status}


def line(event: Object) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"
