"""The agent as a process: command line, lock, event loop, signals.

One asyncio loop waits for four things: the folder of the configuration file, the kernel's news about nftables, a
signal, and the time of the next step. What is due is done by a worker thread, for as long as the kernel takes; between
events the process sleeps.
"""

import asyncio
import math
import os
import signal
import time
from collections.abc import Callable
from typing import Protocol

from wayhome import __version__
from wayhome.agent.announcer import Announcer
from wayhome.agent.arguments import Options
from wayhome.agent.holding import Holding
from wayhome.agent.keeper import Keeper
from wayhome.agent.lock import NodeLock
from wayhome.agent.logs import Log
from wayhome.agent.memory import Memory
from wayhome.agent.source import FileSource
from wayhome.agent.watch import POLL_INTERVAL, SourceWatch
from wayhome.agent.worker import Worker
from wayhome.kernel import DriftListener, KernelError, NftablesKernel

LOCK_INTERVAL = 5.0
"""Seconds between two attempts of a second agent on the same node."""
LAST_STEP_SECONDS = 5.0
"""How long an agent that is told to end waits for what it has begun. Kubernetes gives a Pod 30 s."""


def run(options: Options) -> int:
    """Keep the rules until SIGTERM. Returns the exit code; the rules stay."""
    log = Log(options.log_format)
    _introduce(options, log)
    try:
        return asyncio.run(_Agent(options, log).run())
    except KernelError as error:
        log.error("kernel", str(error))
        return 4


def _introduce(options: Options, log: Log) -> None:
    log.info(
        "started",
        f"wayhome {__version__} keeps this node's masquerade rules as {options.config} says",
    )
    if options.settings.pod_cidrs is None:
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
    if options.masq_chain:
        log.info(
            "flags",
            f"--masq-chain={options.masq_chain} names nothing: the rules are the nftables table inet wayhome",
        )
    if options.ignored:
        log.info(
            "flags",
            f"accepted, without effect: {', '.join('--' + name for name in options.ignored)}",
        )


class _Readable(Protocol):
    """Something that the loop can wait for."""

    def fileno(self) -> int:
        """Its descriptor."""


class _Agent:
    """What the loop waits for."""

    def __init__(self, options: Options, log: Log) -> None:
        self._options = options
        self._log = log
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._source_news = False
        self._tables_news = False
        self._listened: dict[str, tuple[_Readable, int]] = {}

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        if not await self._acquire_node():
            return 0
        memory = Memory(self._options.state)
        remembered, problem = memory.recall()
        if problem:
            self._log.warning("memory", problem)
        self._watch = SourceWatch(self._options.config, self._log)
        self._drift = DriftListener()
        self._keeper = Keeper(
            source=FileSource(self._options.config),
            kernel=NftablesKernel(),
            holding=Holding(self._options.settings, remembered),
            memory=memory,
            masquerade=self._options.masquerade,
            observer=Announcer(self._log, str(self._options.config)),
            drift=self._drift,
        )
        self._worker = Worker()
        loop.add_signal_handler(signal.SIGHUP, self._source_has_news)
        while not self._stopping.is_set():
            await self._turn()
        self._watch.close()
        self._drift.close()
        self._log.info("stopped", "the rules stay in place; `wayhome node clean` removes them")
        return 0

    async def _turn(self) -> None:
        """Watch, do what is due, and sleep until something else is."""
        self._wake.clear()
        if self._watch.renew():
            self._source_news = True  # what happened before it was watched was not seen
        self._listen("source", self._watch.current, self._source_readable)
        self._hand_over_news()
        due = await self._step()
        if self._watch.current is None:
            due = min(due, time.monotonic() + POLL_INTERVAL)
        # While a verification is due anyway, the kernel's news are not read: at a thousand changes a second by others,
        # reading them would be all that this process does.
        drift = None if self._keeper.verification_due else self._drift
        self._listen("drift", drift, self._tables_have_news)
        try:
            timeout = None if due == math.inf else max(due - time.monotonic(), 0)
            await asyncio.wait_for(self._wake.wait(), timeout)
        except TimeoutError:
            if self._watch.current is None:
                self._source_news = True

    def _hand_over_news(self) -> None:
        """The keeper belongs to the worker while it steps, and hears only between two steps of what came meanwhile."""
        if self._source_news:
            self._source_news = False
            self._keeper.source_changed()
        if self._tables_news:
            self._tables_news = False
            self._keeper.tables_changed()

    async def _step(self) -> float:
        """Let the worker do what is due. Returns the time of the next step, by time.monotonic."""
        self._listen("drift", None, self._tables_have_news)  # the step itself takes those
        step = self._worker.run(self._keeper.step)
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait((step, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not step.done():
            await asyncio.wait((step,), timeout=LAST_STEP_SECONDS)
        if step.done():
            return step.result()
        self._log.warning(
            "abandoned",
            "a change was still being made; the kernel holds it as a whole or not at all",
        )
        return math.inf

    def _listen(self, name: str, what: _Readable | None, callback: Callable[[], None]) -> None:
        """Have `callback` called when `what` is readable; None: no more.

        Compared as objects: a new watch may well have the number of the one that was closed.
        """
        loop = asyncio.get_running_loop()
        known = self._listened.get(name)
        if known and known[0] is not what:
            loop.remove_reader(known[1])
            del self._listened[name]
        if what is not None and name not in self._listened:
            self._listened[name] = what, what.fileno()
            loop.add_reader(what.fileno(), callback)

    def _source_readable(self) -> None:
        if self._watch.drain():
            self._source_has_news()
        self._listen("source", self._watch.current, self._source_readable)

    def _source_has_news(self) -> None:
        self._source_news = True
        self._wake.set()

    def _tables_have_news(self) -> None:
        self._listen("drift", None, self._tables_have_news)  # once is enough until they are read
        self._tables_news = True
        self._wake.set()

    def _stop(self, number: int) -> None:
        self._log.info("stopping", f"{signal.Signals(number).name} received")
        self._stopping.set()
        self._wake.set()

    async def _acquire_node(self) -> bool:
        lock = self._lock = NodeLock()
        said = False
        while not self._stopping.is_set():
            if lock.try_acquire():
                return True
            if not said:
                said = True
                self._log.warning(
                    "waiting",
                    "another wayhome agent keeps this node's rules; this one takes over when it ends",
                    pid=os.getpid(),
                )
            try:
                await asyncio.wait_for(self._stopping.wait(), LOCK_INTERVAL)
            except TimeoutError:
                continue
        return False
