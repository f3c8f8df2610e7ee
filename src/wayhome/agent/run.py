"""The agent as a process: command line, lock, event loop, signals.

One asyncio loop waits for four things: the folder of the configuration file, the kernel's news about nftables, a
signal, and the time of the next step. Nothing else runs; between events the process sleeps.
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
from wayhome.kernel import DriftListener, KernelError, NftablesKernel

LOCK_INTERVAL = 5.0
"""Seconds between two attempts of a second agent on the same node."""


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
        self._stopping = False
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
            announcer=Announcer(self._log, str(self._options.config)),
            drift=self._drift,
        )
        loop.add_signal_handler(signal.SIGHUP, self._look)
        while not self._stopping:
            await self._turn()
        self._watch.close()
        self._drift.close()
        self._log.info("stopped", "the rules stay in place; `wayhome node clean` removes them")
        return 0

    async def _turn(self) -> None:
        """Watch, do what is due, and sleep until something else is."""
        if self._watch.renew():
            self._keeper.source_changed()  # what happened before it was watched was not seen
        due = self._keeper.step()
        if self._watch.current is None:
            due = min(due, time.monotonic() + POLL_INTERVAL)
        self._listen("source", self._watch.current, self._source_readable)
        # While a verification is due anyway, the kernel's news are not read: at a thousand changes a second by others,
        # reading them would be all that this process does.
        drift = None if self._keeper.verification_due else self._drift
        self._listen("drift", drift, self._drift_readable)
        self._wake.clear()
        try:
            timeout = None if due == math.inf else max(due - time.monotonic(), 0)
            await asyncio.wait_for(self._wake.wait(), timeout)
        except TimeoutError:
            if self._watch.current is None:
                self._keeper.source_changed()

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
            self._look()

    def _drift_readable(self) -> None:
        self._keeper.tables_changed()
        self._wake.set()

    def _look(self) -> None:
        self._keeper.source_changed()
        self._wake.set()

    def _stop(self, number: int) -> None:
        self._log.info("stopping", f"{signal.Signals(number).name} received")
        self._stopping = True
        self._wake.set()

    async def _acquire_node(self) -> bool:
        lock = self._lock = NodeLock()
        said = False
        while not self._stopping:
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
                await asyncio.wait_for(self._wake.wait(), LOCK_INTERVAL)
            except TimeoutError:
                continue
        return False
