"""Keeps this node's Lease: one object, written when it would say something else, and renewed while it would not.

    something has changed ── random pause ──> patch ── 404 ──> create ── 409 ──> patch
                                  │
                                  what is told is what is so after the pause; many changes in it are one write

- Never more than one request is under way, and no more than one write every 5 s for long, whatever happens on the node.
- The Lease of a node that was here before is there already, so a patch is tried first. It has no resourceVersion: only
  this node's agent writes it.
- It is renewed about every RENEW_SECONDS, each time after another pause. The first renewal after a change comes after
  half of that to a little more than all of it: the change came to all nodes at once, and what follows must not.
- A failure is said once and counted, and delays nothing but the next attempt.
- An agent that ends leaves the Lease as it is: the rules stay in the kernel, so what it says stays true, and that
  nobody watches over them any more shows by its age. A last write would be one more for each Pod of a roll-out.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from wayhome.agent.logs import Log
from wayhome.agent.telling import Pace
from wayhome.agent.told import Told
from wayhome.kube.backoff import Random
from wayhome.kube.client import Client
from wayhome.kube.errors import KubeError, RefusedError
from wayhome.kube.resources import LEASES
from wayhome.kube.status_lease import RENEW_SECONDS, NodeStatus

AT_ONCE = 6
WRITE_SECONDS = 5.0
"""AT_ONCE writes may follow each other, and one more every WRITE_SECONDS."""


class LeaseWriter:
    """`run` is to be a task of its own, and is ended by cancelling that."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        status: Callable[[], NodeStatus | None],
        *,
        nodes: Callable[[], int],
        node_uid: Callable[[], str],
        log: Log,
        told: Told,
        random: Random = random.random,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`status`: what is so at this moment. `nodes`: how many tell the same. `node_uid`: the Lease's owner's."""
        self._client = client
        self._namespace = namespace
        self._status = status
        self._node_uid = node_uid
        self._log = log
        self._told = told
        self._random = random
        self._now = now
        self._pace = Pace(nodes, random, at_once=AT_ONCE, seconds=WRITE_SECONDS)
        self._news = asyncio.Event()
        self._written: NodeStatus | None = None
        self._exists = True

    def nudge(self) -> None:
        """Something may have changed. Called on the event loop."""
        if not self._news.is_set() and self._status() != self._written:
            self._news.set()

    async def run(self) -> None:
        """Never returns."""
        await self._news.wait()
        while True:
            renewal = not self._news.is_set()
            if not renewal:
                await self._pace.turn()
            self._news.clear()
            status = self._status()
            if status is not None and (renewal or status != self._written):
                await self._write(status)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), self._renew_in(renewal=renewal))

    def _renew_in(self, *, renewal: bool) -> float:
        earliest = 0.9 if renewal else 0.5
        return RENEW_SECONDS * (earliest + (1.1 - earliest) * self._random())

    async def _write(self, status: NodeStatus) -> None:
        """Until it is written, or what is written instead."""
        newest: NodeStatus | None = status
        while newest is not None:
            self._news.clear()
            self._pace.record()
            try:
                await self._put(replace(newest, renewed_at=self._now()))
            except KubeError as error:
                self._failed(error)
                await asyncio.sleep(self._pace.after(error))
                newest = self._status()
            else:
                self._succeeded(newest)
                return

    async def _put(self, status: NodeStatus) -> None:
        if self._exists and await self._patched(status):
            return
        try:
            await self._client.create(LEASES, status.to_lease(self._namespace, self._node_uid()))
        except RefusedError as error:
            if error.code != 409 or not await self._patched(status):
                raise
        self._exists = True

    async def _patched(self, status: NodeStatus) -> bool:
        """False where there is no Lease, or no namespace."""
        try:
            await self._client.merge_patch(LEASES, self._namespace, status.node, status.to_patch())
        except RefusedError as error:
            if error.code != 404:
                raise
            self._exists = False
            return False
        return True

    def _succeeded(self, status: NodeStatus) -> None:
        self._written = status
        self._told.lease_written()
        if self._pace.succeeded():
            self._log.info(
                "status", f"the Lease {self._namespace}/{status.node} could be written again"
            )
        self.nudge()  # what happened while it was being written

    def _failed(self, error: KubeError) -> None:
        self._told.lease_failures += 1
        if self._pace.is_news(error):
            self._log.warning("status", f"{self._why(error)}; the rules are kept all the same")

    def _why(self, error: KubeError) -> str:
        where = f"the cluster cannot be told what this node holds: Leases in {self._namespace}"
        if isinstance(error, RefusedError) and error.code == 403:
            return (
                f"{where}: {error.message}. A Role there has to grant create, get and patch of leases "
                "(coordination.k8s.io) to this agent's service account; --status-namespace= for no Lease"
            )
        if isinstance(error, RefusedError) and error.code == 404:
            return (
                f"{where}: {error.message}. Make it with: kubectl create namespace {self._namespace}; "
                "--status-namespace= for no Lease"
            )
        return f"{where}: {error}"
