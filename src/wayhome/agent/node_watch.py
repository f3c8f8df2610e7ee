"""Knows this node's Pod ranges, keeps knowing them, and decides with them whose packets the rules are about.

Two facts make a verdict: what the Node object says (`kube.node_object`) and which Pods are there (`kernel.pod_interfaces`),
judged by `pod_scope`. The Node may only be read, not watched (RBAC grants a watch by name to nobody who runs on all
nodes), so it is asked for:

- at the start; where it cannot be read, or has no ranges yet, again and again, later and later up to 10 min;
- about every 10 min after that: a Node that was deleted and made anew has another uid and may have other ranges.

The Pods are looked at a second after an interface has come or gone, and about once a minute, which costs no request.
Whatever the reason, the rules change in one transaction, and only when the verdict does:

| the Node's ranges                                   | the scope                                                |
| --------------------------------------------------- | -------------------------------------------------------- |
| known, and no Pod is outside                        | what they send                                           |
| none, or a Pod is outside                           | whatever leaves the node; refused, with the reason       |
| not readable, but remembered from disk or from before | what those say, if no Pod is outside                   |
| not readable and never known                        | whatever leaves the node, refused, until they are        |
| known, but the routes to the Pods are not readable  | what it was; at the start, refused                       |

A Pod that was outside counts for HOLD_SECONDS more, so that one which comes and goes does not turn the rules each time.
"""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from wayhome.agent import pod_scope
from wayhome.agent.logs import Log
from wayhome.agent.memory import Loss, Memory
from wayhome.agent.worker import Worker
from wayhome.kernel import KernelError
from wayhome.kernel.pod_interfaces import PodAddress, pod_addresses
from wayhome.kube.backoff import FIRST_CEILING, Backoff, Random
from wayhome.kube.client import Client
from wayhome.kube.errors import KubeError, RefusedError
from wayhome.kube.node_object import NodeRanges
from wayhome.kube.resources import NODES
from wayhome.prefixes import Prefix

LOOK_SECONDS = 60.0
"""Between two looks at the Pods, where no interface comes or goes."""
SETTLE_SECONDS = 1.0
"""From an interface's coming to a look: its route comes a moment after it, and Pods come in swarms."""
NODE_SECONDS = 600.0
"""Between two requests for a Node whose ranges are known; and the highest ceiling where they are not."""
HOLD_SECONDS = 600.0
FIRST_ANSWER_SECONDS = 5.0
"""How long a node that remembers no ranges waits for them at its start."""

REMEMBERED = "node-ranges"
"""The file's name."""
OF_RANGES = Loss(
    "after a restart while the Node cannot be read",
    "this node's Pod ranges would not be known",
    "the Pod ranges before these would count",
)

Scope = tuple[Prefix, ...] | None
"""Pod ranges, or None for whatever leaves the node."""


class Links(Protocol):
    """Says that interfaces come or go."""

    def fileno(self) -> int:
        """Its descriptor."""

    def drain(self) -> None:
        """Forget what was reported so far."""


def ranges_memory(folder: Path | None) -> Memory:
    """What a restart knows of the Node before it has answered; `folder` None: nothing."""
    return Memory(folder, REMEMBERED, OF_RANGES)


