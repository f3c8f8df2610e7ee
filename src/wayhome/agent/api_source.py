"""The ConfigMaps of API mode, as the keeper reads them: what the watch has last said, at any time and without waiting.

The watch lives on the event loop, the keeper looks from the worker's thread; between them stands one object that never
changes and is put in the other's place. Whoever reads twice may get two answers, and never half of one.

The watch must not end. If it does, that is a fault of this program: from then on the source cannot be read, which
the log, the metrics and the status say, and another watch is begun, later each time. The rules are kept meanwhile.

SIGHUP begins another watch too, at once, for whoever does not want to wait for a back-off; what is known stays until
the new one knows more.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Protocol

from wayhome.agent.fault import place_of
from wayhome.agent.reading import Missing, Pending, Present, Reading, Unreadable, Wrong
from wayhome.kube import configmap
from wayhome.kube.backoff import Backoff
from wayhome.kube.configmap import Said
from wayhome.kube.status_lease import versions_text

FIRST_ANSWER_SECONDS = 5.0
"""How long a node that remembers nothing waits for an answer before it takes upstream's defaults."""

STEADY_SECONDS = 600.0
"""A watch that lived so long was none that ends at once, again and again."""


class Watch(Protocol):
    """What kube's ConfigMapWatch is."""

    said: Said

    @property
    def nodes(self) -> int | None:
        """How many nodes the cluster has, where that is said."""

    def run(self) -> Coroutine[object, object, None]:
        """Watch for ever."""


class ApiSource:
    """A source for the keeper, kept current by `run`."""

    def __init__(self, watch: Callable[[Callable[[], None]], Watch]) -> None:
        """`watch` makes one, which calls what it is given whenever it says something else."""
        self._make = watch
        self._watch = watch(self._news)
        self._said: Said = self._watch.said
        self._tell: Callable[[], None] = lambda: None
        self._answered = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def read(self) -> Reading:
        """What is known now. Never raises, never waits; on any thread."""
        return reading_of(self._said)

    @property
    def nodes(self) -> int | None:
        """How many nodes the cluster has, where a ConfigMap says it."""
        return self._watch.nodes

    async def answered(self) -> None:
        """Returns after the first answer, good or bad, or after FIRST_ANSWER_SECONDS.

        A node that remembers a configuration has no need to wait. On one that does not, upstream's defaults for the
        milliseconds until the first answer would be an outage for connections that are opened then.
        """
        try:
            await asyncio.wait_for(self._answered.wait(), FIRST_ANSWER_SECONDS)
        except TimeoutError:
            return

    async def run(self, changed: Callable[[], None]) -> None:
        """Watch until cancelled. `changed` is called on the event loop when `read` finds something else."""
        self._tell = changed
        loop, backoff = asyncio.get_running_loop(), Backoff(random.random)
        while True:
            began = loop.time()
            self._running = asyncio.ensure_future(self._watch.run())
            try:
                await asyncio.wait((self._running,))
            finally:
                self._running.cancel()
            if loop.time() - began > STEADY_SECONDS:
                backoff.reset()
            if not self._running.cancelled():
                self._say(configmap.Unknown(_fault(self._running.exception())))
                await asyncio.sleep(backoff.delay())
            self._watch = self._make(self._news)

    def renew(self) -> None:
        """Begin another watch now."""
        if self._running:
            self._running.cancel()

    def _news(self) -> None:
        self._say(self._watch.said)

    def _say(self, said: Said) -> None:
        if isinstance(said, configmap.Pending):
            return  # what is known stays; a new watch begins with nothing
        self._said = said
        self._answered.set()
        self._tell()


def reading_of(said: Said) -> Reading:
    """What the API says, in the words that a file's source uses too."""
    match said:
        case configmap.Text(data, key, versions, notes, candidate):
            return Present(data, _version(said), key, notes, versions, candidate)
        case configmap.Wrong(findings, versions):
            return Wrong(findings, _version(said), versions)
        case configmap.Absent(hint):
            return Missing(hint)
        case configmap.Unknown(reason):
            return Unreadable(reason)
        case configmap.Pending(reason):
            return Pending(reason)


def _version(said: configmap.Text | configmap.Wrong) -> str:
    return versions_text(said.versions)


def _fault(error: BaseException | None) -> str:
    """A sentence for the log of a program that is wrong."""
    return f"the watch of the API ended by a fault of this program, {place_of(error)}; it is begun again. Please report it"
