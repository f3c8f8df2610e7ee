"""A steady stream of requests: one after the other at a fixed pace, however long each takes.

Each has a connection and a source port of its own, so that a balancer chooses anew. None is tried again: what is lost is
what a client without a second attempt would have lost.
"""

import asyncio
import time
from dataclasses import dataclass, field

from wayhome.lab.namespaces import NetworkNamespace
from wayhome.probe.attempt import Attempt, open_attempt, run
from wayhome.probe.flow import identifiers
from wayhome.probe.observation import Address, Observation, Protocol

EVERY_SECONDS = 0.02
TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A request, when it was sent (`time.perf_counter`), and what became of it."""

    at: float
    observation: Observation

    @property
    def ended_at(self) -> float:
        """When that was known."""
        return self.at + self.observation.milliseconds / 1000


@dataclass(slots=True)
class Stream:
    """Requests from one network to one address and port."""

    namespace: NetworkNamespace
    address: Address
    protocol: Protocol
    port: int
    sent: list[Sent] = field(default_factory=list)

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop, and wait for the last answers. Raises OSError."""
        fresh = identifiers()
        begin, number = time.perf_counter(), 0
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                with self.namespace.entered():
                    attempt = open_attempt(self.protocol, self.address, fresh, self.port)
                group.create_task(self._one(attempt))
                number += 1
                await asyncio.sleep(max(0.0, begin + number * EVERY_SECONDS - time.perf_counter()))

    async def _one(self, attempt: Attempt) -> None:
        at = time.perf_counter()
        with attempt:
            observation = await run(attempt, seconds=TIMEOUT_SECONDS)
        self.sent.append(Sent(at, observation))
