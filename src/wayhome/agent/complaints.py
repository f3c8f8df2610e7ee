"""Says on the ConfigMap itself what is wrong with it: one Event for each version and error, whoever finds it first.

Every node finds it at the same moment. Each waits for a random time, and creates the Event of one and the same name
(`kube.event_objects`): the first has said it for all, and for the others 409 is as good as success. What is mended
during the wait is not told. What is refused until somebody changes something (a right that is missing) is not tried
again: the log says it, and the next version is complained of anew.

Where a wrong ConfigMap has a new version every second, because some controller counts in its annotations, no more than
one in EVENT_SECONDS is complained of for long. What is not an object of the API (a file) or has no errors is nobody's
complaint.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from wayhome.agent.holding import Held
from wayhome.agent.logs import Log
from wayhome.agent.node_status import rejection
from wayhome.agent.telling import Pace
from wayhome.agent.told import Told
from wayhome.kube.backoff import Random
from wayhome.kube.client import Client
from wayhome.kube.errors import KubeError, RefusedError
from wayhome.kube.event_objects import event_name, rejected_event
from wayhome.kube.objects import Object, ObjectVersion
from wayhome.kube.resources import EVENTS

AT_ONCE = 6
EVENT_SECONDS = 60.0
"""AT_ONCE Events may follow each other, and one more every EVENT_SECONDS."""
REMEMBERED = 64
"""Complaints that were made, the newest of them: a ConfigMap that goes back and forth is not complained of each time."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """One version of one ConfigMap, and what is wrong with it."""

    about: ObjectVersion
    error: str

    @property
    def name(self) -> str:
        """The Event's."""
        return event_name(self.about, self.error)


def complaint_of(held: Held | None) -> Complaint | None:
    """What is to be said; None where nothing is."""
    if held is None or not held.rejected or not held.objects:
        return None
    first = held.rejected[0]
    for one in held.objects:
        where = f"{one.namespace}/{one.name}"
        if first.file == where or first.problem.startswith(f"ConfigMap {where} "):
            return Complaint(one, rejection(held))
    return Complaint(held.objects[0], rejection(held))


class Complaints:
    """`run` is to be a task of its own, and is ended by cancelling that."""

    def __init__(
        self,
        client: Client,
        held: Callable[[], Held | None],
        *,
        nodes: Callable[[], int],
        node: str,
        pod: str,
        log: Log,
        told: Told,
        random: Random = random.random,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`held`: by what the source says at this moment. `nodes`: how many find the same. `node`, `pod`: who says it."""
        self._client = client
        self._held = held
        self._node = node
        self._pod = pod
        self._log = log
        self._told = told
        self._now = now
        self._pace = Pace(nodes, random, at_once=AT_ONCE, seconds=EVENT_SECONDS)
        self._news = asyncio.Event()
        self._made: deque[str] = deque(maxlen=REMEMBERED)

    def nudge(self) -> None:
        """The source may say something else. Called on the event loop."""
        self._news.set()

    async def run(self) -> None:
        """Never returns."""
        while True:
            await self._news.wait()
            self._news.clear()
            complaint = complaint_of(self._held())
            if complaint is None or complaint.name in self._made:
                continue
            await self._pace.turn()
            while complaint == complaint_of(self._held()):
                pause = await self._make(complaint)
                if pause is None:
                    break
                await asyncio.sleep(pause)
            self._news.set()  # another one may have come up meanwhile

    async def _make(self, complaint: Complaint) -> float | None:
        """Returns the seconds until it is to be tried again; None: it is not."""
        try:
            await self._client.create(EVENTS, self._event(complaint))
        except KubeError as error:
            if not (isinstance(error, RefusedError) and error.code == 409):
                return self._failed(error, complaint)
            self._told.events["existed"] += 1
        else:
            self._told.events["created"] += 1
        self._pace.succeeded()
        self._done(complaint)
        return None

    def _failed(self, error: KubeError, complaint: Complaint) -> float | None:
        self._told.events["failed"] += 1
        if self._pace.is_news(error):
            self._log.warning("event", _why(error))
        if isinstance(error, RefusedError) and error.stands:
            self._done(complaint)
            return None
        return self._pace.after(error)

    def _done(self, complaint: Complaint) -> None:
        self._made.append(complaint.name)
        self._pace.record()

    def _event(self, complaint: Complaint) -> Object:
        return rejected_event(
            complaint.about, complaint.error, node=self._node, pod=self._pod, now=self._now()
        )


def _why(error: KubeError) -> str:
    cure = (
        "; a Role in the ConfigMap's namespace has to grant create of events"
        if isinstance(error, RefusedError) and error.code == 403
        else ""
    )
    return f"no Event on the ConfigMap says what is wrong with it: {error}{cure}"
