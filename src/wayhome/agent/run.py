"""The agent as a process: what it is told, what it finds on the node, one agent that writes on a node, and signals.

Everything that can be missing on a node is found out here and said once, in a line that says what is lost by it.
"""

import asyncio
import signal
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol, TypeVar

from wayhome import __version__
from wayhome.agent import http, query_server
from wayhome.agent.announcer import Announcer
from wayhome.agent.arguments import Options
from wayhome.agent.backend import choose_backend
from wayhome.agent.endpoints import Endpoints
from wayhome.agent.holding import Holding
from wayhome.agent.keeper import Keeper
from wayhome.agent.limits import memory_limit, too_little
from wayhome.agent.logs import Log
from wayhome.agent.loop import Loop
from wayhome.agent.memory import Memory
from wayhome.agent.node_turn import NodeTurn
from wayhome.agent.observer import Observers
from wayhome.agent.origin import NoOriginError, Origin, origin_of
from wayhome.agent.query_answers import queries
from wayhome.agent.query_server import Queries
from wayhome.agent.scope_flags import NodesRanges
from wayhome.agent.serving import Server
from wayhome.agent.sightings import Sightings
from wayhome.agent.tally import Tally
from wayhome.agent.transitions import Transitions
from wayhome.agent.worker import Worker
from wayhome.kernel import Backend, BackendName, DriftListener, KernelError, iptables
from wayhome.kernel.transition_mode import TransitionMode

if TYPE_CHECKING:
    from wayhome.agent.cluster_side import ClusterSide

Result = TypeVar("Result")


def run(options: Options) -> int:
    """Keep the rules until SIGTERM. Returns the exit code; the rules stay."""
    log = Log(options.log_format)
    _introduce(options, log)
    try:
        return asyncio.run(_Agent(options, log).run())
    except NoOriginError as error:
        log.error("no origin", str(error))
        return 2
    except KernelError as error:
        log.error("kernel", str(error))
    except (
        OSError
    ) as error:  # of the process itself: no descriptor is left, no memory, no socket is allowed
        log.error("process", f"the agent cannot go on: {error.strerror or error}; the rules stay")
    return 4


def _introduce(options: Options, log: Log) -> None:
    does = (
        f"observes this node's masquerade rules beside what {options.source} says, and writes none"
        if options.observe
        else f"keeps this node's masquerade rules as {options.source} says"
    )
    log.info("started", f"wayhome {__version__} {does}")
    if options.nodes_ranges is not NodesRanges.NO:
        pass  # what the Node says is said when it is known
    elif options.settings.pod_cidrs is None:
        log.info(
            "scope",
            "scope: whatever leaves this node, as upstream's agent"
            + ("; --pod-cidrs would limit it to what Pods send" if options.native else ""),
        )
    else:
        log.info(
            "scope",
            f"scope: what this node's Pods send ({', '.join(map(str, options.settings.pod_cidrs))})",
        )
    if options.transition is TransitionMode.EXPIRE_ALL:
        log.warning(
            "transition",
            "--transition=expire-all: TCP connections that a new configuration treats differently will be reset",
        )
    if problem := too_little(memory_limit(), api=options.api is not None):
        log.warning("memory limit", problem)
    if options.ignored:
        log.info(
            "flags",
            f"accepted, without effect: {', '.join('--' + name for name in options.ignored)}",
        )


