"""All that an agent in API mode tells the cluster, as tasks beside the keeper.

Each task must not end. If one does, that is a fault of this program: the log says so, and it is begun again, later
each time; the rules are kept meanwhile.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime

from wayhome import __version__
from wayhome.agent.api_arguments import ApiOptions
from wayhome.agent.complaints import Complaints
from wayhome.agent.exposition import Metric
from wayhome.agent.fault import place_of
from wayhome.agent.lease_writer import LeaseWriter
from wayhome.agent.logs import Log
from wayhome.agent.node_status import ScopeFacts, status_of
from wayhome.agent.tally import Tally
from wayhome.agent.telling import Nudge
from wayhome.agent.told import Told
from wayhome.kube.backoff import Backoff
from wayhome.kube.client import Client
from wayhome.kube.status_lease import NodeStatus


class Reporter:
    """Made on the event loop. Its `observer` is one of the keeper's; `run` is a task of its own."""

    def __init__(
        self,
        options: ApiOptions,
        client: Client,
        tally: Tally,
        log: Log,
        *,
        backend: str,
        observing: bool,
        nodes: Callable[[], int | None],
        scope: Callable[[], ScopeFacts] = ScopeFacts,
        node_uid: Callable[[], str] = str,
    ) -> None:
        """`nodes`: how many the ConfigMap says there are. `scope` and `node_uid`: what is known of the Node."""
        pod = f"{options.pod_namespace}/{options.pod}" if options.pod_namespace else options.pod
        self._about = NodeStatus(
            node=options.node,
            source=source_of(options),
            backend=backend,
            agent_version=__version__,
            pod=pod,
        )
        self._tally = tally
        self._log = log
        self._observing = observing
        self._scope = scope
        self.told = Told()

        def number() -> int:
            return nodes() or options.nodes

        self._complaints = Complaints(
            client,
            lambda: tally.held,
            nodes=number,
            node=options.node,
            pod=pod,
            log=log,
            told=self.told,
        )
        self._writer: LeaseWriter | None = None
        if options.status_namespace and options.node:
            self._writer = LeaseWriter(
                client,
                options.status_namespace,
                self.status,
                nodes=number,
                node_uid=node_uid,
                log=log,
                told=self.told,
            )
        elif options.status_namespace:
            log.warning(
                "status",
                "the cluster is not told what this node holds: its name is not known; set the variable NODE_NAME by the "
                "downward API (spec.nodeName), or --node=NAME, or --status-namespace= for no Lease",
            )
        self.observer = Nudge(self.nudge)

    def status(self) -> NodeStatus | None:
        """What is so now; None while the source was not looked at yet."""
        return status_of(
            self._about,
            self._tally,
            self._scope(),
            datetime.now(UTC),
            observing=self._observing,
        )

    def nudge(self) -> None:
        """Something may have changed. Called on the event loop."""
        self._complaints.nudge()
        if self._writer:
            self._writer.nudge()

    async def run(self) -> None:
        """Tell until cancelled."""
        tasks = [self._complaints.run, *([self._writer.run] if self._writer else [])]
        async with asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(self._kept_running(task))

    def metrics(self) -> Iterator[Metric]:
        """What was told."""
        return self.told.metrics()

    async def _kept_running(self, task: Callable[[], Coroutine[object, object, None]]) -> None:
        backoff = Backoff(random.random)
        while True:
            try:
                await task()
            except Exception as error:  # noqa: BLE001  # whatever it is, the rules are more important
                self._log.error(
                    "fault",
                    f"telling the cluster ended by a fault of this program, {place_of(error)}; it is begun again. "
                    "Please report it",
                )
            await asyncio.sleep(backoff.delay())


def source_of(options: ApiOptions) -> str:
    """Where the configuration comes from, as the Lease says it."""
    return f"configmap {','.join('/'.join(one) for one in options.configmaps)} {options.key}"
