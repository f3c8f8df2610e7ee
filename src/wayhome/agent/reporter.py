"""All that an agent in API mode tells the cluster, as tasks beside the keeper."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from wayhome import __version__
from wayhome.agent.api_arguments import ApiOptions
from wayhome.agent.complaints import Complaints
from wayhome.agent.exposition import Metric
from wayhome.agent.fault import kept_running
from wayhome.agent.lease_writer import LeaseWriter
from wayhome.agent.listed_ranges import ListedRanges
from wayhome.agent.logs import Log
from wayhome.agent.node_status import ScopeFacts, status_of
from wayhome.agent.node_watch import NodeWatch
from wayhome.agent.tally import Tally
from wayhome.agent.telling import Nudge
from wayhome.agent.told import Told, scope_metrics
from wayhome.kube.client import Client
from wayhome.kube.status_lease import NodeStatus
from wayhome.prefixes import Prefix


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
        node: NodeWatch | None,
        given: tuple[Prefix, ...],
    ) -> None:
        """`nodes`: how many the ConfigMap says there are. `node`: what is known of the Node. `given`: `--pod-cidrs`."""
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
        self._node = node
        self._given = given
        self._listed = ListedRanges(log)
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
                node_uid=lambda: node.uid if node else "",
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
            self._facts(),
            datetime.now(UTC),
            observing=self._observing,
        )

    def nudge(self) -> None:
        """Something may have changed. Called on the event loop."""
        self._facts()  # what the list forgets is said in the log where no Lease is written, too
        self._complaints.nudge()
        if self._writer:
            self._writer.nudge()

    async def run(self) -> None:
        """Tell until cancelled."""
        if self._node:
            # It owns the Lease, and that is said only when the Lease is made.
            await self._node.known()
        tasks = [self._complaints.run, *([self._writer.run] if self._writer else [])]
        async with asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(kept_running(task, "telling the cluster", self._log))

    def metrics(self) -> Iterator[Metric]:
        """What was told, and what is known of the node's Pod ranges now."""
        yield from self.told.metrics()
        facts = self._facts()
        yield from scope_metrics(refused=bool(facts.refused), not_listed=len(facts.warnings))

    def _facts(self) -> ScopeFacts:
        """What is known of the node's Pod ranges now."""
        refused = self._node.refused if self._node else ""
        ranges = self._given or (self._node.pod_cidrs if self._node else ())
        applied = self._tally.applied_held
        missing = self._listed.missing(applied.configuration.policy, ranges) if applied else ()
        return ScopeFacts(refused, missing)


def source_of(options: ApiOptions) -> str:
    """Where the configuration comes from, as the Lease says it."""
    return f"configmap {','.join('/'.join(one) for one in options.configmaps)} {options.key}"
