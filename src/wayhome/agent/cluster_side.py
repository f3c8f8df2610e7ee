"""What an agent in API mode has to do with the cluster besides its configuration: its Node, its Lease, its Events.

Imported in API mode only: it brings ssl.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

from wayhome.agent.api_arguments import ApiOptions
from wayhome.agent.api_source import ApiSource
from wayhome.agent.arguments import Options
from wayhome.agent.fault import kept_running
from wayhome.agent.logs import Log
from wayhome.agent.loop import Loop
from wayhome.agent.node_watch import NodeWatch, ranges_memory
from wayhome.agent.reporter import Reporter
from wayhome.agent.scope_flags import NodesRanges
from wayhome.agent.tally import Tally
from wayhome.agent.worker import Worker
from wayhome.kernel import Backend, BackendName, KernelError
from wayhome.kernel.link_listener import LinkListener
from wayhome.kube.client import Client


class ClusterSide:
    """Made on the event loop. `reporter.observer` is one of the keeper's."""

    def __init__(
        self,
        options: Options,
        api: ApiOptions,
        client: Client,
        source: ApiSource,
        *,
        tally: Tally,
        worker: Worker,
        log: Log,
        backend: Backend,
    ) -> None:
        self._options = options
        self._log = log
        self._tasks: list[asyncio.Task[None]] = []
        self._decides = _decides(options, backend, log)
        self._node: NodeWatch | None = None
        self._links: LinkListener | None = None
        if api.node:
            memory = ranges_memory(None if options.observe else options.state)
            if self._decides:
                with suppress(KernelError):  # then the Pods are looked at once a minute
                    self._links = LinkListener()
            self._node = NodeWatch(
                client, api.node, memory, worker, log, decides=self._decides, links=self._links
            )
        self.reporter = Reporter(
            api,
            client,
            tally,
            log,
            backend=backend.name,
            observing=options.observe,
            nodes=lambda: source.nodes,
            node=self._node,
            given=options.settings.pod_cidrs or (),
        )

    def begin(self, loop: Loop) -> None:
        """Begin to tell, and to know the Node."""

        def scope_changed() -> None:
            if self._node and self._decides:
                loop.settings_have_news(self._options.scoped(self._node.scope))
            self.reporter.nudge()

        self._tasks.append(asyncio.create_task(self.reporter.run()))
        if self._node:
            node = self._node
            watching = kept_running(lambda: node.run(scope_changed), "watching the Node", self._log)
            self._tasks.append(asyncio.create_task(watching))

    @property
    def scope_awaited(self) -> Awaitable[None] | None:
        """Ends when it is known, or cannot be in time, whose packets the rules are about; None where it is already."""
        return self._node.known() if self._node and self._decides else None

    def close(self) -> None:
        """Nothing is told any more; what was told stays."""
        for task in self._tasks:
            task.cancel()
        if self._links:
            asyncio.get_running_loop().remove_reader(self._links)
            self._links.close()


def _decides(options: Options, backend: Backend, log: Log) -> bool:
    """Whether the Node's ranges are to be the scope, as far as this back end can hold that."""
    if options.nodes_ranges is NodesRanges.NO:
        return False
    if options.observe or backend.name == BackendName.NFTABLES:
        return True
    log.info(
        "scope",
        f"scope: whatever leaves this node, as upstream's agent, because the back end {backend.name} cannot tell Pods "
        "from others; --scope=pods takes nftables",
    )
    return False
