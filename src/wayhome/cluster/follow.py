"""Follows what agents say until something is decided: a Lease for each node, through one watch.

The look that it begins with is kept up to date by the watch of the Leases; Nodes are asked for again before the end is
believed, because a cluster that grows has nodes that nobody has counted. Reports are made at most every
SECONDS_BETWEEN, however many Leases change: 5,000 agents write within 25 s.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Self

from wayhome.cluster.clock import server_time
from wayhome.cluster.look import Facts, Unseen, configmap_item, nodes_by_name, statuses_by_node
from wayhome.cluster.report import Report, report
from wayhome.kube.client import Client, Selection
from wayhome.kube.collection import Change
from wayhome.kube.errors import KubeError
from wayhome.kube.objects import Object, ObjectVersion
from wayhome.kube.reflector import Reflector
from wayhome.kube.resources import LEASES
from wayhome.kube.status_lease import NodeStatus, from_lease

SECONDS_BETWEEN = 0.1
LOOK_AGAIN_SECONDS = 5.0
"""How often the ConfigMap is asked for, so that another's change of it is noticed."""


class Following:
    """The facts, kept up to date while it is entered."""

    def __init__(self, client: Client, facts: Facts) -> None:
        self.facts = facts
        self._is_unanswered = False
        """The API server did not answer when it was asked again: nothing is decided by what is known."""
        self._client = client
        known = facts.statuses
        self._statuses: dict[str, NodeStatus] = {} if isinstance(known, Unseen) else dict(known)
        self._changed = asyncio.Event()
        # Delays are drawn for 5,000 agents that fail at once; here is one person, who waits.
        self._reflector = Reflector(client, Selection(LEASES, facts.status_namespace), self, _soon)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._reflector.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def changed(self, change: Change) -> None:
        """A Lease is another now."""
        if change.item is None:
            self._statuses.pop(change.key[1], None)
        else:
            self._statuses[change.key[1]] = from_lease(change.item)
        self._changed.set()

    def current(self) -> None:
        """All Leases are told."""
        self._changed.set()

    def failed(self, error: KubeError) -> None:
        """They cannot be had at the moment: the nodes stay as they were last seen."""

    def now(self) -> Report:
        """What is known at this moment."""
        if not isinstance(self.facts.statuses, Unseen):
            self.facts = replace(self.facts, statuses=self._statuses)
        return report(self.facts, server_time(self._client))

    async def about_to_remove(self) -> None:
        """We are going to remove the ConfigMap: who says what he says now has not heard of that.

        The Leases are asked for anew, because the watch may be behind. Without an answer, what it has told is all there is.
        """
        before = dict(self._statuses)
        with suppress(KubeError):
            before = await statuses_by_node(self._client, self.facts.status_namespace)
        self.facts = replace(self.facts, said_before=before)

    def written(self, item: Object | None, *, same_text: bool = False) -> None:
        """We have made the ConfigMap another. `same_text`: who has read the version before it has read all there is."""
        versions = frozenset({ObjectVersion.of(item).version} if item else ())
        if same_text:
            versions |= self.facts.answers
        self.facts = replace(self.facts, item=item, answers=versions)
        self._changed.set()

    async def until(
        self, decided: Callable[[Report], bool], seconds: float, show: Callable[[Report], None]
    ) -> tuple[Report, bool]:
        """Wait until a report decides it. Returns the last report, and whether it did before the time was over."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        look = loop.time() + LOOK_AGAIN_SECONDS
        while True:
            self._changed.clear()
            latest = self.now()
            show(latest)
            if decided(latest):
                await self._look_again(nodes=True)
                latest = self.now()
                if not self._is_unanswered and decided(latest):
                    return latest, True
            if loop.time() >= end:
                return latest, False
            if loop.time() >= look:
                await self._look_again(nodes=False)
                look = loop.time() + LOOK_AGAIN_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(end, look)):
                    await self._changed.wait()
            await asyncio.sleep(1.0 if self._is_unanswered else SECONDS_BETWEEN)

    async def _look_again(self, *, nodes: bool) -> None:
        """Ask for the ConfigMap again, and for the Nodes; without an answer, what was known stays."""
        try:
            if not isinstance(self.facts.item, Unseen):
                item = await configmap_item(self._client, self.facts.configmap)
                self.facts = replace(self.facts, item=item)
            if nodes and not isinstance(self.facts.nodes, Unseen):
                self.facts = replace(self.facts, nodes=await nodes_by_name(self._client))
            self._is_unanswered = False
        except KubeError:
            self._is_unanswered = True


def _soon() -> float:
    return random.random() / 10  # noqa: S311
