"""What the agent says over HTTP: `/metrics`, `/healthz` and `/readyz`.

Healthy is an agent whose loop answers and whose last step came to an end; a restart would help one that is not.
Ready is one whose kernel holds the newest valid configuration; with `--observe`, whoever holds it there: it is not
ready while the rules on the node decide otherwise, or cannot be read. A configuration that is rejected makes neither
false: no restart mends it, and it must not stall a roll-out of the agent itself; the metrics and the log tell.

Counters are read from the kernel when they are asked for, on the thread that talks to it; while that hangs, the rest
is answered without them.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from wayhome.agent import http
from wayhome.agent.exposition import CONTENT_TYPE, Metric, exposition
from wayhome.agent.metrics import conntrack_metrics, line_metrics, metrics
from wayhome.agent.tally import Tally
from wayhome.agent.worker import Worker
from wayhome.kernel import KernelError
from wayhome.kernel.counts import Connections

STUCK_SECONDS = 90.0
"""A step takes at most the time-out of iptables, its wait for the lock included; one that takes longer never ends."""
COUNTING_SECONDS = 2.0
"""How long an answer waits for the kernel's counters."""


class Endpoints:
    """The agent's answers. `count` reads the counters, on the worker's thread; None where there are none. `more`: further metrics."""

    def __init__(
        self,
        tally: Tally,
        worker: Worker,
        *,
        backend: str,
        count: Callable[[], Connections | None],
        more: Callable[[], Iterable[Metric]] = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tally = tally
        self._worker = worker
        self._backend = backend
        self._more = more
        self._count = count
        self._clock = clock
        self._step_began: float | None = None
        self._counting: asyncio.Future[Connections | None] | None = None

    def step_begins(self) -> None:
        """The keeper's step begins."""
        self._step_began = self._clock()

    def step_ends(self) -> None:
        """It has ended."""
        self._step_began = None

    @property
    def paths(self) -> Mapping[str, http.Handler]:
        """For `http.serve`."""
        return {"/metrics": self._metrics, "/healthz": self._healthy, "/readyz": self._ready}

    async def _metrics(self) -> http.Answer:
        found = list(metrics(self._tally, self._backend))
        found += self._more()
        with suppress(TimeoutError, KernelError):
            counted = await asyncio.wait_for(self._counted(), COUNTING_SECONDS)
            if counted:
                found += line_metrics(counted)
        found += conntrack_metrics()
        return http.Answer(200, exposition(found), CONTENT_TYPE)

    async def _counted(self) -> Connections | None:
        """What is being counted already, or a new count: scrapes while the kernel hangs do not pile up."""
        if self._counting is None or self._counting.done():
            self._counting = self._worker.run(self._count)
        return await asyncio.shield(self._counting)

    async def _healthy(self) -> http.Answer:
        began = self._step_began
        if began is not None and self._clock() - began > STUCK_SECONDS:
            return http.Answer(
                503, f"the kernel has not answered for {self._clock() - began:.0f} s\n"
            )
        return http.Answer(200, "ok\n")

    async def _ready(self) -> http.Answer:
        if self._tally.ready:
            return http.Answer(200, "ok\n")
        problem = self._tally.problem or self._tally.disagreement
        problem = problem or "no configuration has been brought to the kernel yet"
        return http.Answer(503, f"{problem}\n")


def waiting_paths() -> Mapping[str, http.Handler]:
    """For an agent that waits for the end of another one: there is nothing to measure yet."""

    async def healthy() -> http.Answer:
        return http.Answer(200, "ok\n")

    async def ready() -> http.Answer:
        return http.Answer(503, "another wayhome agent keeps this node's rules\n")

    return {"/healthz": healthy, "/readyz": ready}