class NodeWatch:
    """One Node. `run` is to be a task of its own; what is known is read at any time, on the event loop."""

    def __init__(
        self,
        client: Client,
        node: str,
        memory: Memory,
        worker: Worker,
        log: Log,
        *,
        decides: bool,
        links: Links | None = None,
        look: Callable[[], tuple[PodAddress, ...]] = pod_addresses,
        random: Random = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`decides`: whether the scope is to be that of the Node's ranges; otherwise it is somebody else's matter.

        `links` is readable when interfaces come or go.
        """
        self._client = client
        self._node = node
        self._memory = memory
        self._worker = worker
        self._log = log
        self._decides = decides
        self._links = links
        self._linked = asyncio.Event()
        self._look = look
        self._random = random
        self._clock = clock
        self._backoff = Backoff(random, FIRST_CEILING, NODE_SECONDS)
        self._ranges: NodeRanges | None = None
        self._problem = f"the Node {node} has not been read yet"
        self._judged = asyncio.Event()
        self._stranger: PodAddress | None = None
        self._stranger_at = 0.0
        self._said = ""
        self.scope: Scope = None
        self.refused = f"{self._problem}; {pod_scope.INSTEAD}" if decides else ""
        """Why the scope is not that of the Node's ranges, where it was to be."""

    @property
    def uid(self) -> str:
        """The Node's; empty where it is not known."""
        return self._ranges.uid if self._ranges else ""

    @property
    def pod_cidrs(self) -> tuple[Prefix, ...]:
        """The node's own Pod ranges, where they are known and no Pod is outside."""
        return self._ranges.pod_cidrs if self._ranges and self._stranger is None else ()

    async def known(self) -> None:
        """Returns when there is a verdict, or after FIRST_ANSWER_SECONDS."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._judged.wait(), FIRST_ANSWER_SECONDS)

    async def run(self, changed: Callable[[], None]) -> None:
        """Never returns. `changed` is called when the scope, or why it is refused, is another."""
        if self._links:
            asyncio.get_running_loop().add_reader(self._links.fileno(), self._links_have_news)
        remembered, problem = await self._worker.run(self._memory.recall)
        if problem:
            self._log.warning("memory", problem)
        self._ranges = self._ranges or NodeRanges.remembered(self._node, remembered)
        if self._ranges:
            await self._judge(changed)
        read_at = self._clock()
        while True:
            if self._clock() >= read_at:
                read_at = self._clock() + await self._read()
            await self._judge(changed)
            pause = LOOK_SECONDS * (0.9 + 0.2 * self._random())
            await self._wait(max(0.1, min(pause, read_at - self._clock())))

    def _links_have_news(self) -> None:
        if self._links:
            self._links.drain()
        self._linked.set()

    async def _wait(self, seconds: float) -> None:
        """Until then, or until interfaces have come or gone and what belongs to them is there too."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._linked.wait(), seconds)
            await asyncio.sleep(SETTLE_SECONDS)
            self._linked.clear()

    async def _read(self) -> float:
        """Ask for the Node. Returns the seconds until it is to be asked for again."""
        try:
            found = await self._client.get(NODES, "", self._node, "0")
        except KubeError as error:
            self._problem = self._why(error)
            self._say(error)
            return self._backoff.delay(
                error.retry_after if isinstance(error, RefusedError) else None
            )
        ranges = NodeRanges.of(self._node, found)
        if ranges != self._ranges:
            self._stranger = None
            self._ranges = ranges
        self._said = ""
        if not ranges.pod_cidrs:
            return self._backoff.delay()
        self._backoff.reset()
        problem = await self._worker.run(partial(self._memory.remember, ranges.text))
        if problem:
            self._log.warning("not remembered", problem)
        return NODE_SECONDS * (0.9 + 0.2 * self._random())

    async def _judge(self, changed: Callable[[], None]) -> None:
        """Look at the Pods, and say so if the verdict is another one."""
        if self._ranges is None:
            refused = f"{self._problem}; {pod_scope.INSTEAD}"
        else:
            refused = pod_scope.unusable(self._ranges) or await self._contradiction(self._ranges)
        if not self._decides:
            self._judged.set()
            return
        scope = self._ranges.pod_cidrs if self._ranges and not refused else None
        news = not self._judged.is_set() or (scope, refused) != (self.scope, self.refused)
        self.scope, self.refused = scope, refused
        self._judged.set()
        if news:
            self._announce()
            changed()

    async def _contradiction(self, ranges: NodeRanges) -> str:
        try:
            found = pod_scope.stranger(ranges, await self._worker.run(self._look))
        except KernelError as error:
            if self._judged.is_set():
                return self.refused
            return f"which Pods are on this node is not known: {error}; {pod_scope.INSTEAD}"
        now = self._clock()
        if found is not None:
            self._stranger, self._stranger_at = found, now
        elif self._stranger and now - self._stranger_at >= HOLD_SECONDS:
            self._stranger = None
        return pod_scope.contradiction(ranges, self._stranger) if self._stranger else ""

    def _announce(self) -> None:
        if self.scope is not None:
            listed = ", ".join(map(str, self.scope))
            self._log.info(
                "scope", f"scope: what this node's Pods send ({listed}, as its Node says)"
            )
        else:
            self._log.error(
                "scope refused",
                f"the scope of Pods is refused, and upstream's is kept, whatever leaves this node: {self.refused}",
            )

    def _say(self, error: KubeError) -> None:
        """Once, what only somebody can mend. That the API is down is said by who watches the configuration."""
        stands = isinstance(error, RefusedError) and error.stands
        if not stands or self._problem == self._said:
            return
        self._said = self._problem
        if not self._decides:
            self._log.info("node", f"{self._problem}; only its Pod ranges are not known then")
        elif self._ranges is not None:
            self._log.warning("node", f"{self._problem}; what is known of it still counts")

    def _why(self, error: KubeError) -> str:
        where = f"the Node {self._node} cannot be read"
        if isinstance(error, RefusedError) and error.code == 403:
            return f"{where}: {error.message}. A ClusterRole has to grant get of nodes to this agent's service account"
        return f"{where}: {error}"
