"""The agent's loop: what it waits for, and what it then has done.

One asyncio loop waits for four things: news of the configuration (its file's folder, the API's watch, a signal), the
kernel's news about nftables, the end, and the time of the next step. What is due is done by a worker thread, for as long as the kernel takes; between
events the process sleeps.
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Literal, Protocol

from wayhome.agent.endpoints import Endpoints
from wayhome.agent.keeper import Keeper
from wayhome.agent.logs import Log
from wayhome.agent.watch import POLL_INTERVAL, SourceWatch
from wayhome.agent.worker import Worker
from wayhome.policy import Settings

LAST_STEP_SECONDS = 5.0
"""How long an agent that is told to end waits for what it has begun. Kubernetes gives a Pod 30 s."""


class Readable(Protocol):
    """Something that the loop can wait for."""

    def fileno(self) -> int:
        """Its descriptor."""


class Loop:
    """Runs a keeper. `drift` is readable when somebody has changed nftables; None where nobody says so.

    `watch` is the folder's; None where somebody else calls `source_has_news`.
    """

    def __init__(
        self,
        *,
        keeper: Keeper,
        watch: SourceWatch | None,
        drift: Readable | None,
        worker: Worker,
        endpoints: Endpoints,
        log: Log,
    ) -> None:
        self._keeper = keeper
        self._watch = watch
        self._drift = drift
        self._worker = worker
        self._endpoints = endpoints
        self._log = log
        self._wake = asyncio.Event()
        self._source_news = False
        self._tables_news = False
        self._settings_news: Settings | None = None
        self._listened: dict[str, tuple[Readable, int]] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep the rules until `stopping` is set."""
        stop = asyncio.ensure_future(stopping.wait())
        stop.add_done_callback(lambda _: self._wake.set())
        while not stopping.is_set():
            await self._turn(stop)
        stop.cancel()

    async def _turn(self, stop: "asyncio.Future[Literal[True]]") -> None:
        """Watch, do what is due, and sleep until something else is."""
        self._wake.clear()
        if self._watch:
            if self._watch.renew():
                self._source_news = True  # what happened before it was watched was not seen
            self._listen("source", self._watch.current, self._source_readable)
        self._hand_over_news()
        due = await self._step(stop)
        if stop.done():
            return
        if self._polls:
            due = min(due, time.monotonic() + POLL_INTERVAL)
        # While a verification is due anyway, the kernel's news are not read: at a thousand changes a second by others,
        # reading them would be all that this process does.
        drift = None if self._keeper.verification_due else self._drift
        self._listen("drift", drift, self._tables_have_news)
        try:
            timeout = None if due == math.inf else max(due - time.monotonic(), 0)
            await asyncio.wait_for(self._wake.wait(), timeout)
        except TimeoutError:
            if self._polls:
                self._source_news = True

    @property
    def _polls(self) -> bool:
        return self._watch is not None and self._watch.current is None

    def _hand_over_news(self) -> None:
        """The keeper belongs to the worker while it steps, and hears only between two steps of what came meanwhile."""
        if self._source_news:
            self._source_news = False
            self._keeper.source_changed()
        if self._tables_news:
            self._tables_news = False
            self._keeper.tables_changed()
        if self._settings_news:
            self._keeper.settings_changed(self._settings_news)
            self._settings_news = None

    async def _step(self, stop: "asyncio.Future[Literal[True]]") -> float:
        """Let the worker do what is due. Returns the time of the next step, by time.monotonic."""
        self._listen("drift", None, self._tables_have_news)  # the step itself takes those
        self._endpoints.step_begins()
        step = self._worker.run(self._keeper.step)
        await asyncio.wait((step, stop), return_when=asyncio.FIRST_COMPLETED)
        if not step.done():
            await asyncio.wait((step,), timeout=LAST_STEP_SECONDS)
        if not step.done():
            self._log.warning(
                "abandoned",
                "what was begun did not end in time; a change is in the kernel as a whole or not at all",
            )
            return math.inf
        self._endpoints.step_ends()
        return step.result()

    def _listen(self, name: str, what: Readable | None, callback: Callable[[], None]) -> None:
        """Have `callback` called when `what` is readable; None: no more.

        Compared as objects: a new watch may well have the number of the one that was closed.
        """
        loop = asyncio.get_running_loop()
        known = self._listened.get(name)
        if known and known[0] is not what:
            loop.remove_reader(known[1])
            del self._listened[name]
        if what is not None and name not in self._listened:
            self._listened[name] = what, what.fileno()
            loop.add_reader(what.fileno(), callback)

    def _source_readable(self) -> None:
        assert self._watch  # noqa: S101  # it is what was readable
        if self._watch.drain():
            self.source_has_news()
        self._listen("source", self._watch.current, self._source_readable)

    def settings_have_news(self, settings: Settings) -> None:
        """Flags mean something else."""
        self._settings_news = settings
        self._wake.set()

    def source_has_news(self) -> None:
        """The configuration may be another: have the source looked at now. On the event loop, at any time."""
        self._source_news = True
        self._wake.set()

    def _tables_have_news(self) -> None:
        self._listen("drift", None, self._tables_have_news)  # once is enough until they are read
        self._tables_news = True
        self._wake.set()