class _Agent:
    """One agent, from its start to its end."""

    def __init__(self, options: Options, log: Log) -> None:
        self._options = options
        self._log = log
        self._stopping = asyncio.Event()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        options, log = self._options, self._log
        origin = origin_of(options, log)
        self._turn = NodeTurn(options.metrics_bind_address, log, self._stopping)
        if not options.observe and not await self._turn.taken():
            return 0
        remembered, problem = origin.memory.recall()
        if problem:
            log.warning("memory", problem)
        tally, worker = Tally(), Worker()
        sightings = Sightings(log, tally)
        opened = worker.run(lambda: choose_backend(options, log, sightings))
        backend = await self._unless_stopped(opened)
        if backend is None:
            return 0
        hears = backend.poll_interval is None and not options.observe
        drift = DriftListener() if hears else None
        cluster = self._cluster_side(origin, tally, worker, backend)
        holding = Holding(options.settings, remembered, origin.file_format)
        keeper = Keeper(
            source=origin.source,
            backend=backend,
            holding=holding,
            memory=Memory(None) if options.observe else origin.memory,
            observer=Observers(
                (self._announcer(), tally, *([cluster.reporter.observer] if cluster else []))
            ),
            transitions=Transitions(options.transition, log),
            drift=drift,
        )
        endpoints = Endpoints(
            tally,
            worker,
            backend=backend.name,
            count=backend.connections,
            more=cluster.reporter.metrics if cluster else tuple,
        )
        server = self._serve(endpoints)
        answering = self._answer_queries(
            queries(options, tally, backend.name, cluster.reporter.status if cluster else None)
        )
        loop_of_events = Loop(
            keeper=keeper,
            watch=origin.watch,
            drift=drift,
            worker=worker,
            endpoints=endpoints,
            log=log,
        )
        conflicts = self._watch_conflicts(backend, tally, sightings)
        loop.add_signal_handler(signal.SIGHUP, self._look_again, origin, loop_of_events)
        watching = self._watch_api(origin, loop_of_events)
        if cluster:
            cluster.begin(loop_of_events)
        await self._unless_stopped(_first_answers(origin, cluster, holding))
        await loop_of_events.run(self._stopping)
        for task in filter(None, (conflicts, watching)):
            task.cancel()
        _close(cluster, server, answering, origin.watch, drift)
        log.info("stopped", "nothing was written" if options.observe else _stays(options, backend))
        return 0

    def _watch_api(self, origin: Origin, loop: Loop) -> "asyncio.Task[None] | None":
        """In API mode the watch as a task."""
        if origin.api is None:
            return None
        return asyncio.create_task(origin.api.run(loop.source_has_news))

    def _cluster_side(
        self, origin: Origin, tally: Tally, worker: Worker, backend: Backend
    ) -> "ClusterSide | None":
        """Who tells the cluster, and knows the Node, in API mode."""
        options, client, api = self._options, origin.client, origin.api
        if options.api is None or client is None or api is None:
            return None
        from wayhome.agent.cluster_side import ClusterSide  # noqa: PLC0415  # it brings ssl

        return ClusterSide(
            options,
            options.api,
            client,
            api,
            tally=tally,
            worker=worker,
            log=self._log,
            backend=backend,
        )

    def _look_again(self, origin: Origin, loop: Loop) -> None:
        self._log.info("looking", "SIGHUP received: the configuration is looked at again")
        if origin.api:
            origin.api.renew()
        loop.source_has_news()

    def _announcer(self) -> Announcer:
        if not self._options.observe:
            return Announcer(self._log, self._options.source)
        from wayhome.agent.observing import ObservingAnnouncer  # noqa: PLC0415  # as in choose_backend

        return ObservingAnnouncer(self._log, self._options.source)

    def _watch_conflicts(
        self, backend: Backend, tally: Tally, sightings: Sightings
    ) -> "asyncio.Task[None] | None":
        interval = self._options.conflict_interval
        if interval is None:
            return None
        # Few agents are asked for it.
        from wayhome.agent.conflict_watch import ConflictWatch, question_of  # noqa: PLC0415

        question = question_of(self._options, backend.name)
        return asyncio.create_task(ConflictWatch(tally, sightings, question, interval).run())

    async def _unless_stopped(self, awaited: Awaitable[Result]) -> Result | None:
        """Its result; None if the process is told to end first, because a program may hang."""
        call = asyncio.ensure_future(awaited)
        stop = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait((call, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        return call.result() if call.done() else None

    def _serve(self, endpoints: Endpoints) -> Server | None:
        """Answer over HTTP where that is asked for. An address that cannot be had is no reason to lose the rules."""
        if self._options.metrics_bind_address is None:
            return None
        host, port = self._options.metrics_bind_address
        try:
            return http.serve(host, port, endpoints.paths)
        except OSError as error:
            self._log.error(
                "metrics",
                f"--metrics-bind-address: {host}:{port} cannot be listened on ({error.strerror}); "
                "there are no metrics and no health checks",
            )
            return None

    def _answer_queries(self, queries: Queries) -> Server | None:
        path = self._options.query_socket
        if path is None:
            return None
        try:
            return query_server.serve(path, queries)
        except OSError as error:
            self._log.error(
                "query socket",
                f"--query-socket: {path} cannot be listened on ({error.strerror}); `wayhome cluster` cannot ask this agent",
            )
            return None

    def _stop(self, number: int) -> None:
        self._log.info("stopping", f"{signal.Signals(number).name} received")
        self._stopping.set()


def _first_answers(
    origin: Origin, cluster: "ClusterSide | None", holding: Holding
) -> Awaitable[object]:
    """Ends when the API has said what the first step must not do without, or has not in time; both are waited for at once."""
    awaited: list[Awaitable[None]] = []
    if origin.api and not holding.has_one:
        awaited.append(origin.api.answered())
    if cluster and (scope := cluster.scope_awaited):
        awaited.append(scope)
    return asyncio.gather(*awaited)


class _Closable(Protocol):
    def close(self) -> None: ...


def _close(*held: _Closable | None) -> None:
    for one in filter(None, held):
        one.close()


def _stays(options: Options, backend: Backend) -> str:
    """A chain of iptables may be upstream's, so `clean` removes it only where it is named."""
    name = options.masq_chain or iptables.CHAIN
    chain = "" if backend.name == BackendName.NFTABLES else f" --masq-chain={name}"
    return f"the rules stay in place; `wayhome-agent clean{chain}` removes them"
